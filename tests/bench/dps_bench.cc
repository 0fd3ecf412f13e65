// What DPS costs: distances on top of plain sampling, and the whole schedule search at the size of
// LDM-4 ImageNet (250 steps, features of 192 x 64 x 64).
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>
#include <c10/core/GradMode.h>

#include "cq/core/distances.h"
#include "cq/core/quant/calibration.h"
#include "cq/core/samplers/ddim.h"
#include "cq/experiments/setup/load_model.h"
#include "cq/experiments/setup/program_config.h"
#include "cq/methods/cache/dps_solver.h"

namespace cq {
namespace {

constexpr int64_t kSteps = 100;
const TrajectoryRequest kRequest{.guidance = 2.0, .samples = 16, .batch = 16};

void sample_plainly(benchmark::State& state) {
  const auto model =
      load_model(compose_program("command", {"model=ldm-cifar10", "weights=random"}));
  const Ddim sampler({.steps = kSteps}, model->diffusion());
  for (auto _ : state) record_trajectory(*model, sampler, kRequest);
}
BENCHMARK(sample_plainly)->Unit(benchmark::kMillisecond)->UseRealTime();

/// state.range(0): lags below which distances are taken; 2 N serves intervals up to N.
void sample_with_distances(benchmark::State& state) {
  const auto model =
      load_model(compose_program("command", {"model=ldm-cifar10", "weights=random"}));
  const Ddim sampler({.steps = kSteps}, model->diffusion());
  for (auto _ : state) {
    DistanceWindow distances({.steps = kSteps, .window = state.range(0)});
    const auto add = [&](int64_t step, const at::Tensor& value) { distances.add(step, value); };
    record_trajectory(*model, sampler, kRequest, {model->network().cache_point(0, {}), add});
    benchmark::DoNotOptimize(distances.costs());
  }
}
BENCHMARK(sample_with_distances)
    ->Arg(20)
    ->Arg(40)
    ->Arg(64)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// Distances and schedules for N = 5, 10, 20 from one pass over features of batch 2.
void search_at_ldm4_size(benchmark::State& state) {
  const c10::NoGradGuard no_grad;
  constexpr int64_t steps = 250;
  const auto feature = at::randn({2, 192, 64, 64});
  const auto drift = at::randn({2, 192, 64, 64}) * 0.01;
  int64_t window_bytes = 0;
  for (auto _ : state) {
    DistanceWindow distances({.steps = steps, .window = 40});
    auto x = feature.clone();
    for (int64_t t = 0; t < steps; ++t) {
      state.PauseTiming();
      x += drift;
      state.ResumeTiming();
      distances.add(t, x);
    }
    const auto costs = distances.costs();
    for (const int64_t interval : {5, 10, 20}) {
      benchmark::DoNotOptimize(dps_schedule(costs, interval, {}));
    }
    window_bytes = distances.window_bytes();
  }
  state.counters["window_MB"] = double(window_bytes) / 1e6;
}
BENCHMARK(search_at_ldm4_size)->Unit(benchmark::kSecond)->UseRealTime();

}  // namespace
}  // namespace cq
