#include "cq/experiments/training/augment.h"

#include <algorithm>
#include <set>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
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

TEST(CropShifted, MovesByUpToFourPixelsAndFillsWithBlack) {
  auto generator = at::detail::createCPUGenerator(2);
  constexpr int64_t n = 300, side = 12;
  // One white pixel in the middle shows where each image went.
  auto images = at::full({n, 3, side, side}, -1.0F);
  images.slice(2, 6, 7).slice(3, 6, 7).fill_(1);
  const auto moved = crop_shifted(images, generator);
  std::set<int64_t> rows;
  for (int64_t i = 0; i < n; ++i) {
    const auto white = moved[i][0].eq(1);
    ASSERT_EQ(white.sum().item<int64_t>(), 1);
    rows.insert(white.any(1).to(at::kInt).argmax().item<int64_t>());
  }
  EXPECT_EQ(rows, (std::set<int64_t>{2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

}  // namespace
}  // namespace cq
