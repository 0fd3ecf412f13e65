#include "cq/methods/correct/statistics.h"

#include <algorithm>

#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

namespace cq {

namespace {

/// Computes with `inner` and keeps the first side's products of some units.
class ProductWatcher : public Executor {
 public:
  ProductWatcher(const Executor& inner, const SimulatedExecutor* quantized,
                 const std::vector<int64_t>& watched, BothProducts& out)
      : inner_(inner), quantized_(quantized), watched_(watched), out_(out) {}

  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override {
    if (std::find(watched_.begin(), watched_.end(), unit.id) != watched_.end()) {
      const auto x = side_input(unit, unit_prologue(unit, in), 0);
      out_.full[unit.id] = unit_product(unit, x, side_weight(unit, 0), {});
      if (quantized_) out_.quantized[unit.id] = quantized_->side_product(unit, x, 0, step);
    }
    return inner_.run(unit, in, step);
  }
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override {
    return inner_.attention(unit, q, k, v, step);
  }

 private:
  const Executor& inner_;
  const SimulatedExecutor* quantized_;
  std::vector<int64_t> watched_;
  BothProducts& out_;
};

constexpr std::string_view kError = "error.";

/// What correctors have found after step t, and the way back.
NamedTensors state_after(int64_t t, const Corrections& found, const at::Tensor& kept) {
  auto state = tensors_of(found);
  state["next"] = at::tensor(t + 1, at::kLong);
  state["kept"] = kept;
  for (const auto& [name, errors] : found.errors) {
    state[std::string(kError) + name] = at::tensor(errors, at::kDouble);
  }
  return state;
}

void take_up(NamedTensors left, Corrections& found, at::Tensor& kept, const at::Device& device) {
  kept = left.extract("kept").mapped().to(device);
  left.erase("next");
  for (auto i = left.begin(); i != left.end();) {
    if (!i->first.starts_with(kError)) {
      ++i;
      continue;
    }
    const auto* first = i->second.const_data_ptr<double>();
    found.errors[i->first.substr(kError.size())].assign(first, first + i->second.numel());
    i = left.erase(i);
  }
  const auto lines = on_device(corrections_of(left, "a correction's checkpoint"), device);
  found.feature = lines.feature;
  found.outputs = lines.outputs;
}

at::Tensor all_runs(const CorrectionInputs& in) {
  return at::arange(in.trajectory.labels.size(0), at::kLong);
}

BothProducts watch(const CorrectionInputs& in, const Executor& inner,
                   const SimulatedExecutor* quantized, int64_t step, const at::Tensor& feature) {
  BothProducts products;
  const ProductWatcher watcher(inner, quantized, in.point.consumers, products);
  PinnedPoint pinned(in.point, feature);
  call_step(in.model, watcher, in.guidance, in.trajectory, all_runs(in), step, pinned);
  return products;
}

}  // namespace

void visit_steps(const CorrectionInputs& in, Corrections& found,
                 const std::function<void(const StepFeatures&)>& visit) {
  const FloatExecutor executor;
  at::Tensor kept;
  if (!in.pass.left.empty()) take_up(in.pass.left, found, kept, in.model.device());
  for (int64_t t = in.pass.next(); t < in.trajectory.steps(); ++t) {
    PinnedPoint pinned(in.point);
    call_step(in.model, executor, in.guidance, in.trajectory, all_runs(in), t, pinned);
    const auto truth = pinned.value();
    const bool recomputed = in.schedule.recomputes(t);
    if (recomputed) kept = in.quantized ? in.quantized->keep(truth, t) : truth;
    visit({t, recomputed, truth, recomputed ? truth : kept});
    in.pass.done([&] { return state_after(t, found, kept); });
  }
}

Products float_products(const CorrectionInputs& in, int64_t step, const at::Tensor& feature) {
  return watch(in, FloatExecutor(), nullptr, step, feature).full;
}

BothProducts both_products(const CorrectionInputs& in, int64_t step, const at::Tensor& feature) {
  return watch(in, *in.quantized, in.quantized, step, feature);
}

void set_line(at::Tensor& slope, at::Tensor& offset, int64_t steps, int64_t step,
              const AffineSums::Line& line) {
  if (!slope.defined()) {
    const auto floats = line.slope.options().dtype(at::kFloat);
    slope = at::ones({steps, line.slope.size(0)}, floats);
    offset = at::zeros({steps, line.slope.size(0)}, floats);
  }
  slope[step].copy_(line.slope);
  offset[step].copy_(line.offset);
}

}  // namespace cq
