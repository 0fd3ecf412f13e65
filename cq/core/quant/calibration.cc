#include "cq/core/quant/calibration.h"

#include <algorithm>
#include <numeric>
#include <random>

#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include "cq/base/error.h"
#include "cq/core/parallel.h"
#include "cq/core/quant/sliced_attention.h"

namespace cq {

namespace {

/// Searches ranges of samples, many at a time: a search takes milliseconds of one thread.
class RangeTables {
 public:
  RangeTables(Calibration& out, int64_t steps) : out_(out), steps_(steps) {}

  /// The range is in its table after `settle`.
  void put(const std::string& key, ValueSample sample, int64_t bits, int64_t step) {
    waiting_.push_back({key, std::move(sample), bits, step});
    if (waiting_.size() == kAtOnce) settle();
  }

  void settle() {
    std::vector<QuantRange> found(waiting_.size());
    parallel_for(0, int64_t(waiting_.size()), 1, [&](int64_t begin, int64_t end) {
      for (auto i = size_t(begin); i < size_t(end); ++i) {
        ValueHistogram histogram;
        histogram.add(waiting_[i].sample);
        found[i] = histogram.search(waiting_[i].bits);
      }
    });
    for (size_t i = 0; i < waiting_.size(); ++i) {
      auto& table = out_[waiting_[i].key];
      if (!table.defined()) table = at::zeros({steps_, 2}, at::kDouble);
      table[waiting_[i].step][0] = found[i].scale;
      table[waiting_[i].step][1] = double(found[i].zero_point);
    }
    waiting_.clear();
  }

 private:
  /// Up to half a megabyte each.
  static constexpr size_t kAtOnce = 64;
  struct Waiting {
    std::string key;
    ValueSample sample;
    int64_t bits, step;
  };
  Calibration& out_;
  int64_t steps_;
  std::vector<Waiting> waiting_;
};

/// Float execution that looks at every operand of a quantized product on the way.
class RangeCollector : public Executor {
 public:
  RangeCollector(RangeTables& out, const QuantParameters& quant) : out_(out), quant_(quant) {}

  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override {
    const auto x = unit_prologue(unit, in);
    for (int64_t side = 0; side < sides(unit); ++side) {
      put(act_key(unit, side), side_input(unit, x, side), act_bits(unit, quant_), step);
    }
    return unit_epilogue(unit_product(unit, x, unit.weight, unit.bias), in);
  }

  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override {
    put(attention_key(unit, 'q'), q, quant_.act_bits, step);
    put(attention_key(unit, 'k'), k, quant_.act_bits, step);
    put(attention_key(unit, 'v'), v, quant_.act_bits, step);
    ValueSample weights(q.size(0) * unit.heads * q.size(1) * k.size(1));
    const auto out = sliced_attention(q, k, v, unit.heads, [&](const at::Tensor& part) {
      weights.add(part);
      return part;
    });
    out_.put(attention_key(unit, 'p'), std::move(weights), quant_.softmax_bits, step);
    return out;
  }

  void put(const std::string& key, const at::Tensor& x, int64_t bits, int64_t step) const {
    ValueSample sample(x.numel());
    sample.add(x);
    out_.put(key, std::move(sample), bits, step);
  }

 private:
  RangeTables& out_;
  QuantParameters quant_;
};

/// What calibration has after step t, and the way back.
NamedTensors state_after(int64_t t, const Calibration& ranges, const at::Tensor& kept) {
  NamedTensors state{{"next", at::tensor(t + 1, at::kLong)}};
  if (kept.defined()) state["kept"] = kept;
  for (const auto& [key, table] : ranges) state["range." + key] = table;
  return state;
}

void take_up(const NamedTensors& left, Calibration& ranges, at::Tensor& kept,
             const at::Device& device) {
  constexpr std::string_view kRange = "range.";
  for (const auto& [name, tensor] : left) {
    if (name.starts_with(kRange)) ranges[name.substr(kRange.size())] = tensor;
    if (name == "kept") kept = tensor.to(device);
  }
}

/// Steps at which a unit never ran (the inner units of cached steps) keep the last range before.
void fill_gaps(Calibration& ranges) {
  for (auto& [key, table] : ranges) {
    for (int64_t t = 1; t < table.size(0); ++t) {
      if (table[t][0].item<double>() == 0) table[t].copy_(table[t - 1]);
    }
  }
}

/// Scales count denoising steps: a further call of a step takes the ranges of its first.
void share_within_steps(Calibration& ranges, const std::vector<int64_t>& step_of_call) {
  for (auto& [key, table] : ranges) {
    for (size_t call = 1; call < step_of_call.size(); ++call) {
      if (step_of_call[call] != step_of_call[call - 1]) continue;
      table[int64_t(call)].copy_(table[int64_t(call) - 1]);
    }
  }
}

}  // namespace

at::Tensor draw_runs(int64_t available, int64_t n, uint64_t seed) {
  if (n > available) {
    throw UsageError(
        "[quant] {} calibration samples asked of {} recorded runs; raise calibration.samples", n,
        available);
  }
  std::vector<int64_t> order(static_cast<size_t>(available));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 generator(seed);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[generator() % i]);
  order.resize(size_t(n));
  std::sort(order.begin(), order.end());
  return at::tensor(order, at::kLong);
}

at::Tensor call_step(const Model& model, const Executor& executor, double guidance,
                     const Trajectory& trajectory, const at::Tensor& picked, int64_t step,
                     PointHandler& points) {
  const Denoiser denoiser(model, executor, guidance);
  return denoiser.eps(trajectory.x[step].index_select(0, picked).to(model.device()),
                      trajectory.labels.index_select(0, picked).to(model.device()),
                      trajectory.timesteps[size_t(step)], step, points);
}

