#include "cq/config/decimal.h"

#include <cmath>

#include <gtest/gtest.h>

namespace cq::config {
namespace {

TEST(Decimal, ReadsDoublesExactly) {
  for (const double value : {0.0, 1.0, -1.5, 0.1, 1e300, 5e-324, 123456789.125, -1e-7}) {
    EXPECT_EQ(Decimal(value).value(), value);
  }
  EXPECT_EQ(Decimal(std::int64_t{9007199254740993}).value(), 9007199254740992.0);
  EXPECT_EQ(compare(Decimal(std::int64_t{9007199254740993}), Decimal(9007199254740992.0)), 1);
}

TEST(Decimal, Compares) {
  EXPECT_EQ(compare(Decimal(0.1), Decimal(0.2)), -1);
  EXPECT_EQ(compare(Decimal(-0.1), Decimal(-0.2)), 1);
  EXPECT_EQ(compare(Decimal(-1.0), Decimal(1.0)), -1);
  EXPECT_EQ(compare(Decimal(0.0), Decimal(-0.0)), 0);
  EXPECT_EQ(compare(Decimal(100.0), Decimal(std::int64_t{100})), 0);
}

TEST(Decimal, AddsLikePython) {
  // >>> D = decimal.Decimal; D(0.1) + D(0.1) == D('0.2000000000000000111022302463')
  const Decimal sum = Decimal(0.1) + Decimal(0.1);
  EXPECT_EQ(sum.value(), 0.2);
  EXPECT_EQ(compare(sum, Decimal(0.2)), 1);  // D(0.2) is 0.200000000000000011102230246251565...
  // >>> D(0) + D(0.1) + D(0.1) < D(0.2)
  EXPECT_EQ(compare(Decimal(0.0) + Decimal(0.1) + Decimal(0.1), Decimal(0.2)), -1);
  // 2^93 has 28 digits and is even: halves go to it from both sides.
  const Decimal large(std::ldexp(1.0, 93));
  EXPECT_EQ(compare(large + Decimal(0.5), large), 0);
  EXPECT_EQ(compare(large + Decimal(0.75), large + Decimal(1.0)), 0);
  EXPECT_EQ(compare(large + Decimal(1.0) + Decimal(0.5), large + Decimal(2.0)), 0);
  EXPECT_EQ(compare(Decimal(1.5) + Decimal(-1.5), Decimal(0.0)), 0);
  EXPECT_EQ((Decimal(1e300) + Decimal(-1.0)).value(), 1e300);
  EXPECT_EQ((Decimal(-0.25) + Decimal(1.0)).value(), 0.75);
}

}  // namespace
}  // namespace cq::config
