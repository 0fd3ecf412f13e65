#pragma once
// What the kernels' tests share: every instruction set that the machine has, shapes with tails,
// random operands, comparison of codes.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include "cq/core/kernels/isa.h"
#include "cq/core/kernels/rows.h"

namespace cq::kernels {

/// Runs `body` once on each instruction set that was compiled and the CPU has.
template <class Body>
void on_each_target(const Body& body) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    ASSERT_STREQ(kernel_target(), hwy::TargetName(target));
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

/// Below, at and past the lengths of vectors; real networks' widths.
inline const std::vector<int64_t> kWidths{1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 64, 72, 77, 384};

class Draw {
 public:
  explicit Draw(uint32_t seed) : random_(seed) {}
  std::vector<float> normal(int64_t count, float spread = 1, float mean = 0) {
    std::normal_distribution<float> d(mean, spread);
    std::vector<float> v(size_t(count), 0.0F);
    for (auto& x : v) x = d(random_);
    return v;
  }
  template <class T>
  std::vector<T> whole(int64_t count, int low, int high) {
    std::uniform_int_distribution<int> d(low, high);
    std::vector<T> v(size_t(count), T(0));
    for (auto& x : v) x = T(d(random_));
    return v;
  }
  int64_t one(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

 private:
  std::mt19937 random_;
};

template <class T>
Rows<const T> rows_of(const std::vector<T>& v, int64_t stride) {
  return {v.data(), stride};
}

/// Memory for codes and sums, with a margin that must stay as it was.
struct CodeBuffer {
  CodeBuffer(int64_t row_count, int64_t channel_count, int64_t segment_count = 1,
             int64_t margin_count = 3)
      : rows(row_count),
        channels(channel_count),
        stride(channel_count + margin_count),
        segments(segment_count),
        codes(size_t(row_count * stride), 0xAB),
        sums(size_t(row_count * segment_count), -77) {}
  CodeOutput output(const CodeRange& range, bool as_signed = false, bool with_sums = true) {
    return {{codes.data(), stride}, range, as_signed, with_sums ? sums.data() : nullptr, segments};
  }
  int64_t rows, channels, stride, segments;
  std::vector<uint8_t> codes;
  std::vector<int32_t> sums;
};

/// Codes differ by a step at most, and in few places (1 in 1000, or one in a small tensor); sums
/// are those of the codes; nothing beyond a row is written.
inline void expect_same_codes(const CodeBuffer& fast, const CodeBuffer& plain,
                              const CodeOutput& out) {
  int64_t differing = 0;
  for (int64_t r = 0; r < fast.rows; ++r) {
    std::vector<int64_t> sums(size_t(fast.segments), 0);
    for (int64_t c = 0; c < fast.stride; ++c) {
      const auto at = size_t(r * fast.stride + c);
      if (c >= fast.channels) {
        ASSERT_EQ(fast.codes[at], 0xAB) << "written past row " << r;
        continue;
      }
      const auto value = [&](uint8_t byte) { return out.as_signed ? int8_t(byte) + 128 : byte; };
      const int step = value(fast.codes[at]) - value(plain.codes[at]);
      ASSERT_LE(std::abs(step), 1) << "row " << r << " channel " << c;
      differing += step != 0;
      sums[size_t(c / (fast.channels / fast.segments))] +=
          value(fast.codes[at]) - out.range.zero_point;
    }
    for (int64_t s = 0; s < fast.segments; ++s) {
      const auto found = fast.sums[size_t(r * fast.segments + s)];
      ASSERT_EQ(found, out.sums == nullptr ? -77 : sums[size_t(s)]) << "row " << r;
    }
  }
  EXPECT_LE(differing, 1 + fast.rows * fast.channels / 1000);
}

inline std::vector<CodeRange> some_ranges() {
  return {{1 / 0.03F, 128, 255}, {1 / 0.021F, 7, 255}, {1 / 0.4F, 9, 15},
          {200.0F, 0, 127},      {1 / 0.7F, 1, 3},     {50.0F, 255, 255}};
}

}  // namespace cq::kernels
