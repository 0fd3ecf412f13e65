#pragma once
#include <memory>

#include "cq/experiments/pipeline/stages.h"

namespace cq {

/// How one cell computes its network: executor, schedule and corrections from finished stages.
class CellExecution {
 public:
  /// Reads what the cell has of `schedule`, `calibration` and `correction` among the inputs.
  CellExecution(const StageContext& context, const StageFolder& folder);

  const Executor& executor() const { return *executor_; }
  const Schedule& schedule() const { return schedule_; }
  /// A cache with nothing in it, for one batch.
  std::unique_ptr<PointHandler> points() const;

 private:
  const CellSpec& cell_;
  Schedule schedule_;
  Corrections corrections_;
  std::unique_ptr<Executor> executor_;
  const QuantizedExecutor* quantized_ = nullptr;
};

}  // namespace cq
