#include <cmath>

#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/sampler.h"
#include "cq/core/samplers/ddim.h"
#include "cq/core/samplers/ddpm.h"

namespace cq {
namespace {

/// Cumulative products computed apart from the class, in long double.
std::vector<double> alpha_bars(const DiffusionConfig& c) {
  std::vector<double> all;
  long double product = 1;
  for (int64_t i = 0; i < c.timesteps; ++i) {
    const long double low = std::sqrt((long double)c.beta_start);
    const long double high = std::sqrt((long double)c.beta_end);
    const long double root = low + (high - low) * i / (long double)(c.timesteps - 1);
    product *= 1 - root * root;
    all.push_back(double(product));
  }
  return all;
}

/// Runs a sampler on scalars of one image with eps = 0.3 x.
double run(const Sampler& sampler, double x) {
  auto state = sampler.start(at::full({1, 1}, x, at::kDouble), NoiseSource(0, 0));
  while (!state->done()) state->advance({state->x() * 0.3, at::zeros_like(state->x())});
  return state->x().item<double>();
}

TEST(Diffusion, CumulativeProducts) {
  const DiffusionConfig config;
  const Diffusion diffusion(config);
  const auto expected = alpha_bars(config);
  for (const int64_t t : {0, 1, 500, 999}) {
    EXPECT_NEAR(diffusion.alpha_bar(t) / expected[size_t(t)], 1, 1e-12) << t;
  }
  EXPECT_EQ(diffusion.alpha_bar(-1), 1);
}

TEST(Ddim, TimestepsOfTheLdmCode) {
  const Diffusion diffusion({});
  EXPECT_THAT(Ddim({.steps = 4}, diffusion).timesteps(), testing::ElementsAre(751, 501, 251, 1));
  EXPECT_THROW(Ddim({.steps = 7}, diffusion), UsageError);
}

// Equation 12 written out, in double; the last call ends at alpha_bar[0] as in the LDM code.
TEST(Ddim, UpdateRule) {
  const DiffusionConfig config;
  const auto a = alpha_bars(config);
  double x = 0.8;
  const std::vector<size_t> t{751, 501, 251, 1, 0};
  for (size_t i = 0; i < 4; ++i) {
    const double eps = 0.3 * x, now = a[t[i]], next = a[t[i + 1]];
    const double x0 = (x - std::sqrt(1 - now) * eps) / std::sqrt(now);
    x = std::sqrt(next) * x0 + std::sqrt(1 - next) * eps;
  }
  EXPECT_NEAR(run(Ddim({.steps = 4}, Diffusion(config)), 0.8), x, 1e-12);
}

TEST(Ddpm, MeanOfTheLastStep) {
  // One step from t = 0 to the sample has no noise: x0 itself.
  const Diffusion diffusion({});
  const double a = diffusion.alpha_bar(0), x = 0.8;
  EXPECT_NEAR(run(Ddpm({.steps = 1}, diffusion), x),
              (x - std::sqrt(1 - a) * 0.3 * x) / std::sqrt(a), 1e-12);
}

TEST(ToEps, VelocityPredictsTheNoise) {
  const double alpha = 0.7, x0 = 0.25, noise = -1.5;
  const auto x = at::full({1}, std::sqrt(alpha) * x0 + std::sqrt(1 - alpha) * noise, at::kDouble);
  const auto v = at::full({1}, std::sqrt(alpha) * noise - std::sqrt(1 - alpha) * x0, at::kDouble);
  EXPECT_NEAR(to_eps(Prediction::v, v, x, alpha).item<double>(), noise, 1e-12);
}

TEST(Samplers, EverySamplerGoesFromNoisyToClean) {
  const Diffusion diffusion({});
  for (const auto& entry : sampler_registry().entries()) {
    const auto sampler = sampler_registry().make(
        entry.name, config::Node::dict({{"steps", std::int64_t(20)}}), diffusion);
    const auto& t = sampler->timesteps();
    EXPECT_TRUE(std::is_sorted(t.rbegin(), t.rend())) << entry.name;
    EXPECT_EQ(sampler->step_of(0), 0) << entry.name;
    EXPECT_EQ(sampler->step_of(sampler->calls() - 1), 19) << entry.name;
    EXPECT_TRUE(std::isfinite(run(*sampler, 0.5))) << entry.name;
  }
}

TEST(Plms, FirstStepCallsTwice) {
  const Diffusion diffusion({});
  const auto plms =
      sampler_registry().make("plms", config::Node::dict({{"steps", std::int64_t(50)}}), diffusion);
  EXPECT_EQ(plms->calls(), 51);
  EXPECT_EQ(plms->timesteps()[1], plms->timesteps()[2]);
  EXPECT_EQ(plms->step_of(1), 0);
  EXPECT_EQ(plms->step_of(2), 1);
}

TEST(Samplers, StepsThatDoNotFitAreRefused) {
  const Diffusion diffusion({}), short_one({.timesteps = 100});
  const auto make = [](const char* name, std::int64_t steps, const Diffusion& d) {
    return sampler_registry().make(name, config::Node::dict({{"steps", steps}}), d);
  };
  EXPECT_THROW(make("ddim", 7, diffusion), UsageError);
  EXPECT_THROW(make("plms", 30, diffusion), UsageError);
  EXPECT_THROW(make("ddim", 1000, diffusion), UsageError);
  EXPECT_THROW(make("ddpm", 101, short_one), UsageError);
}

}  // namespace
}  // namespace cq
