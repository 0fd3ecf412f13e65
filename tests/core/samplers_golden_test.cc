// Trajectories of diffusers' schedulers (golden/make_samplers.py) for data that are a mixture of
// two Gaussians, whose expected noise is a formula; and orders of convergence where the exact
// solution is one.
#include <cmath>
#include <functional>

#include <ATen/ops/equal.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "cq/core/io/npz.h"
#include "cq/core/sampler.h"

namespace cq {
namespace {

const Diffusion& diffusion() {
  static const Diffusion made({});  // the betas of the golden files
  return made;
}

std::unique_ptr<Sampler> make(const std::string& name, const nlohmann::ordered_json& parameters) {
  return sampler_registry().make(name, config::Node::from_json(parameters), diffusion());
}

/// -sqrt(1 - a) times the gradient of the logarithm of the density of x [B, 2].
at::Tensor mixture_noise(const at::Tensor& x, double a) {
  const double weights[] = {0.3, 0.7}, means[][2] = {{1, -0.5}, {-1, 0.25}};
  const double variance = a * 0.2 * 0.2 + 1 - a;
  std::vector<at::Tensor> away, logits;
  for (int k = 0; k < 2; ++k) {
    const auto mean = at::tensor({means[k][0], means[k][1]}, at::kDouble);
    away.push_back(x - std::sqrt(a) * mean);
    logits.push_back(std::log(weights[k]) - away.back().square().sum(1) / (2 * variance));
  }
  const auto shares = at::softmax(at::stack(logits, 1), 1);  // [B, 2]
  const auto pull = shares.narrow(1, 0, 1) * away[0] + shares.narrow(1, 1, 1) * away[1];
  return std::sqrt(1 - a) * pull / variance;
}

struct Case {
  std::string golden, sampler;
  nlohmann::ordered_json parameters;
  double variance = 0;
};

std::vector<Case> cases() {
  std::vector<Case> all{
      {"ddim_ldm", "ddim", {{"steps", 10}}},
      {"ddim_uniform", "ddim", {{"steps", 10}, {"spacing", "even"}}},
      {"ddim_velocity", "ddim", {{"steps", 10}, {"spacing", "even"}}},
      {"ddim_trailing", "ddim", {{"steps", 10}, {"spacing", "trailing"}}},
      {"ddim_quad", "ddim", {{"steps", 10}, {"spacing", "quad"}}},
      {"ddim_quad_noisy", "ddim", {{"steps", 10}, {"spacing", "quad"}, {"eta", 0.6}}},
      {"plms", "plms", {{"steps", 10}}},
      {"ddpm_small", "ddpm", {{"steps", 7}}},
      {"ddpm_large", "ddpm", {{"steps", 7}, {"variance", "large"}}},
      {"ddpm_clip", "ddpm", {{"steps", 7}, {"clip", true}}},
      {"ancestral_low", "ancestral", {{"steps", 7}}, -0.5},
      {"ancestral_high", "ancestral", {{"steps", 7}}, 0.8},
      {"unipc_zero", "unipc", {{"steps", 10}, {"order", 3}}},
  };
  for (const int steps : {10, 20}) {
    for (const std::string final : {"zero", "sigma_min"}) {
      for (const std::string spacing : {"linspace", "leading", "trailing"}) {
        all.push_back({fmt::format("dpmpp_2m_{}_{}_{}", steps, final, spacing),
                       "dpmpp_2m",
                       {{"steps", steps},
                        {"spacing", spacing},
                        {"final", final == "zero" ? "one" : "first"}}});
      }
    }
  }
  for (const int order : {1, 2, 3}) {
    for (const std::string variant : {"bh1", "bh2"}) {
      all.push_back({fmt::format("unipc_{}_{}", order, variant),
                     "unipc",
                     {{"steps", 10}, {"order", order}, {"variant", variant}, {"final", "first"}}});
    }
  }
  return all;
}

TEST(Samplers, TrajectoriesOfDiffusers) {
  const auto golden =
      Npz::open(std::filesystem::path(CQ_SOURCE_DIR) / "tests/core/golden/samplers.npz");
  for (const auto& c : cases()) {
    SCOPED_TRACE(c.golden);
    const auto sampler = make(c.sampler, c.parameters);
    const auto calls = golden.tensor(c.golden + ".t");
    ASSERT_TRUE(at::equal(at::tensor(sampler->timesteps(), at::kLong), calls));
    const auto expected = golden.tensor(c.golden + ".x");  // [calls + 1, B, 2]
    const auto run = sampler->start(expected[0].clone(), NoiseSource(0, 0));
    while (!run->done()) {
      const int64_t call = run->call();
      ASSERT_LT((run->x() - expected[call]).abs().max().item<double>(), 2e-5) << call;
      const auto eps = mixture_noise(run->x(), diffusion().alpha_bar(run->timestep()));
      run->advance({eps, at::full_like(eps, c.variance)});
    }
    EXPECT_LT((run->x() - expected[-1]).abs().max().item<double>(), 2e-5);
  }
}

/// Data that are one Gaussian: the probability flow keeps (x - sqrt(a) mean) over the standard
/// deviation.
struct Gaussian {
  double mean = 0.6, variance = 0.09;
  double deviation(double a) const { return std::sqrt(a * variance + 1 - a); }
  at::Tensor noise(const at::Tensor& x, double a) const {
    return (x - std::sqrt(a) * mean) * (std::sqrt(1 - a) / (a * variance + 1 - a));
  }
  double flow(double x, double from, double to) const {
    return std::sqrt(to) * mean + (x - std::sqrt(from) * mean) * deviation(to) / deviation(from);
  }
};

/// Error half-way, at the first call from timestep 501 on: towards the end the steps in the
/// logarithm of the noise grow, which hides the order.
double error(const Sampler& sampler) {
  const Gaussian data;
  const auto run = sampler.start(at::full({1, 1}, 1.5, at::kDouble), NoiseSource(0, 0));
  const double start = diffusion().alpha_bar(run->timestep());
  while (run->timestep() > 501) {
    run->advance({data.noise(run->x(), diffusion().alpha_bar(run->timestep()))});
  }
  const double exact = data.flow(1.5, start, diffusion().alpha_bar(run->timestep()));
  return std::abs(run->x().item<double>() - exact);
}

/// Slope of the logarithm of the error over that of the number of steps.
double order_of(const std::string& name, nlohmann::ordered_json parameters, int few, int many) {
  parameters["steps"] = few;
  const double coarse = error(*make(name, parameters));
  parameters["steps"] = many;
  const double fine = error(*make(name, parameters));
  return std::log(coarse / fine) / std::log(double(many) / few);
}

TEST(Samplers, OrdersOfConvergence) {
  EXPECT_NEAR(order_of("ddim", {}, 50, 250), 1, 0.2);
  EXPECT_NEAR(order_of("dpmpp_2m", {}, 50, 200), 2, 0.4);
  EXPECT_NEAR(order_of("unipc", {{"order", 1}}, 50, 200), 2, 0.4);
  EXPECT_GT(order_of("unipc", {{"order", 2}}, 50, 200), 2);
  EXPECT_GT(order_of("plms", {}, 50, 250), 1.7);
}

}  // namespace
}  // namespace cq
