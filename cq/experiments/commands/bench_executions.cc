#include "cq/experiments/commands/bench_executions.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include <ATen/ops/_int_mm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>

#include "cq/base/error.h"
#include "cq/base/interrupt.h"
#include "cq/core/bfloat16_executor.h"
#include "cq/core/device.h"
#include "cq/core/quant/integer.h"
#include "cq/core/step_arena.h"
#include "cq/experiments/commands/bench_product_cases.h"
#include "cq/experiments/commands/common_context.h"

namespace cq {

namespace {

double seconds_of(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double best_of(int64_t rounds, const std::function<void()>& run) {
  double best = seconds_of(run);
  for (int64_t i = 0; i < rounds; ++i) best = std::min(best, seconds_of(run));
  return best;
}

double macs_of(const KernelCase& kernel) {
  return kernel.amount / 2 / best_of(4, kernel.run);
}

/// Of random operands: a GPU's clock falls with the bits that change.
double gpu_peak(at::ScalarType type, const at::Device& device) {
  constexpr int64_t kSize = 8192, kProducts = 8;
  const auto draw = [&] {
    const auto x = at::randn({kSize, kSize}, at::TensorOptions().device(device));
    return (type == at::kChar ? at::clamp(x * 40, -127, 127) : x).to(type);
  };
  const auto a = draw(), b = draw();
  const auto product = [&] { return type == at::kChar ? at::_int_mm(a, b.t()) : at::mm(a, b.t()); };
  const double seconds = best_of(4, [&] {
    for (int64_t i = 0; i < kProducts; ++i) product();
    synchronize(device);
  });
  return double(kProducts * kSize * kSize * kSize) / seconds;
}

double float_peak(at::ScalarType type) {
  constexpr int64_t kSize = 1024;
  const auto a = at::ones({kSize, kSize}, type), b = at::ones({kSize, kSize}, type);
  auto c = at::empty({kSize, kSize}, type);
  return double(kSize * kSize * kSize) / best_of(8, [&] { at::mm_out(c, a, b); });
}

}  // namespace

const std::vector<std::string>& execution_kinds() {
  static const std::vector<std::string> kinds{"float32", "bfloat16", "simulated", "integer"};
  return kinds;
}

double peak_macs(const std::string& kind, const at::Device& device) {
  const auto floats = kind == "bfloat16" ? at::kBFloat16 : at::kFloat;
  if (!device.is_cpu()) return gpu_peak(kind == "integer" ? at::kChar : floats, device);
  return kind == "integer" ? macs_of(int8_peak_case()) : float_peak(floats);
}

double product_macs() {
  return macs_of(int8_product_case());
}

Execution::Execution(const BenchSetting& setting, const std::string& kind)
    : setting_(setting), kind_(kind) {
  const auto& network = setting.model->network();
  if (kind == "float32") {
    executor_ = std::make_unique<FloatExecutor>();
  } else if (kind == "bfloat16") {
    executor_ = std::make_unique<Bfloat16Executor>(network);
  } else {
    std::unique_ptr<QuantizedExecutor> made;
    if (kind == "integer") {
      made = make_integer_executor(network, setting.quant, *setting.ranges, {});
    } else {
      made = std::make_unique<SimulatedExecutor>(network, setting.quant, *setting.ranges);
    }
    quantized_ = made.get();
    executor_ = std::move(made);
  }
  const int64_t steps = int64_t(setting.timesteps.size());
  points_ = points({.steps = steps, .recompute = {0}});
  full_step();
  if (quantized_ != nullptr) return;
  // What integers are held against on a GPU is bfloat16 with channels last.
  if (kind == "bfloat16" && !setting.x.device().is_cpu()) return;
  // A library's user would take the faster of the two layouts.
  const double last = seconds_of([&] { full_step(); });
  layout_ = at::MemoryFormat::Contiguous;
  full_step();
  if (last < seconds_of([&] { full_step(); })) layout_ = at::MemoryFormat::ChannelsLast;
  full_step();
}

std::unique_ptr<PointHandler> Execution::points(Schedule schedule) const {
  if (quantized_ == nullptr) {
    return std::make_unique<ScheduledCache>(std::move(schedule), setting_.point);
  }
  return std::make_unique<ScheduledCache>(std::move(schedule), setting_.point, FeatureCorrection{},
                                          *quantized_);
}

void Execution::call(PointHandler& points, int64_t step) const {
  throw_if_interrupted();
  const Denoiser denoiser(*setting_.model, *executor_, 1.0);
  const StepArena::Scope memory(denoiser.kind(setting_.x, points, step));
  denoiser.eps(setting_.x.contiguous(layout_), setting_.labels, setting_.timesteps[size_t(step)],
               step, points);
}

void Execution::full_step() {
  call(*points_, 0);
  synchronize(setting_.x.device());
}

void Execution::cached_step() {
  call(*points_, 1);
  synchronize(setting_.x.device());
}

void Execution::sample(const Schedule& schedule) const {
  const auto handler = points(schedule);
  for (int64_t step = 0; step < schedule.steps; ++step) call(*handler, step);
  synchronize(setting_.x.device());
}

}  // namespace cq
