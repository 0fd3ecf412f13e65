#pragma once
// A network in each of its executions, ready to be timed.
#include <memory>
#include <string>
#include <vector>

#include "cq/core/cache.h"
#include "cq/core/denoiser.h"
#include "cq/core/quant/simulated.h"

namespace cq {

/// What all executions share.
struct BenchSetting {
  const Model* model = nullptr;
  QuantParameters quant;
  CachePoint point;  ///< of the cached step
  std::vector<int64_t> timesteps;
  at::Tensor x, labels;  ///< of a network call
  const Calibration* ranges = nullptr;
};

/// One execution. Calls are those of a sampler that recomputes step 0 alone; they return when the
/// device has done them.
class Execution {
 public:
  Execution(const BenchSetting& setting, const std::string& kind);
  const std::string& kind() const { return kind_; }
  const LayerExecutor& executor() const { return *executor_; }
  /// One call that computes everything and keeps the feature.
  void full_step();
  /// One call that reuses it.
  void cached_step();
  /// Calls of a whole sampler with `schedule`, one after the other.
  void sample(const Schedule& schedule) const;

 private:
  std::unique_ptr<PointHandler> points(Schedule schedule) const;
  void call(PointHandler& points, int64_t step) const;

  const BenchSetting& setting_;
  std::string kind_;
  at::MemoryFormat layout_ = at::MemoryFormat::ChannelsLast;
  std::unique_ptr<LayerExecutor> executor_;
  const QuantizedExecutor* quantized_ = nullptr;
  std::unique_ptr<PointHandler> points_;
};

/// float32, bfloat16, simulated, integer.
const std::vector<std::string>& execution_kinds();

/// Multiply-adds a second of the arithmetic that an execution of this kind runs on, on all threads:
/// of libtorch's product with operands that stay in the caches, of AMX's int8 tiles alone, of a GPU
/// from large matrix products of libtorch's (the integers' is `_int_mm`).
double peak_macs(const std::string& kind, const at::Device& device);

/// That of the library's product of integers, operands in the caches, on this CPU.
double product_macs();

}  // namespace cq
