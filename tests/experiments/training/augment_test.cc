#include "cq/experiments/training/augment.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

namespace cq {
namespace {

TEST(CutOut, GreysOneSquareOfEachImageAsFarAsItLiesInside) {
  constexpr int64_t n = 400, size = 5, side = 8;
  auto generator = at::detail::createCPUGenerator(1);
  const auto grey = cut_out(at::ones({n, 3, side, side}), size, generator).eq(0);
  EXPECT_TRUE(at::equal(grey.any(1), grey.all(1))) << "all channels alike";
  std::set<int64_t> heights;
  for (int64_t i = 0; i < n; ++i) {
    const auto mask = grey[i][0];
    const int64_t height = mask.any(1).sum().item<int64_t>();
    const int64_t width = mask.any(0).sum().item<int64_t>();
    EXPECT_EQ(mask.sum().item<int64_t>(), height * width) << "a rectangle";
    heights.insert(height);
  }
  // Centres 0..7 of spans [c - 2, c + 3) leave 3, 4, 5, 5, 5, 5, 4 and 3 rows inside.
  EXPECT_EQ(heights, (std::set<int64_t>{3, 4, 5}));
}

TEST(CutOut, OfNothingIsTheImage) {
  auto generator = at::detail::createCPUGenerator(1);
  const auto images = at::rand({2, 3, 4, 4});
  EXPECT_TRUE(at::equal(cut_out(images, 0, generator), images));
}

/// Index of the pixel that position `i` of a line of `n` shows when its ends are mirrors.
int64_t reflected(int64_t i, int64_t n) {
  if (i < 0) return -i;
  return i < n ? i : 2 * (n - 1) - i;
}

TEST(CropShifted, MovesByUpToFourPixelsAndReflectsAtTheBorder) {
  auto generator = at::detail::createCPUGenerator(2);
  constexpr int64_t n = 400, height = 12, width = 9;
  const auto images = at::rand({n, 3, height, width}, generator);
  const auto moved = crop_shifted(images, generator);
  ASSERT_EQ(moved.sizes(), images.sizes());
  std::map<std::pair<int64_t, int64_t>, int64_t> shifts;
  for (int64_t i = 0; i < n; ++i) {
    const auto before = images[i], after = moved[i];
    const auto explains = [&](int64_t dy, int64_t dx) {
      for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x) {
          const int64_t from_y = reflected(y + dy, height), from_x = reflected(x + dx, width);
          const auto *a = before.const_data_ptr<float>(), *b = after.const_data_ptr<float>();
          for (int64_t c = 0; c < 3; ++c) {
            if (b[(c * height + y) * width + x] != a[(c * height + from_y) * width + from_x]) {
              return false;
            }
          }
        }
      }
      return true;
    };
    int64_t found = 0;
    for (int64_t dy = -5; dy <= 5; ++dy) {
      for (int64_t dx = -5; dx <= 5; ++dx) {
        if (!explains(dy, dx)) continue;
        ++found;
        ++shifts[{dy, dx}];
      }
    }
    ASSERT_EQ(found, 1) << "image " << i;
  }
  int64_t least = 0, most = 0;
  for (const auto& [shift, count] : shifts) {
    least = std::min({least, shift.first, shift.second});
    most = std::max({most, shift.first, shift.second});
  }
  EXPECT_EQ(least, -4);
  EXPECT_EQ(most, 4);
  EXPECT_GT(shifts.size(), 70u) << "of 81 shifts";
}

TEST(FlipSome, MirrorsAboutHalf) {
  auto generator = at::detail::createCPUGenerator(3);
  constexpr int64_t n = 400;
  const auto images = at::rand({n, 3, 4, 5}, generator);
  const auto flipped = flip_some(images, generator);
  const auto mirrored = at::stack({images.select(3, 4), images.select(3, 3), images.select(3, 2),
                                   images.select(3, 1), images.select(3, 0)},
                                  3);
  int64_t changed = 0;
  for (int64_t i = 0; i < n; ++i) {
    const bool same = at::equal(flipped[i], images[i]);
    EXPECT_NE(same, at::equal(flipped[i], mirrored[i]));
    changed += same ? 0 : 1;
  }
  EXPECT_NEAR(double(changed), 200, 50);  // five deviations
}

TEST(BlurSome, SpreadsAPixelOverItsNeighbours) {
  auto generator = at::detail::createCPUGenerator(4);
  auto images = at::zeros({64, 3, 5, 5});
  images.select(2, 2).select(2, 2).fill_(16);
  const auto blurred = blur_some(images, 0.5, generator);
  const auto expected = at::tensor({1.0F, 2.0F, 1.0F, 2.0F, 4.0F, 2.0F, 1.0F, 2.0F, 1.0F});
  int64_t changed = 0;
  for (int64_t i = 0; i < 64; ++i) {
    if (at::equal(blurred[i], images[i])) continue;
    ++changed;
    for (int64_t c = 0; c < 3; ++c) {
      EXPECT_TRUE(at::equal(blurred[i][c].slice(0, 1, 4).slice(1, 1, 4).flatten(), expected));
      EXPECT_EQ(blurred[i][c].sum().item<float>(), 16);
    }
  }
  EXPECT_NEAR(double(changed), 32, 20);
}

TEST(Mix, AddsTheImageBefore) {
  // Images 0, 10, 20: 0.5 0 + 0.5 20, 1 10 + 0 0, 0.25 20 + 0.75 10.
  const auto images = at::tensor({0.0F, 10.0F, 20.0F}).view({3, 1, 1, 1}).expand({3, 3, 2, 2});
  const auto mixed = mix(images, at::tensor({0.5F, 1.0F, 0.25F}));
  EXPECT_TRUE(at::equal(mixed.amax({1, 2, 3}), at::tensor({10.0F, 10.0F, 12.5F})));
  EXPECT_TRUE(at::equal(mixed.amin({1, 2, 3}), at::tensor({10.0F, 10.0F, 12.5F})));
}

TEST(Mix, TakesTheShareOfImagesThatIsAskedFor) {
  auto generator = at::detail::createCPUGenerator(5);
  const auto shares = draw_shares(4000, 0.25, generator);
  EXPECT_NEAR(shares.lt(1).sum().item<double>(), 1000, 150);  // five deviations
  EXPECT_NEAR(shares.masked_select(shares.lt(1)).mean().item<double>(), 0.5, 0.05);
  EXPECT_TRUE(at::equal(draw_shares(5, 0, generator), at::ones({5})));
}

}  // namespace
}  // namespace cq
