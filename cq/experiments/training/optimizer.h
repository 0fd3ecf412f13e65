#pragma once
#include <string>
#include <utility>
#include <vector>

#include "cq/core/tensor.h"

namespace cq {

struct OptimizerConfig {
  std::string rule = "adamw";  ///< adamw, sgd
  double momentum = 0.9;       ///< of sgd
  double beta1 = 0.9;
  double beta2 = 0.99;
  double eps = 1e-8;
  double weight_decay = 0.01;
  double clip_norm = 1.0;  ///< of all gradients together
};

/// AdamW (Loshchilov & Hutter 2019) or stochastic gradient descent with Nesterov momentum
/// (Sutskever et al. 2013), with gradient clipping and an exponential moving average of the
/// weights. Its whole state can be stored, so that training resumes bit for bit.
class Optimizer {
 public:
  Optimizer(std::vector<at::Tensor> leaves, const OptimizerConfig& config);
  /// One update from the leaves' gradients, which are cleared. Returns the norm before clipping, a
  /// float64 number on the leaves' device. Throws RunError on a CPU where it is not finite; a GPU
  /// is not waited for, so whoever reads the norm has to look.
  at::Tensor step(double learning_rate, double ema_decay);
  const std::vector<at::Tensor>& leaves() const { return leaves_; }
  const std::vector<at::Tensor>& ema() const { return ema_; }
  /// Tensors to store and to restore in place: weights, averages and moments.
  std::vector<std::pair<std::string, at::Tensor>> state() const;

 private:
  void adamw(std::vector<at::Tensor>& gradients, double learning_rate);
  void sgd(std::vector<at::Tensor>& gradients, double learning_rate);

  OptimizerConfig config_;
  std::vector<at::Tensor> leaves_, ema_;
  std::vector<at::Tensor> first_;           ///< first moment, or momentum
  std::vector<at::Tensor> second_, steps_;  ///< of AdamW
};

/// Throws RunError where the norm of a gradient is NaN or infinite.
void check_gradient_norm(double norm);

/// Linear warm-up over `warmup` steps, then half a cosine from 1 down to `floor` at `steps`.
double cosine_schedule(int64_t step, int64_t warmup, int64_t steps, double floor);

}  // namespace cq
