#include "cq/experiments/reports/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/experiments/reports/gnuplot.h"

namespace cq::reports {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ParetoFront, LowerIsBetter) {
  // (3, 4) and (5, 3) are beaten by (2, 3); (1, 9) is cheapest, (6, 1) best.
  EXPECT_THAT(pareto_front({{3, 4}, {1, 9}, {6, 1}, {2, 3}, {5, 3}}, false), ElementsAre(1, 3, 2));
}

TEST(ParetoFront, HigherIsBetterAndEqualCosts) {
  EXPECT_THAT(pareto_front({{1, 5}, {1, 7}, {2, 6}, {3, 8}}, true), ElementsAre(1, 3));
  EXPECT_TRUE(pareto_front({}, true).empty());
}

TEST(Quoted, NothingLeavesTheLiteral) {
  EXPECT_EQ(quoted("it's `x`\n!"), "'it''s `x` !'");
}

TEST(Gnuplot, DrawsNamesWithoutRunningThem) {
  Figure figure{"f", "g", "", "c", "set title " + quoted("a'`exit 3`") + "\nplot 1 notitle\n"};
  const std::string svg = render_svg(figure);
  EXPECT_THAT(svg, HasSubstr("`exit 3`"));
  EXPECT_THAT(render_pdf(figure), ::testing::StartsWith("%PDF"));
}

TEST(Gnuplot, FailureNamesThePicture) {
  const Figure figure{"my-figure", "g", "", "c", "plot no_such_thing\n"};
  try {
    render_svg(figure);
    ADD_FAILURE() << "expected a RunError";
  } catch (const RunError& error) {
    EXPECT_THAT(error.what(), HasSubstr("my-figure"));
    EXPECT_THAT(error.what(), HasSubstr("undefined variable"));
  }
}

TEST(InlineSvg, TakesThePagesColour) {
  const Figure figure{"f", "g", "", "c", "plot 1 notitle lc rgb '#4477aa'\n"};
  const std::string svg = inline_svg(render_svg(figure), "one", "a <caption>");
  EXPECT_THAT(svg, ::testing::StartsWith("<svg"));
  EXPECT_THAT(svg, Not(HasSubstr("\"black\"")));
  EXPECT_THAT(svg, Not(HasSubstr("fill=\"#ffffff\"")));
  EXPECT_THAT(svg, Not(HasSubstr("http")));
  EXPECT_THAT(svg, HasSubstr("a &lt;caption&gt;"));
}

}  // namespace
}  // namespace cq::reports
