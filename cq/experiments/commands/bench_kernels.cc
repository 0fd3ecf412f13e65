#include "cq/experiments/commands/bench_kernels.h"

#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/base/json.h"
#include "cq/config/nearest.h"
#include "cq/core/kernels/isa.h"
#include "cq/experiments/commands/bench_cuda.h"
#include "cq/experiments/commands/bench_product_cases.h"
#include "cq/experiments/commands/bench_timing.h"
#include "cq/experiments/commands/common_context.h"
#include "cq/experiments/commands/common_expect.h"

namespace cq {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kGiga = 1e9;

/// The yardsticks come first, then the kernels.
enum Yardstick { triad, float32, int16, int8, yardsticks };

std::vector<KernelCase> all_cases() {
  std::vector<KernelCase> cases;
  cases.push_back(triad_case());
  cases.push_back(float32_peak_case());
  cases.push_back(int16_peak_case());
  cases.push_back(int8_peak_case());
  for (auto& kernel : kernel_cases()) cases.push_back(std::move(kernel));
  for (auto& product : product_cases()) cases.push_back(std::move(product));
  return cases;
}

const char* unit_of(const KernelCase& kernel) {
  return kernel.bound == Bound::bandwidth ? "gbps" : "gops";
}

std::vector<Expectation> expectations_of(const BenchOptions& options,
                                         const std::vector<KernelCase>& cases) {
  std::vector<std::string> names;
  for (size_t i = yardsticks; i < cases.size(); ++i) {
    names.push_back(cases[i].name + "_ratio");
    names.push_back(fmt::format("{}_{}", cases[i].name, unit_of(cases[i])));
  }
  std::vector<Expectation> result;
  for (const auto& text : options.expect) {
    result.push_back(read_expectation(text, "norm_silu_ratio>=0.5"));
    const auto& name = result.back().name;
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    throw UsageError("--expect '{}': nothing measured is called '{}'{} (known: {})", text, name,
                     config::did_you_mean(name, names), fmt::join(names, ", "));
  }
  return result;
}

struct Measured {
  std::vector<KernelCase> cases;
  std::vector<Timing> timings;

  static Yardstick yardstick(Bound bound) {
    if (bound == Bound::bandwidth) return triad;
    return bound == Bound::int16 ? int16 : int8;
  }
  double speed(size_t i) const { return cases[i].amount / timings[i].median / kGiga; }
  double fraction(size_t i) const { return speed(i) / speed(yardstick(cases[i].bound)); }
};

Json document_of(const Measured& m, int64_t threads) {
  Json document;
  document["kernels"] = Json::array();
  for (size_t i = yardsticks; i < m.cases.size(); ++i) {
    const auto& t = m.timings[i];
    document["kernels"].push_back({{"name", m.cases[i].name},
                                   {"shape", m.cases[i].shape},
                                   {"isa", kernels::isa_name()},
                                   {"target", kernels::kernel_target()},
                                   {"threads", threads},
                                   {"min_s", t.min},
                                   {"median_s", t.median},
                                   {"max_s", t.max},
                                   {unit_of(m.cases[i]), m.speed(i)},
                                   {"peak_fraction", m.fraction(i)}});
  }
  document["peak"] = {{"triad_gbps", m.speed(triad)},
                      {"float32_gops", m.speed(float32)},
                      {"int16_gops", m.speed(int16)},
                      {"int8_gops", m.speed(int8)}};
  return document;
}

std::string table_of(const Measured& m, int64_t threads) {
  std::string text = fmt::format(
      "{} ({}), {} threads; triad {:.1f} GB/s, float32 {:.0f} GOPS, int16 {:.0f} GOPS, int8 {:.0f} "
      "GOPS\n"
      "{:<18} {:>9} {:>9} {:>9}  {:>8}      {:>9}  shape\n",
      kernels::isa_name(), kernels::kernel_target(), threads, m.speed(triad), m.speed(float32),
      m.speed(int16), m.speed(int8), "kernel", "median ms", "min ms", "max ms", "speed",
      "fraction");
  for (size_t i = yardsticks; i < m.cases.size(); ++i) {
    const auto& t = m.timings[i];
    const char* unit = m.cases[i].bound == Bound::bandwidth ? "GB/s" : "GOPS";
    text += fmt::format("{:<18} {:>9.3f} {:>9.3f} {:>9.3f}  {:>8.1f} {} {:>9.2f}  {}\n",
                        m.cases[i].name, t.median * 1e3, t.min * 1e3, t.max * 1e3, m.speed(i), unit,
                        m.fraction(i), m.cases[i].shape);
  }
  return text;
}

}  // namespace

int bench_kernels(const BenchOptions& options) {
  if (!options.overrides.empty()) {
    throw UsageError("[bench] kernels take no configuration, got '{}'", options.overrides.front());
  }
  if (options.common.device == "cuda") return bench_cuda_kernels(options);
  auto common = options.common;
  common.device = "cpu";
  const Context context = make_context(common);
  Measured measured{all_cases(), {}};
  const auto expectations = expectations_of(options, measured.cases);
  std::vector<std::function<void()>> runs;
  for (const auto& kernel : measured.cases) runs.push_back(kernel.run);
  measured.timings = time_in_turns(runs, options.rounds);

  const std::string text = options.common.json ? pretty_json(document_of(measured, context.threads))
                                               : table_of(measured, context.threads);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  std::map<std::string, double> values;
  for (size_t i = yardsticks; i < measured.cases.size(); ++i) {
    values[measured.cases[i].name + "_ratio"] = measured.fraction(i);
    values[fmt::format("{}_{}", measured.cases[i].name, unit_of(measured.cases[i]))] =
        measured.speed(i);
  }
  check_expectations(expectations, [&](const std::string& name) { return values.at(name); });
  return 0;
}

}  // namespace cq
