#pragma once
#include <vector>

#include "cq/core/executor.h"
#include "cq/core/network.h"

namespace cq {

/// Full precision's layers with weights and values in bfloat16, through libtorch: what integers are
/// measured against.
class Bfloat16Executor : public LayerExecutor {
 public:
  explicit Bfloat16Executor(const Network& network);
  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override;
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override;
  std::string describe(const Unit&) const override { return "bfloat16"; }
  std::string describe(const AttentionUnit&) const override { return "bfloat16"; }

 private:
  FloatExecutor inner_;
  std::vector<Unit> units_;  ///< with their parameters in bfloat16
};

}  // namespace cq
