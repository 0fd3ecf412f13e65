#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cq/core/tensor.h"

namespace cq {

/// What a denoiser predicts: the noise, or v = sqrt(a) noise - sqrt(1-a) x0 (Salimans & Ho 2022).
enum class Prediction { eps, v };

struct DiffusionConfig {
  int64_t timesteps = 1000;                   ///< of training
  std::string beta_schedule = "sqrt_linear";  ///< linear, sqrt_linear
  double beta_start = 0.0015;
  double beta_end = 0.0195;
  std::string prediction = "eps";  ///< eps, v
};

/// The forward process q(x_t | x_0) = N(sqrt(a_t) x_0, (1 - a_t) I), a_t the running product of
/// 1 - beta; all in float64.
class Diffusion {
 public:
  explicit Diffusion(const DiffusionConfig& config);
  const DiffusionConfig& config() const { return config_; }
  Prediction prediction() const {
    return config_.prediction == "v" ? Prediction::v : Prediction::eps;
  }
  int64_t timesteps() const { return config_.timesteps; }
  double beta(int64_t t) const { return betas_.at(size_t(t)); }
  /// Product up to and including timestep t; 1 at t = -1.
  double alpha_bar(int64_t t) const { return t < 0 ? 1.0 : alpha_bars_.at(size_t(t)); }
  /// [timesteps] float64 on the CPU.
  at::Tensor alpha_bars() const;

 private:
  DiffusionConfig config_;
  std::vector<double> betas_, alpha_bars_;
};

/// Noise that the prediction implies at x with cumulative product `alpha_bar`.
at::Tensor to_eps(Prediction kind, const at::Tensor& prediction, const at::Tensor& x,
                  double alpha_bar);

}  // namespace cq
