#include "cq/core/kernels/group_norm.h"

#include <algorithm>

#include "tests/core/kernels/kernel_cases.h"

namespace cq::kernels {
namespace {

/// Two operands (the second perhaps absent), floats or codes, with all that may be folded.
struct Case {
  int64_t images, positions, channels[2], groups;
  bool coded[2];
  bool affine, modulated;
};

struct Data {
  Data(const Case& k, Draw& draw, float mean, float spread) : c(k.channels[0] + k.channels[1]) {
    const int64_t rows = k.images * k.positions;
    for (int i = 0; i < 2; ++i) {
      x[i] = draw.normal(rows * k.channels[i], spread, mean);
      codes[i] = draw.whole<uint8_t>(rows * k.channels[i], 0, 255);
      slope[i] = draw.normal(k.channels[i], 0.02F);
      intercept[i] = draw.normal(k.channels[i], 1);
      auto& o = norm.operands[i];
      o.channels = k.channels[i];
      if (k.coded[i]) {
        o.x.codes = rows_of(codes[i], k.channels[i]);
        o.slope = slope[i].data();
        o.intercept = intercept[i].data();
      } else {
        o.x.floats = rows_of(x[i], k.channels[i]);
      }
    }
    weight = draw.normal(c);
    bias = draw.normal(c);
    scale = draw.normal(k.images * 2 * c);
    factor.assign(size_t(k.images * c), 0);
    offset = factor;
    norm.positions = k.positions;
    norm.groups = k.groups;
    if (k.affine) norm.weight = weight.data(), norm.bias = bias.data();
    if (k.modulated) norm.scale = {scale.data(), 2 * c}, norm.shift = {scale.data() + c, 2 * c};
    norm.factor = {factor.data(), c};
    norm.offset = {offset.data(), c};
    moments.assign(size_t(group_norm_workspace(norm, k.images)), -1);
    norm.moments = moments.data();
  }
  void run(int64_t images) {
    // In two ranges, the later one first: what two threads may do.
    const int64_t parts = images * group_norm_parts(norm);
    group_norm_moments(norm, parts / 2, parts);
    group_norm_moments(norm, 0, parts / 2);
    group_norm_factors(norm, 0, images);
  }
  int64_t c;
  std::vector<float> x[2], slope[2], intercept[2], weight, bias, scale, factor, offset, moments;
  std::vector<uint8_t> codes[2];
  GroupNorm norm;
};

// What matters is the normalised value factor x + offset, whose size is about 1.
void expect_close(const Data& d, const std::vector<float>& factor, const std::vector<float>& offset,
                  double typical, double tolerance) {
  for (size_t i = 0; i < factor.size(); ++i) {
    const double got = d.factor[i] * typical + d.offset[i], want = factor[i] * typical + offset[i];
    ASSERT_NEAR(got, want, tolerance * (1 + std::abs(want))) << "channel " << i;
  }
}

void check(const Case& k, float mean = 0, float spread = 1, double tolerance = 2e-5) {
  Draw draw(uint32_t(k.positions * 7 + k.channels[0]));
  Data d(k, draw, mean, spread);
  group_norm_factors_reference(d.norm, 0, k.images);
  const auto factor = d.factor, offset = d.offset;
  on_each_target([&] {
    std::fill(d.factor.begin(), d.factor.end(), -9);
    d.run(k.images);
    const bool coded = k.coded[0];
    expect_close(d, factor, offset, coded ? 128 : mean + spread, tolerance);
    expect_close(d, factor, offset, coded ? 0 : mean - spread, tolerance);
  });
}

TEST(GroupNorm, ShapesWithTails) {
  for (const int64_t channels : {1, 3, 17, 64, 384}) {
    for (const int64_t positions : {1, 2, 63, 64, 257, 600}) {
      check({2, positions, {channels, 0}, channels % 3 == 0 ? 3 : 1, {}, true, false});
    }
  }
}

// DDPM on CIFAR-10: 384 channels, 12 a group, the seam at 256 inside a group.
TEST(GroupNorm, GroupsStraddleTheSeamOfFloatsAndCodes) {
  for (const bool first : {false, true}) {
    for (const bool second : {false, true}) {
      check({2, 300, {256, 128}, 32, {first, second}, true, true});
      check({2, 16, {5, 7}, 2, {first, second}, false, true});
      check({1, 9, {3, 5}, 8, {first, second}, false, false});
    }
  }
}

TEST(GroupNorm, LargeMeansLoseNoDigits) {
  // In float32 the mean of squares less the square of the mean would have no correct digit.
  check({2, 1024, {64, 0}, 32, {}, true, false}, 3000, 1, 2e-3);
  check({2, 1024, {64, 0}, 32, {}, true, false}, 3000, 1e-2F, 5e-2);
}

// The result is a function of the values: repeated and split in whatever way, it is the same.
TEST(GroupNorm, RepeatsBitForBit) {
  Draw draw(9);
  Data d({3, 700, {40, 24}, 8, {}, true, true}, draw, 0, 1);
  d.run(3);
  const auto factor = d.factor, offset = d.offset;
  for (int64_t i = 0; i < 3 * group_norm_parts(d.norm); ++i) group_norm_moments(d.norm, i, i + 1);
  for (int64_t i = 0; i < 3; ++i) group_norm_factors(d.norm, i, i + 1);
  EXPECT_EQ(d.factor, factor);
  EXPECT_EQ(d.offset, offset);
}

TEST(GroupNorm, ConstantImagesStayFinite) {
  on_each_target([] {
    Draw draw(5);
    Data d({1, 64, {8, 0}, 2, {}, false, false}, draw, 0, 0);
    std::fill(d.x[0].begin(), d.x[0].end(), 5.0F);
    d.run(1);
    for (size_t i = 0; i < d.factor.size(); ++i) {
      EXPECT_NEAR(d.factor[i], 1 / std::sqrt(1e-5), 1e-2);
      EXPECT_NEAR(d.factor[i] * 5 + d.offset[i], 0, 1e-3);
    }
  });
}

}  // namespace
}  // namespace cq::kernels