Trajectory record_trajectory(const Model& model, const Sampler& sampler,
                             const TrajectoryRequest& request, const TrajectoryWatch& watch,
                             const PassControl& pass) {
  c10::NoGradGuard no_grad;
  const auto& l = model.latent();
  const int64_t n = request.samples;
  const FloatExecutor executor;
  const Denoiser denoiser(model, executor, request.guidance);
  Trajectory trajectory{at::empty({sampler.calls(), n, l.channels, l.size, l.size}),
                        cycling_labels(0, n, model.classes()), sampler.timesteps(), request.seed};
  if (sampler.step_of(sampler.calls() - 1) + 1 != sampler.calls()) {
    for (int64_t call = 0; call < sampler.calls(); ++call) {
      trajectory.step_of_call.push_back(sampler.step_of(call));
    }
  }
  const int64_t had = pass.next();
  if (had > 0) trajectory.x.narrow(1, 0, had).copy_(pass.left.at("x"));
  for (int64_t first = had; first < n; first += request.batch) {
    const int64_t count = std::min(request.batch, n - first);
    const auto state = [&] {
      return NamedTensors{{"next", at::tensor(first + count, at::kLong)},
                          {"x", trajectory.x.narrow(1, 0, first + count)}};
    };
    const NoiseSource noise(request.seed, first);
    const auto labels = trajectory.labels.narrow(0, first, count).to(model.device());
    const auto x = noise.draw(count, {l.channels, l.size, l.size}, 0).to(model.device());
    const auto run = sampler.start(x, noise);
    while (!run->done()) {
      const int64_t call = run->call();
      trajectory.x[call].narrow(0, first, count).copy_(run->x());
      PinnedPoint watched(watch.point);
      run->advance(denoiser.predict(run->x(), labels, run->timestep(), call, watched));
      if (watch.seen) watch.seen(call, watched.value());
      if (run->done()) {
        pass.done(state);
      } else {
        pass.done();
      }
    }
  }
  return trajectory;
}

Calibration calibrate_weights(const Network& network, const QuantParameters& quant,
                              const PassControl& pass) {
  const c10::NoGradGuard no_grad;
  const auto& units = network.weights().units();
  Calibration found = pass.left;
  found.erase("next");
  for (int64_t i = pass.next(); i < int64_t(units.size()); ++i) {
    const auto& unit = units[size_t(i)];
    for (int64_t side = 0; side < sides(unit); ++side) {
      const auto ranges = search_weight_ranges(side_weight(unit, side), weight_bits(unit, quant),
                                               quant.weight_symmetric);
      found[weight_key(unit, side)] = at::stack({ranges.scale, ranges.zero_point}).cpu();
    }
    pass.done([&] {
      auto state = found;
      state["next"] = at::tensor(i + 1, at::kLong);
      return state;
    });
  }
  return found;
}

Calibration calibrate_activations(const Model& model, double guidance, const Trajectory& trajectory,
                                  const QuantParameters& quant, const Schedule& schedule,
                                  const CachePoint& point, const PassControl& pass) {
  c10::NoGradGuard no_grad;
  Calibration ranges;
  at::Tensor kept;
  take_up(pass.left, ranges, kept, model.device());
  RangeTables tables(ranges, trajectory.steps());
  const RangeCollector collector(tables, quant);
  const auto most = draw_runs(trajectory.labels.size(0), quant.recompute_samples, trajectory.seed);
  const int64_t few = std::min(quant.cached_samples, quant.recompute_samples);
  for (int64_t t = pass.next(); t < trajectory.steps(); ++t) {
    if (schedule.recomputes(t)) {
      PinnedPoint pinned(point);
      call_step(model, collector, guidance, trajectory, most, t, pinned);
      kept = pinned.value();
      if (kept.defined()) collector.put("feature", kept, kFeatureBits, t);
    } else {
      // The first runs of the draw, in both halves of a guided call.
      const int64_t copies = kept.size(0) / most.size(0);
      const auto part = kept.reshape({copies, most.size(0), -1}).narrow(1, 0, few);
      std::vector<int64_t> shape = kept.sizes().vec();
      shape[0] = copies * few;
      PinnedPoint pinned(point, part.reshape(shape));
      call_step(model, collector, guidance, trajectory, most.narrow(0, 0, few), t, pinned);
    }
    tables.settle();
    pass.done([&] { return state_after(t, ranges, kept); });
  }
  fill_gaps(ranges);
  share_within_steps(ranges, trajectory.step_of_call);
  return ranges;
}

Calibration calibrate_once(const Model& model, const at::Tensor& x, const at::Tensor& labels,
                           int64_t timestep, const QuantParameters& quant, int64_t steps,
                           const CachePoint& point) {
  c10::NoGradGuard no_grad;
  Calibration ranges;
  RangeTables tables(ranges, 1);
  const RangeCollector collector(tables, quant);
  PinnedPoint pinned(point);
  Denoiser(model, collector, 1.0).eps(x, labels, timestep, 0, pinned);
  if (pinned.value().defined()) collector.put("feature", pinned.value(), kFeatureBits, 0);
  tables.settle();
  for (auto& [key, table] : ranges) table = table.expand({steps, 2});
  for (const auto& unit : model.network().weights().units()) {
    for (int64_t side = 0; side < sides(unit); ++side) {
      const auto r = full_weight_ranges(side_weight(unit, side), weight_bits(unit, quant),
                                        quant.weight_symmetric);
      ranges[weight_key(unit, side)] = at::stack({r.scale, r.zero_point}).cpu();
    }
  }
  return ranges;
}

}  // namespace cq
