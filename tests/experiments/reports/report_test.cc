#include "cq/experiments/reports/report.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/experiments/reports/text.h"
#include "tests/experiments/reports/fake_results.h"

namespace cq {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

std::string written(const fs::path& results, const std::string& format) {
  write_report({{results}, {format}, false, {}});
  return read_text(results / ("report." + format));
}

class ReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    results_ = scratch_.path() / "ablation";
    // CQ_KEEP_REPORT=DIR leaves the made-up experiment there, to look at.
    if (const char* keep = std::getenv("CQ_KEEP_REPORT")) results_ = fs::path(keep) / "ablation";
    testing::write_ablation(results_);
  }
  testing::ScratchFolder scratch_;
  fs::path results_;
};

TEST_F(ReportTest, HtmlLoadsNothingFromElsewhere) {
  const std::string page = written(results_, "html");
  const std::regex address("(src|href)=[\"'](?!data:image/png;base64,|#)");
  EXPECT_FALSE(std::regex_search(page.substr(0, page.find("<script>")), address));
  EXPECT_THAT(page, Not(HasSubstr("url(http")));
  EXPECT_THAT(page, Not(HasSubstr("@import")));
}

TEST_F(ReportTest, HtmlIdsAreUnique) {
  const std::string page = written(results_, "html");
  const std::regex id(" id=[\"']([^\"']+)[\"']");
  std::set<std::string> seen;
  for (std::sregex_iterator at(page.begin(), page.end(), id), end; at != end; ++at)
    EXPECT_TRUE(seen.insert((*at)[1]).second) << (*at)[1];
  EXPECT_GT(seen.size(), 20u);
}

TEST_F(ReportTest, EveryWrittenPictureIsLinkedAndThere) {
  const std::string text = written(results_, "md");
  const std::regex link("\\]\\(([^)]+)\\)");
  int links = 0;
  for (std::sregex_iterator at(text.begin(), text.end(), link), end; at != end; ++at, ++links)
    EXPECT_TRUE(fs::exists(results_ / (*at)[1].str())) << (*at)[1];
  EXPECT_GT(links, 20);
}

TEST_F(ReportTest, WritingTwiceGivesTheSameBytes) {
  for (const char* format : {"html", "md", "tex", "csv"}) {
    const std::string first = written(results_, format);
    EXPECT_EQ(first, written(results_, format)) << format;
  }
}

TEST_F(ReportTest, EveryFormatNamesTheNetworkThatIsNotInception) {
  const fs::path results = scratch_.path() / "networks";
  const auto metric = [](double value) { return testing::fake_metric(value); };
  testing::Json metrics;
  for (const char* name : {"fd_cifar", "fd_inf_cifar", "sfd_cifar", "kd_cifar", "is_cifar"})
    metrics[name] = metric(3.5);
  testing::write_cell(results, {.name = "one"}, {{"schema", 1}, {"metrics", metrics}});
  testing::write_cell(results, {.name = "two", .cache = "uniform"},
                      {{"schema", 1}, {"metrics", metrics}});
  const std::regex bare("\\b(FID|FID-inf|sFID|KID|IS)\\b(?! \\((cifar|\\\\))");
  std::map<std::string, std::string> texts{{"terminal", terminal_table({results}, 200)}};
  for (const char* format : {"md", "html", "tex", "csv"}) texts[format] = written(results, format);
  for (const auto& [format, text] : texts) {
    EXPECT_FALSE(std::regex_search(text, bare)) << format;
    if (format == "csv") {
      EXPECT_THAT(text, HasSubstr("fd_cifar")) << format;
      EXPECT_THAT(text, HasSubstr("kd_cifar")) << format;
      continue;
    }
    for (const char* title : {"FD (cifar)", "FD-inf (cifar)", "sFD (cifar)", "IS (cifar)"})
      EXPECT_THAT(text, HasSubstr(title)) << format;
  }
}

TEST_F(ReportTest, TerminalTableKeepsItsWidth) {
  for (const size_t width : {60u, 80u, 120u}) {
    std::istringstream lines(terminal_table({results_}, width));
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(reports::display_width(line), width) << line;
  }
}

TEST_F(ReportTest, FailedSeedsAreNamedUnderTheTable) {
  EXPECT_THAT(terminal_table({results_}), HasSubstr("1 of 3 seeds"));
  EXPECT_THAT(written(results_, "csv"), HasSubstr("failed in correction: [dec] NaN in unit"));
}

TEST_F(ReportTest, LatexNamesBooktabsRules) {
  const std::string text = written(results_, "tex");
  for (const char* rule : {"\\toprule", "\\midrule", "\\bottomrule"})
    EXPECT_THAT(text, HasSubstr(rule));
  EXPECT_TRUE(fs::exists(results_ / "figures/schedules.pdf"));
}

TEST_F(ReportTest, ComparisonMarksWhatTheNoiseFloorHides) {
  const fs::path other = results_.parent_path() / "other";
  testing::write_ablation(other, 0.2);  // the floor of fd_cifar is 0.3
  const fs::path out = results_.parent_path() / "both";
  write_report({{results_, other}, {"md", "html"}, true, out});
  const std::string text = read_text(out / "report.md");
  EXPECT_THAT(text, HasSubstr("| FD (cifar) | 11.20 ± 0.05 | 11.40 ± 0.05 | +0.20 | below the"));
  EXPECT_TRUE(fs::exists(out / "report.html"));
}

TEST_F(ReportTest, MissingGnuplotIsAnErrorWithAHint) {
  const std::string before = std::getenv("PATH");
  setenv("PATH", scratch_.path().c_str(), 1);
  try {
    write_report({{results_}, {"html"}, false, {}});
    ADD_FAILURE() << "expected a RunError";
  } catch (const RunError& error) {
    EXPECT_THAT(error.what(), HasSubstr("install it"));
  }
  EXPECT_NO_THROW(write_report({{results_}, {"csv"}, false, {}}));
  setenv("PATH", before.c_str(), 1);
}

TEST(ReportUsage, NamesWhatIsWrong) {
  testing::ScratchFolder scratch;
  EXPECT_THROW(write_report({{scratch.path() / "absent"}, {}, false, {}}), UsageError);
  EXPECT_THROW(write_report({{scratch.path()}, {}, false, {}}), UsageError);
  EXPECT_THROW(write_report({{scratch.path()}, {"pdf"}, false, {}}), UsageError);
  EXPECT_THROW(write_report({{}, {}, false, {}}), UsageError);
  EXPECT_THROW(write_report({{scratch.path()}, {}, true, {}}), UsageError);
}

}  // namespace
}  // namespace cq
