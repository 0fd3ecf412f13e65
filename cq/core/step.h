#pragma once
#include <string>

#include <c10/util/FunctionRef.h>

#include "cq/core/executor.h"
#include "cq/core/tensor.h"

namespace cq {

/// A place in a network where an expensive value can be kept from step to step. Its name is stable
/// and printed by `cq-exp list models`, for instance `cut.1` or `blocks.7-20`.
using Point = std::string;

/// Decides at each point whether to compute, reuse or predict, and may watch what is computed.
/// The null implementation computes.
class PointHandler {
 public:
  virtual ~PointHandler() = default;
  virtual at::Tensor at(const Point& point, int64_t step,
                        c10::function_ref<at::Tensor()> compute) = 0;
  /// Whether `at` does anything at this point but compute. Where it does not, the network may leave
  /// the point out and fuse its value with what follows.
  virtual bool watches(const Point& point, int64_t step) {
    (void)point, (void)step;
    return true;
  }
  /// Half-open range of blocks [first, last) that this step wants as one point of a network made
  /// of equal blocks; (0, 0) for none.
  virtual std::pair<int64_t, int64_t> block_range(int64_t step) const {
    (void)step;
    return {0, 0};
  }
  /// Steps of one kind compute the same things.
  virtual uint64_t kind(int64_t step) const {
    (void)step;
    return 0;
  }
};

class ComputeAll : public PointHandler {
 public:
  at::Tensor at(const Point&, int64_t, c10::function_ref<at::Tensor()> compute) override {
    return compute();
  }
  bool watches(const Point&, int64_t) override { return false; }
};

/// What a network needs to know of the denoising step it computes.
class Step {
 public:
  Step(const Executor& executor, PointHandler& points, int64_t index)
      : executor_(&executor), points_(&points), index_(index) {}

  int64_t index() const { return index_; }
  const Executor& executor() const { return *executor_; }
  at::Tensor run(const Unit& unit, const UnitInput& in) const {
    return executor_->run(unit, in, index_);
  }
  at::Tensor run_pair(const Unit& first, const UnitInput& in, const Unit& second,
                      const UnitInput& rest) const {
    return executor_->run_pair(first, in, second, rest, index_);
  }
  at::Tensor self_attention(const Unit& qkv, const UnitInput& in, const AttentionUnit& unit,
                            const Projection& out) const {
    return executor_->self_attention(qkv, in, unit, out, index_);
  }
  at::Tensor projected_attention(const AttentionUnit& unit, const at::Tensor& q,
                                 const at::Tensor& k, const at::Tensor& v,
                                 const Projection& out) const {
    return executor_->projected_attention(unit, q, k, v, out, index_);
  }
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v) const {
    return executor_->attention(unit, q, k, v, index_);
  }
  at::Tensor at(const Point& point, c10::function_ref<at::Tensor()> compute) const {
    return points_->at(point, index_, compute);
  }
  /// residual + gate times the value of `point`, which `compute` gives with the operands of a last
  /// layer as they are given to it.
  at::Tensor at_gated(const Point& point, const at::Tensor& gate, const at::Tensor& residual,
                      c10::function_ref<at::Tensor(const UnitInput&)> compute) const {
    const UnitInput end{.x = {}, .gate = gate, .residual = residual};
    if (!points_->watches(point, index_)) return compute(end);
    return unit_epilogue(at(point, [&] { return compute({}); }), end);
  }
  std::pair<int64_t, int64_t> block_range() const { return points_->block_range(index_); }

 private:
  const Executor* executor_;
  PointHandler* points_;
  int64_t index_;
};

}  // namespace cq
