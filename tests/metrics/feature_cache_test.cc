#include "cq/metrics/feature_cache.h"

#include <chrono>

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "tests/io/temp_folder.h"

namespace cq {
namespace {

class Named final : public FeatureNetwork {
 public:
  explicit Named(std::string weights) : weights_(std::move(weights)) {}
  std::string name() const override { return "inception"; }
  std::string weights_hash() const override { return weights_; }
  std::string resize() const override { return "adm"; }
  bool has_logits() const override { return false; }
  int64_t width() const override { return 4; }
  Features compute(const at::Tensor&) override { throw RunError("nothing is computed here"); }

 private:
  std::string weights_;
};

constexpr int64_t kRows = 1000;  // 16 kB of features and a header

SampleBatch features(double value) {
  SampleBatch side;
  side.features = at::full({kRows, 4}, value);
  return side;
}

SampleBatch spatial(double value) {
  SampleBatch side;
  side.spatial = at::full({kRows, 4}, value);
  return side;
}

class ReferenceCache : public ::testing::Test {
 protected:
  FeatureCache of(const std::string& content, uintmax_t most = FeatureCache::kMostBytes) const {
    return {folder_ / "cache", content, network_, most};
  }
  static bool finds(const FeatureCache& cache, double value) {
    SampleBatch side;
    return cache.find(true, false, side) && at::equal(side.features, features(value).features);
  }
  /// As if it had been used last so many minutes ago.
  static void age(const FeatureCache& cache, int minutes) {
    std::filesystem::last_write_time(cache.file(), std::filesystem::file_time_type::clock::now() -
                                                       std::chrono::minutes(minutes));
  }

  test::TempFolder folder_;
  Named network_{"0123"};
};

TEST_F(ReferenceCache, HoldsManySetsAndNetworksSideBySide) {
  of("a").keep(features(1));
  of("b").keep(features(2));
  const FeatureCache other(folder_ / "cache", "a", Named("4567"));
  other.keep(features(3));
  EXPECT_TRUE(finds(of("a"), 1));
  EXPECT_TRUE(finds(of("b"), 2));
  EXPECT_TRUE(finds(other, 3));
  EXPECT_FALSE(finds(of("c"), 1));
}

TEST_F(ReferenceCache, AddsToWhatAnEntryHas) {
  of("a").keep(features(1));
  of("a").keep(spatial(2));
  SampleBatch both;
  ASSERT_TRUE(of("a").find(true, true, both));
  EXPECT_TRUE(at::equal(both.features, features(1).features));
  EXPECT_TRUE(at::equal(both.spatial, spatial(2).spatial));
  of("a").keep(features(3));
  EXPECT_TRUE(finds(of("a"), 3));
  // What is damaged is replaced, not added to.
  std::filesystem::resize_file(of("a").file(), 100);
  EXPECT_FALSE(finds(of("a"), 3));
  of("a").keep(features(4));
  EXPECT_TRUE(finds(of("a"), 4));
  EXPECT_FALSE(of("a").find(true, true, both));
}

TEST_F(ReferenceCache, TheLongestUnusedLeave) {
  constexpr uintmax_t kThree = 3 * 17000;
  of("a", kThree).keep(features(1));
  of("b", kThree).keep(features(2));
  of("c", kThree).keep(features(3));
  age(of("a"), 3);
  age(of("b"), 2);
  age(of("c"), 1);
  EXPECT_TRUE(finds(of("a"), 1));  // and is the newest by that
  test::write_text(folder_ / "cache" / "notes.safetensors", std::string(60000, ' '));
  of("d", kThree).keep(features(4));
  EXPECT_TRUE(finds(of("a"), 1));
  EXPECT_FALSE(finds(of("b"), 2));
  EXPECT_TRUE(finds(of("c"), 3));
  EXPECT_TRUE(finds(of("d"), 4));
  // One that is larger than all that may be kept is kept alone; foreign files stay.
  of("e", 1000).keep(features(5));
  EXPECT_TRUE(finds(of("e"), 5));
  EXPECT_FALSE(finds(of("d"), 4));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "cache" / "notes.safetensors"));
}

}  // namespace
}  // namespace cq
