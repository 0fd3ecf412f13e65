#include "cq/experiments/commands/bench_layers.h"

#include <algorithm>
#include <chrono>
#include <map>

#include <fmt/format.h>

#include "cq/core/device.h"
#include "cq/experiments/commands/common_context.h"
#include "cq/experiments/pipeline/operation_counter.h"

namespace cq {

namespace {

double bytes_of(const at::Tensor& x) {
  return x.defined() ? double(x.nbytes()) : 0;
}

double bytes_of(const UnitInput& in) {
  return bytes_of(in.x) + bytes_of(in.skip) + bytes_of(in.residual);
}

/// Of a weight in integers.
double code_bytes(const Unit& unit) {
  return double(unit.weight.numel());
}

/// Layers that are computed together have one line.
std::string pair_name(const std::string& first, const std::string& second) {
  return first + " + " + second;
}

/// Adds up the time of each layer, and the bytes that it reads and writes.
class TimingExecutor : public Executor {
 public:
  explicit TimingExecutor(const Executor& inner) : inner_(inner) {}
  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override {
    return timed(unit.name, bytes_of(in) + code_bytes(unit),
                 [&] { return inner_.run(unit, in, step); });
  }
  at::Tensor run_pair(const Unit& first, const UnitInput& in, const Unit& second,
                      const UnitInput& rest, int64_t step) const override {
    return timed(pair_name(first.name, second.name),
                 bytes_of(in) + bytes_of(rest) + code_bytes(first) + code_bytes(second),
                 [&] { return inner_.run_pair(first, in, second, rest, step); });
  }
  at::Tensor self_attention(const Unit& qkv, const UnitInput& in, const AttentionUnit& unit,
                            const Projection& out, int64_t step) const override {
    return timed(pair_name(pair_name(qkv.name, unit.name), out.unit.name),
                 bytes_of(in) + bytes_of(out.rest) + code_bytes(qkv) + code_bytes(out.unit),
                 [&] { return inner_.self_attention(qkv, in, unit, out, step); });
  }
  at::Tensor projected_attention(const AttentionUnit& unit, const at::Tensor& q,
                                 const at::Tensor& k, const at::Tensor& v, const Projection& out,
                                 int64_t step) const override {
    return timed(
        pair_name(unit.name, out.unit.name),
        bytes_of(q) + bytes_of(k) + bytes_of(v) + bytes_of(out.rest) + code_bytes(out.unit),
        [&] { return inner_.projected_attention(unit, q, k, v, out, step); });
  }
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override {
    return timed(unit.name, bytes_of(q) + bytes_of(k) + bytes_of(v),
                 [&] { return inner_.attention(unit, q, k, v, step); });
  }
  struct Sum {
    double seconds = 0, bytes = 0;
  };
  const std::map<std::string, Sum>& sums() const { return sums_; }

 private:
  template <class Compute>
  at::Tensor timed(const std::string& name, double bytes, Compute compute) const {
    const auto start = std::chrono::steady_clock::now();
    auto value = compute();
    synchronize(value.device());
    auto& sum = sums_[name];
    sum.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    sum.bytes += bytes + bytes_of(value);
    return value;
  }
  const Executor& inner_;
  mutable std::map<std::string, Sum> sums_;
};

/// Multiply-adds of a layer, or of several that are computed together.
LayerCount count_of(const std::map<std::string, LayerCount>& counts, const std::string& name) {
  const size_t plus = name.find(" + ");
  if (plus == std::string::npos) return counts.at(name);
  auto all = counts.at(name.substr(0, plus));
  all.macs += count_of(counts, name.substr(plus + 3)).macs;
  return all;
}

}  // namespace

LayerTimes time_layers(const BenchSetting& setting, const Executor& executor, int64_t rounds) {
  const TimingExecutor timing(executor);
  const Denoiser denoiser(*setting.model, timing, 1.0);
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < rounds; ++i) {
    ComputeAll compute;
    denoiser.eps(setting.x, setting.labels, setting.timesteps[0], 0, compute);
  }
  LayerTimes times;
  times.whole = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() /
                double(rounds);
  std::map<std::string, LayerCount> counts;
  for (const auto& layer : count_network(*setting.model, nullptr, Counter::thop).full.layers) {
    auto& count = counts[layer.name];
    const int64_t before = count.macs;
    count = layer;
    count.macs += before;
  }
  for (const auto& [name, sum] : timing.sums()) {
    const auto count = count_of(counts, name);
    times.layers.push_back({.name = name,
                            .kind = count.kind,
                            .seconds = sum.seconds / double(rounds),
                            .operations = 2.0 * double(count.macs * setting.x.size(0)),
                            .bytes = sum.bytes / double(rounds)});
  }
  std::sort(times.layers.begin(), times.layers.end(),
            [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return times;
}

nlohmann::ordered_json layer_document(const LayerTimes& times) {
  auto layers = nlohmann::ordered_json::array();
  for (const auto& layer : times.layers) {
    layers.push_back({{"name", layer.name},
                      {"kind", layer.kind},
                      {"seconds", layer.seconds},
                      {"gops", layer.gops()}});
  }
  return layers;
}

std::string layer_table(const LayerTimes& times) {
  size_t width = 14;
  for (const auto& layer : times.layers) width = std::max(width, layer.name.size());
  std::string text = fmt::format("{:<{}} {:<10} {:>9} {:>7} {:>9}\n", "layer", width, "kind", "ms",
                                 "share", "GOPS");
  double in_layers = 0;
  for (const auto& layer : times.layers) {
    in_layers += layer.seconds;
    text +=
        fmt::format("{:<{}} {:<10} {:>9.3f} {:>6.1f}% {:>9.1f}\n", layer.name, width, layer.kind,
                    layer.seconds * 1e3, 100 * layer.seconds / times.whole, layer.gops());
  }
  const double rest = times.whole - in_layers;
  return text + fmt::format("{:<{}} {:<10} {:>9.3f} {:>6.1f}%\n", "between layers", width, "",
                            rest * 1e3, 100 * rest / times.whole);
}

}  // namespace cq
