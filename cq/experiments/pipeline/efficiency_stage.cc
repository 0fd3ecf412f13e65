// The stage that counts operations and measures time: efficiency.json.
#include <algorithm>
#include <chrono>

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include "cq/base/interrupt.h"
#include "cq/base/json.h"
#include "cq/core/denoiser.h"
#include "cq/core/device.h"
#include "cq/experiments/pipeline/execution.h"
#include "cq/experiments/pipeline/operation_counter.h"

namespace cq {

namespace {

using Json = nlohmann::ordered_json;

struct Spread {
  std::vector<double> values;
  Json json() const {
    auto sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const size_t n = sorted.size();
    const double median = n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    return {{"median", median}, {"min", sorted.front()}, {"max", sorted.back()}};
  }
};

/// Seconds of one network call.
class CallTimer {
 public:
  CallTimer(const StageContext& context, int64_t batch)
      : labels_(cycling_labels(0, batch, context.model().classes())),
        timesteps_(context.cell->sampler->timesteps()) {
    const auto& l = context.model().latent();
    const auto device = context.model().device();
    x_ = NoiseSource(0, 0).draw(batch, {l.channels, l.size, l.size}, 0).to(device);
    labels_ = labels_.to(device);
  }
  double operator()(const Denoiser& denoiser, int64_t step, PointHandler& points) const {
    throw_if_interrupted();
    const auto start = std::chrono::steady_clock::now();
    denoiser.eps(x_, labels_, timesteps_[size_t(step)], step, points);
    synchronize(x_.device());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  at::Tensor x_, labels_;
  std::vector<int64_t> timesteps_;
};

/// The first step that reuses a feature, with the step that computed it; none where all recompute.
std::optional<std::pair<int64_t, int64_t>> reusing_step(const Schedule& schedule) {
  for (const auto& [start, end] : schedule.groups()) {
    if (end - start > 1) return std::pair{start, start + 1};
  }
  return {};
}

/// The cell and float32 without a cache in turn, so that both see the same machine.
Json measure(const StageContext& context, const CellExecution& execution, StageFolder& folder) {
  const auto& cell = *context.cell;
  const auto& model = context.model();
  const FloatExecutor reference;
  const Denoiser peer(model, reference, cell.guidance);
  const Denoiser own(model, execution.executor(), cell.guidance);
  const CallTimer time(context, cell.measure.batch);
  const auto reuse = reusing_step(execution.schedule());
  const double all = double(cell.sampler->calls());
  const double recomputed = double(execution.schedule().recompute.size());
  Spread seconds, speedup;
  folder.expect(cell.measure.rounds + 1, "rounds");
  for (int64_t round = 0; round <= cell.measure.rounds; ++round) {
    ComputeAll compute;
    const double slow = all * time(peer, 0, compute);
    auto points = execution.points();
    double fast = recomputed * time(own, reuse ? reuse->first : 0, *points);
    if (reuse) fast += (all - recomputed) * time(own, reuse->second, *points);
    folder.bar().add(1);
    if (round == 0) continue;  // warms caches and allocators
    seconds.values.push_back(fast / double(cell.measure.batch));
    speedup.values.push_back(slow / fast);
  }
  return {{"seconds_per_image", seconds.json()},
          {"speedup", speedup.json()},
          {"peer", "float32, no cache, same run, interleaved"},
          {"batch", cell.measure.batch},
          {"threads", at::get_num_threads()},
          {"device", hardware_name(model.device())},
          {"runs", cell.measure.rounds}};
}

Json count(const CellSpec& cell, const Schedule& schedule) {
  const auto counted = count_network(*cell.model->shapes,
                                     cell.policy->caches() ? &cell.point : nullptr, Counter::thop);
  const double full = double(counted.full.macs()), cached = double(counted.cached.macs());
  const double k = double(schedule.recompute.size()), t = double(schedule.steps);
  const double average = (k * full + (t - k) * cached) / t;
  const double weight = cell.quant.enabled() ? double(cell.quant.weight_bits) : 32;
  const double act = cell.quant.enabled() ? double(cell.quant.act_bits) : 32;
  const auto& network = cell.model->shapes->network();
  const double smaller = weight_compression(network, cell.quant);
  const double parameters = double(network.weights().count());
  return {
      {"macs",
       {{"full", counted.full.macs()}, {"cached", counted.cached.macs()}, {"average", average}}},
      {"bops", average * weight * act},
      {"parameters", network.weights().count()},
      {"model_bytes", parameters * 4 / smaller},
      {"compression", smaller},
      {"estimated_speedup", full / average * 32 / std::max(weight, act)}};
}

}  // namespace

Stage efficiency_stage(const StageContext& context, const CellStages& made) {
  const auto& cell = *context.cell;
  Stage stage{.kind = "efficiency",
              .params = context.process_key(),
              .inputs = made.inputs(),
              .compute = {},
              .cost = weighing(double(cell.measure.batch * (cell.measure.rounds + 1)))};
  stage.params["batch"] = cell.measure.batch;
  stage.params["rounds"] = cell.measure.rounds;
  if (cell.policy->caches()) stage.params["point"] = cell.point.name;
  if (cell.quant.enabled()) stage.params["quant"] = cell.key_of("quant");
  stage.compute = [context](StageFolder& folder) {
    const c10::NoGradGuard no_grad;
    const CellExecution execution(context, folder);
    auto json = count(*context.cell, execution.schedule());
    json["measured"] = measure(context, execution, folder);
    write_json(folder.path() / "efficiency.json", json);
  };
  return stage;
}

}  // namespace cq
