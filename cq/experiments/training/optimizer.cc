#include "cq/experiments/training/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <c10/core/GradMode.h>

#include "cq/base/error.h"

namespace cq {

Optimizer::Optimizer(std::vector<at::Tensor> leaves, const OptimizerConfig& config)
    : config_(config), leaves_(std::move(leaves)) {
  c10::NoGradGuard no_grad;
  for (const auto& leaf : leaves_) {
    ema_.push_back(leaf.detach().clone());
    first_.push_back(at::zeros_like(leaf));
    if (config.rule == "sgd") continue;
    second_.push_back(at::zeros_like(leaf));
    steps_.push_back(at::zeros({}, leaf.options()));
  }
}

at::Tensor Optimizer::step(double learning_rate, double ema_decay) {
  c10::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (auto& leaf : leaves_) {
    if (!leaf.grad().defined()) leaf.mutable_grad() = at::zeros_like(leaf);
    gradients.push_back(leaf.grad());
  }
  const auto norms = at::stack(at::_foreach_norm(gradients)).to(at::kDouble);
  const auto norm = norms.square().sum().sqrt();
  if (norm.is_cpu()) check_gradient_norm(norm.item<double>());
  const auto factor = at::clamp(config_.clip_norm / norm, c10::nullopt, 1.0);
  at::_foreach_mul_(gradients, factor.to(gradients.front().scalar_type()));
  config_.rule == "sgd" ? sgd(gradients, learning_rate) : adamw(gradients, learning_rate);
  at::_foreach_lerp_(ema_, leaves_, 1 - ema_decay);
  for (auto& leaf : leaves_) leaf.mutable_grad() = at::Tensor();
  return norm;
}

void Optimizer::adamw(std::vector<at::Tensor>& gradients, double learning_rate) {
  at::_foreach_add_(steps_, 1);
  at::_fused_adamw_(leaves_, gradients, first_, second_, {}, steps_, learning_rate, config_.beta1,
                    config_.beta2, config_.weight_decay, config_.eps, false, false);
}

/// m = momentum m + g + decay w; w -= rate (g + decay w + momentum m).
void Optimizer::sgd(std::vector<at::Tensor>& gradients, double learning_rate) {
  at::_foreach_add_(gradients, leaves_, config_.weight_decay);
  at::_foreach_mul_(first_, config_.momentum);
  at::_foreach_add_(first_, gradients, 1);
  at::_foreach_add_(gradients, first_, config_.momentum);
  at::_foreach_add_(leaves_, gradients, -learning_rate);
}

std::vector<std::pair<std::string, at::Tensor>> Optimizer::state() const {
  std::vector<std::pair<std::string, at::Tensor>> all;
  const auto append = [&all](const std::string& kind, const std::vector<at::Tensor>& values) {
    for (size_t i = 0; i < values.size(); ++i) {
      all.emplace_back(fmt::format("{}.{}", kind, i), values[i].detach());
    }
  };
  append("weight", leaves_);
  append("ema", ema_);
  append(config_.rule == "sgd" ? "momentum" : "first_moment", first_);
  append("second_moment", second_);
  append("updates", steps_);
  return all;
}

void check_gradient_norm(double norm) {
  if (std::isfinite(norm)) return;
  throw RunError("the gradient is not finite; lower the learning rate or the clipping norm");
}

double cosine_schedule(int64_t step, int64_t warmup, int64_t steps, double floor) {
  if (step < warmup) return double(step + 1) / double(warmup);
  const double at = double(step - warmup) / double(std::max<int64_t>(1, steps - warmup));
  return floor + (1 - floor) * 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, at)));
}

}  // namespace cq
