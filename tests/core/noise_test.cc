#include "cq/core/noise.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

namespace cq {
namespace {

TEST(Noise, AnImageDrawsTheSameWhateverTheBatch) {
  const auto batch = NoiseSource(7, 0).draw(5, {2, 3}, 0);
  for (int64_t i = 0; i < 5; ++i) {
    EXPECT_TRUE(at::equal(NoiseSource(7, i).draw(1, {2, 3}, 0)[0], batch[i])) << i;
  }
}

TEST(Noise, SeedPlusIndexIsTheImage) {
  EXPECT_TRUE(at::equal(NoiseSource(7, 3).draw(1, {4}, 0), NoiseSource(10, 0).draw(1, {4}, 0)));
}

TEST(Noise, StreamsAndSeedsDiffer) {
  const auto one = NoiseSource(0, 0).draw(1, {64}, 0);
  EXPECT_FALSE(at::equal(one, NoiseSource(0, 0).draw(1, {64}, 1)));
  EXPECT_FALSE(at::equal(one, NoiseSource(1, 0).draw(1, {64}, 0)));
}

// Standard errors of mean, variance and fourth moment of n normal values: sqrt(1/n), sqrt(2/n),
// sqrt(96/n).
TEST(Noise, IsStandardNormal) {
  const auto x = NoiseSource(0, 0).draw(100, {1000}, 0).to(at::kDouble).flatten();
  const double n = 1e5;
  EXPECT_NEAR(x.mean().item<double>(), 0, 4 * std::sqrt(1 / n));
  EXPECT_NEAR((x * x).mean().item<double>(), 1, 4 * std::sqrt(2 / n));
  EXPECT_NEAR((x * x * x * x).mean().item<double>(), 3, 4 * std::sqrt(96 / n));
}

}  // namespace
}  // namespace cq
