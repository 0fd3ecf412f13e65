#include "cq/core/distances.h"

#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/distances_kernel.h"

namespace cq {
namespace {

using testing::HasSubstr;
using Shape = std::vector<int64_t>;

// A trajectory that drifts, with a different scale and offset at each step and noise on top.
std::vector<at::Tensor> trajectory(int64_t steps, const Shape& shape, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  std::vector<float> base(static_cast<size_t>(count));
  for (float& value : base) value = normal(random);
  std::vector<at::Tensor> features;
  for (int64_t t = 0; t < steps; ++t) {
    at::Tensor feature = at::empty(shape, at::kFloat);
    auto* out = feature.mutable_data_ptr<float>();
    const float scale = 1 + 0.1f * static_cast<float>(t);
    for (size_t k = 0; k < base.size(); ++k) {
      base[k] += 0.05f * normal(random);
      out[k] = scale * base[k] + 0.3f * static_cast<float>(t);
    }
    features.push_back(feature);
  }
  return features;
}

double value(const at::Tensor& feature, int64_t k) {
  return feature.const_data_ptr<float>()[k];
}

// By the definitions, in float64. Features are [samples, channels, pixels...].
double expected(DistanceMetric metric, const at::Tensor& x, const at::Tensor& y) {
  double absolute = 0, squared = 0, norm = 0;
  for (int64_t k = 0; k < x.numel(); ++k) {
    const double d = value(y, k) - value(x, k);
    absolute += std::abs(d), squared += d * d, norm += std::abs(value(y, k));
  }
  if (metric == DistanceMetric::l1) return absolute;
  if (metric == DistanceMetric::l2) return squared;
  if (metric == DistanceMetric::rel_l1) return absolute / norm;
  const int64_t channels = x.size(1), pixels = x.numel() / x.size(0) / channels;
  double cost = 0;
  for (int64_t c = 0; c < channels; ++c) {
    double n = 0, mx = 0, my = 0, sxx = 0, sxy = 0, residual = 0;
    const auto each = [&](auto&& visit) {
      for (int64_t b = 0; b < x.size(0); ++b) {
        for (int64_t p = 0; p < pixels; ++p) {
          const int64_t k = (b * channels + c) * pixels + p;
          visit(value(x, k), value(y, k));
        }
      }
    };
    each([&](double a, double b) { n += 1, mx += a, my += b; });
    mx /= n, my /= n;
    each([&](double a, double b) { sxx += (a - mx) * (a - mx), sxy += (a - mx) * (b - my); });
    const double slope = sxy / sxx;
    each([&](double a, double b) { residual += std::pow(b - my - slope * (a - mx), 2); });
    cost += residual;
  }
  return cost;
}

CostTable distances(const DistanceOptions& options, const std::vector<at::Tensor>& features) {
  DistanceWindow window(options);
  for (size_t t = 0; t < features.size(); ++t) window.add(static_cast<int64_t>(t), features[t]);
  return window.costs();
}

const DistanceMetric kMetrics[] = {DistanceMetric::l1, DistanceMetric::rel_l1, DistanceMetric::l2,
                                   DistanceMetric::affine};

void expect_near(const CostTable& table, DistanceMetric metric,
                 const std::vector<at::Tensor>& features, double tolerance) {
  for (int64_t i = 0; i < table.steps(); ++i) {
    EXPECT_EQ(table.at(i, i), 0);
    for (int64_t t = i + 1; t < std::min(i + table.width(), table.steps()); ++t) {
      const double truth =
          expected(metric, features[static_cast<size_t>(i)], features[static_cast<size_t>(t)]);
      EXPECT_NEAR(table.at(i, t), truth, tolerance * truth)
          << "metric " << static_cast<int>(metric) << " steps " << i << " " << t;
    }
  }
}

TEST(Distances, EqualTheDefinitions) {
  // Odd sizes: one element, short and long runs, several blocks a run with a remainder.
  for (const Shape& shape : {Shape{2, 3, 5, 7}, Shape{1, 1, 17}, Shape{2, 2, 33, 47}}) {
    for (const int64_t window : {1, 2, 5, 9, 40}) {
      for (const int64_t lookahead : {1, 2, 3, 8, 100}) {
        const auto features = trajectory(13, shape, 3);
        for (const DistanceMetric metric : kMetrics) {
          DistanceOptions options{13, window, metric};
          options.lookahead = lookahead;
          expect_near(distances(options, features), metric, features,
                      metric == DistanceMetric::affine ? 1e-4 : 2e-6);
        }
      }
    }
  }
}

TEST(Distances, HalfTheMemoryNearlyTheSame) {
  const auto features = trajectory(9, {2, 3, 20, 20}, 5);
  for (const DistanceMetric metric : {DistanceMetric::l1, DistanceMetric::l2}) {
    DistanceOptions options{9, 6, metric, FeatureStorage::float16};
    expect_near(distances(options, features), metric, features, 2e-3);
    options.storage = FeatureStorage::bfloat16;
    expect_near(distances(options, features), metric, features, 2e-2);
  }
}

TEST(Distances, BatchesAndMergedWindowsAreTheWhole) {
  const auto features = trajectory(7, {5, 4, 6, 6}, 9);
  for (const DistanceMetric metric : kMetrics) {
    const DistanceOptions options{7, 4, metric};
    const CostTable whole = distances(options, features);
    DistanceWindow batches(options), other(options), empty(options);
    for (int64_t t = 0; t < 7; ++t)
      batches.add(t, features[static_cast<size_t>(t)].narrow(0, 0, 2));
    for (int64_t t = 0; t < 7; ++t)
      batches.add(t, features[static_cast<size_t>(t)].narrow(0, 2, 1));
    for (int64_t t = 0; t < 7; ++t) other.add(t, features[static_cast<size_t>(t)].narrow(0, 3, 2));
    empty.merge(batches);
    empty.merge(other);
    EXPECT_EQ(empty.samples(), 5);
    const CostTable parts = empty.costs();
    for (int64_t i = 0; i < 7; ++i) {
      for (int64_t t = i; t < std::min<int64_t>(i + 4, 7); ++t) {
        EXPECT_NEAR(parts.at(i, t), whole.at(i, t), 1e-9 * whole.at(i, t));
      }
    }
  }
}

TEST(Distances, AffineOfAnAffineImageIsNothing) {
  const at::Tensor x = trajectory(1, {2, 3, 8, 8}, 1)[0];
  const auto table = distances({2, 2, DistanceMetric::affine}, {x, x.mul(1.5).add(0.25)});
  EXPECT_LT(table.at(0, 1), 1e-5 * expected(DistanceMetric::l2, x, x.mul(1.5).add(0.25)));
}

TEST(Distances, TokenFeaturesByTheirOwnChannelAxis) {
  const auto features = trajectory(4, {2, 6, 10}, 21);  // [sample, channel, token]
  std::vector<at::Tensor> tokens;
  for (const at::Tensor& feature : features) tokens.push_back(feature.transpose(1, 2).contiguous());
  DistanceOptions options{4, 4, DistanceMetric::affine};
  options.channel_axis = 2;
  expect_near(distances(options, tokens), DistanceMetric::affine, features, 1e-5);
}

TEST(Distances, ThreadsChangeNoBit) {
  const auto features = trajectory(6, {3, 8, 16, 16}, 2);
  const int before = at::get_num_threads();
  const auto two = distances({6, 4}, features).square();
  at::set_num_threads(1);
  const auto one = distances({6, 4}, features).square();
  at::set_num_threads(before);
  for (size_t k = 0; k < one.size(); ++k) {
    EXPECT_TRUE(one[k] == two[k] || (std::isnan(one[k]) && std::isnan(two[k]))) << k;
  }
}

TEST(Distances, ChannelsLastAndHalfFeaturesAreTaken) {
  const auto features = trajectory(3, {2, 4, 6, 6}, 2);
  std::vector<at::Tensor> last;
  for (const at::Tensor& f : features) last.push_back(f.contiguous(at::MemoryFormat::ChannelsLast));
  last[1] = features[1];
  expect_near(distances({3, 3}, last), DistanceMetric::l1, features, 1e-6);
  std::vector<at::Tensor> half;
  for (const at::Tensor& f : features) half.push_back(f.to(at::kBFloat16));
  expect_near(distances({3, 3}, half), DistanceMetric::l1, features, 2e-2);
}

TEST(Distances, TheWindowHoldsNoMoreThanItSays) {
  DistanceOptions options{100, 10};
  options.lookahead = 4;
  DistanceWindow window(options);
  window.add(0, at::zeros({2, 512}));
  EXPECT_EQ(window.window_bytes(), (9 + 4) * 2 * 512 * 4);
}

std::string failure(const DistanceOptions& options, const std::vector<at::Tensor>& features) {
  try {
    distances(options, features);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Distances, NamesTheStepThatIsNotFinite) {
  auto features = trajectory(12, {1, 2, 300}, 4);
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    features[5].mutable_data_ptr<float>()[577] = bad;
    EXPECT_THAT(failure({12, 4}, features), HasSubstr("step 5"));
  }
  features[5].mutable_data_ptr<float>()[577] = 1e6f;
  EXPECT_EQ(failure({12, 4}, features), "no error");
  EXPECT_THAT(failure({12, 4, DistanceMetric::l1, FeatureStorage::float16}, features),
              HasSubstr("step 5 holds NaN, infinity or values beyond float16's 65504"));
}

TEST(Distances, RefusesWhatDoesNotFit) {
  DistanceWindow window({4, 3});
  EXPECT_THROW(window.costs(), RunError);
  EXPECT_THROW(window.add(1, at::zeros({2, 8})), RunError);
  window.add(0, at::zeros({2, 8}));
  EXPECT_THROW(window.add(1, at::zeros({2, 9})), RunError);
  EXPECT_THROW(window.costs(), RunError);
  EXPECT_THROW(DistanceWindow({0, 3}), UsageError);
  EXPECT_THROW(DistanceWindow({4, 0}), UsageError);
  EXPECT_THROW(DistanceWindow({4, 3}).merge(DistanceWindow({4, 2})), UsageError);
  EXPECT_THROW(DistanceWindow({4, 3}).add(0, at::zeros({2, 8}, at::kLong)), UsageError);
  EXPECT_THROW(parse_distance_metric("l3"), UsageError);
  EXPECT_THROW(parse_feature_storage("int8"), UsageError);
}

}  // namespace
}  // namespace cq
