#include "cq/experiments/commands/bench_layers.h"

#include <algorithm>
#include <chrono>
#include <map>

#include <fmt/format.h>

#include "cq/experiments/commands/bops_counter.h"

namespace cq {

namespace {

/// Layers that are computed together have one line.
std::string pair_name(const std::string& first, const std::string& second) {
  return first + " + " + second;
}

/// Adds up the time of each layer.
class TimingExecutor : public Executor {
 public:
  explicit TimingExecutor(const Executor& inner) : inner_(inner) {}
  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override {
    return timed(unit.name, [&] { return inner_.run(unit, in, step); });
  }
  at::Tensor run_pair(const Unit& first, const UnitInput& in, const Unit& second,
                      const UnitInput& rest, int64_t step) const override {
    return timed(pair_name(first.name, second.name),
                 [&] { return inner_.run_pair(first, in, second, rest, step); });
  }
  at::Tensor self_attention(const Unit& qkv, const UnitInput& in, const AttentionUnit& unit,
                            int64_t step) const override {
    return timed(pair_name(qkv.name, unit.name),
                 [&] { return inner_.self_attention(qkv, in, unit, step); });
  }
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override {
    return timed(unit.name, [&] { return inner_.attention(unit, q, k, v, step); });
  }
  const std::map<std::string, double>& seconds() const { return seconds_; }
  /// Adds up what layers that are computed together count.
  void add_pairs(std::map<std::string, LayerCount>& counts) const {
    for (const auto& [name, time] : seconds_) {
      const size_t plus = name.find(" + ");
      if (plus == std::string::npos) continue;
      auto& both = counts[name] = counts[name.substr(0, plus)];
      both.macs += counts[name.substr(plus + 3)].macs;
    }
  }

 private:
  template <class Compute>
  at::Tensor timed(const std::string& name, Compute compute) const {
    const auto start = std::chrono::steady_clock::now();
    auto value = compute();
    seconds_[name] +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return value;
  }
  const Executor& inner_;
  mutable std::map<std::string, double> seconds_;
};

}  // namespace

std::string layer_report(const BenchSetting& setting, const Executor& executor, int64_t rounds) {
  const TimingExecutor timing(executor);
  const Denoiser denoiser(*setting.model, timing, 1.0);
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < rounds; ++i) {
    ComputeAll compute;
    denoiser.eps(setting.x, setting.labels, setting.timesteps[0], 0, compute);
  }
  const double whole =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::map<std::string, LayerCount> counts;
  for (const auto& layer : count_network(*setting.model, nullptr, Counter::thop).full.layers) {
    auto& count = counts[layer.name];
    const int64_t before = count.macs;
    count = layer;
    count.macs += before;
  }
  timing.add_pairs(counts);
  std::vector<std::pair<double, std::string>> slowest;
  double in_layers = 0;
  for (const auto& [name, seconds] : timing.seconds()) {
    slowest.push_back({seconds, name});
    in_layers += seconds;
  }
  std::sort(slowest.rbegin(), slowest.rend());
  std::string text =
      fmt::format("{:<80} {:<10} {:>9} {:>7} {:>9}\n", "layer", "kind", "ms", "share", "GOPS");
  for (const auto& [seconds, name] : slowest) {
    const auto& count = counts[name];
    const double each = seconds / double(rounds);
    text += fmt::format("{:<80} {:<10} {:>9.3f} {:>6.1f}% {:>9.1f}\n", name, count.kind, each * 1e3,
                        100 * seconds / whole,
                        2.0 * double(count.macs * setting.x.size(0)) / each / 1e9);
  }
  text +=
      fmt::format("{:<80} {:<10} {:>9.3f} {:>6.1f}%\n", "between layers", "",
                  (whole - in_layers) / double(rounds) * 1e3, 100 * (whole - in_layers) / whole);
  return text;
}

}  // namespace cq
