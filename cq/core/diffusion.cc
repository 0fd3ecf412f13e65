#include "cq/core/diffusion.h"

#include <cmath>

#include "cq/base/error.h"

namespace cq {

Diffusion::Diffusion(const DiffusionConfig& c) : config_(c) {
  const bool root = c.beta_schedule == "sqrt_linear";
  if (!root && c.beta_schedule != "linear") {
    throw UsageError("[diffusion] unknown beta_schedule '{}': linear or sqrt_linear",
                     c.beta_schedule);
  }
  const double first = root ? std::sqrt(c.beta_start) : c.beta_start;
  const double last = root ? std::sqrt(c.beta_end) : c.beta_end;
  double product = 1;
  for (int64_t t = 0; t < c.timesteps; ++t) {
    const double at = first + (last - first) * double(t) / double(c.timesteps - 1);
    betas_.push_back(root ? at * at : at);
    product *= 1 - betas_.back();
    alpha_bars_.push_back(product);
  }
}

at::Tensor Diffusion::alpha_bars() const {
  return at::from_blob(const_cast<double*>(alpha_bars_.data()), {timesteps()}, at::kDouble).clone();
}

at::Tensor to_eps(Prediction kind, const at::Tensor& prediction, const at::Tensor& x,
                  double alpha_bar) {
  if (kind == Prediction::eps) return prediction;
  return std::sqrt(alpha_bar) * prediction + std::sqrt(1 - alpha_bar) * x;
}

}  // namespace cq
