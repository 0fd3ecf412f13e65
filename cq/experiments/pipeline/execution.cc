#include "cq/experiments/pipeline/execution.h"

#include "cq/core/quant/integer.h"
#include "cq/experiments/pipeline/stage_files.h"
#include "cq/methods/cache/uniform_schedule.h"

namespace cq {

CellExecution::CellExecution(const StageContext& context, const StageFolder& folder)
    : cell_(*context.cell) {
  schedule_ = cell_.policy->caches() ? load_schedule(folder.input("schedule"))
                                     : uniform_schedule(cell_.sampler->calls(), 1);
  if (cell_.corrector->corrects()) {
    corrections_ =
        on_device(load_corrections(folder.input("correction")), context.model().device());
  }
  if (!cell_.quant.enabled()) {
    executor_ = std::make_unique<FloatExecutor>();
    return;
  }
  quantize(context.model().network(), load_calibration(folder));
}

CellExecution::CellExecution(const CellSpec& cell, const Network& network, PackedExecution packed)
    : cell_(cell),
      schedule_(std::move(packed.schedule)),
      corrections_(on_device(std::move(packed.corrections), network.device())) {
  quantize(network, packed.calibration);
}

void CellExecution::quantize(const Network& network, const Calibration& calibration) {
  std::unique_ptr<QuantizedExecutor> made;
  if (cell_.quant.execution == "integer") {
    made = make_integer_executor(network, cell_.quant, calibration, corrections_);
  } else {
    made = std::make_unique<SimulatedExecutor>(network, cell_.quant, calibration, corrections_);
  }
  quantized_ = made.get();
  executor_ = std::move(made);
}

std::unique_ptr<PointHandler> CellExecution::points() const {
  if (!cell_.policy->caches()) return std::make_unique<ComputeAll>();
  if (quantized_ == nullptr) {
    return std::make_unique<ScheduledCache>(schedule_, cell_.point, corrections_.feature);
  }
  return std::make_unique<ScheduledCache>(schedule_, cell_.point, corrections_.feature,
                                          *quantized_);
}

}  // namespace cq
