#include "cq/core/io/printable.h"

#include <gtest/gtest.h>

namespace cq {
namespace {

TEST(Printable, keeps_text_and_escapes_controls_and_damaged_bytes) {
  EXPECT_EQ(printable("conv.weight"), "conv.weight");
  EXPECT_EQ(printable("größe 層 😀"), "größe 層 😀");
  EXPECT_EQ(printable("a\nb\tc"), "a\\nb\\tc");
  EXPECT_EQ(printable("\x1b[31mred"), "\\u001b[31mred");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\u0000b");
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(printable("\xc0\x80"), "\\xc0\\x80") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(printable("a\u202eb"), "a\\u202eb") << "right-to-left override";
}

TEST(Printable, cuts_long_text) {
  EXPECT_EQ(printable(std::string(300, 'x'), 5), "xxxxx...");
}

}  // namespace
}  // namespace cq
