#pragma once
#include <memory>

#include "cq/core/quant/packed.h"
#include "cq/experiments/pipeline/stages.h"

namespace cq {

/// How one cell computes its network: executor, schedule and corrections from finished stages.
class CellExecution {
 public:
  /// Reads what the cell has of `schedule`, ranges and `correction` among the inputs.
  CellExecution(const StageContext& context, const StageFolder& folder);
  /// From a packed checkpoint.
  CellExecution(const CellSpec& cell, const Network& network, PackedExecution packed);

  const LayerExecutor& executor() const { return *executor_; }
  const Schedule& schedule() const { return schedule_; }
  /// A cache with nothing in it, for one batch.
  std::unique_ptr<PointHandler> points() const;

 private:
  void quantize(const Network& network, const Calibration& calibration);

  const CellSpec& cell_;
  Schedule schedule_;
  Corrections corrections_;
  std::unique_ptr<LayerExecutor> executor_;
  const QuantizedExecutor* quantized_ = nullptr;
};

}  // namespace cq
