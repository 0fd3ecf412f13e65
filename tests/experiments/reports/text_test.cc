#include "cq/experiments/reports/text.h"

#include <gtest/gtest.h>

namespace cq::reports {
namespace {

TEST(Text, FixedKeepsDecimalsAndNeverPrintsMinusZero) {
  EXPECT_EQ(fixed(12.345, 2), "12.35");
  EXPECT_EQ(fixed(-0.0, 2), "0.00");
  EXPECT_EQ(fixed(0.00012, 2), "1.20e-04");
  EXPECT_EQ(fixed(-3.5, 1), "-3.5");
  EXPECT_EQ(fixed(2.5e7, 2), "2.50e+07");
}

TEST(Text, SiPrefixesHoldThreeDigits) {
  EXPECT_EQ(with_si(0), "0.00");
  EXPECT_EQ(with_si(999.4), "999");
  EXPECT_EQ(with_si(999.6), "1.00k");
  EXPECT_EQ(with_si(87.04e9), "87.0G");
  EXPECT_EQ(with_si(133.58e12), "134T");
}

TEST(Text, Seconds) {
  EXPECT_EQ(seconds_text(0.0421), "42.1 ms");
  EXPECT_EQ(seconds_text(3.456), "3.46 s");
  EXPECT_EQ(seconds_text(2.5e-5), "25 µs");
}

TEST(Text, HtmlAndLatexAreSafe) {
  EXPECT_EQ(html("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
  EXPECT_EQ(latex("a_b 50% $x\\y"), "a\\_b 50\\% \\$x\\textbackslash{}y");
  EXPECT_EQ(latex("1 ± 2"), "1 $\\pm$ 2");
  // pdflatex would stop at a character it does not know.
  EXPECT_EQ(latex("漢字"), "??");
}

TEST(Text, MarkdownCannotLeaveItsTableCell) {
  EXPECT_EQ(markdown("a|b\n# c"), "a\\|b \\# c");
}

TEST(Text, CsvQuotesAsRfc4180) {
  EXPECT_EQ(csv("plain"), "plain");
  EXPECT_EQ(csv("a,\"b\""), "\"a,\"\"b\"\"\"");
  EXPECT_EQ(csv("two\nlines"), "\"two\nlines\"");
}

TEST(Text, WidthCountsCharacters) {
  EXPECT_EQ(display_width("±†—"), 3u);
  EXPECT_EQ(shortened("±†—x", 3), "±†…");
  EXPECT_EQ(shortened("abc", 3), "abc");
}

// The test vectors of RFC 4648, section 10.
TEST(Text, Base64) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

}  // namespace
}  // namespace cq::reports
