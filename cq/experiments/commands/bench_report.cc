#include "cq/experiments/commands/bench_report.h"

#include <fmt/format.h>

#include "cq/core/kernels/isa.h"

namespace cq {

using Json = nlohmann::ordered_json;

std::string BenchReport::machine() const {
  return device.empty() ? fmt::format("{}, {} threads", kernels::isa_name(), threads) : device;
}

nlohmann::ordered_json document_of(const BenchReport& r) {
  Json document;
  document["cells"] = Json::array();
  for (const auto& cell : r.cells) {
    Json one = {
        {"model", r.model}, {"batch", r.batch}, {"execution", cell.execution}, {"step", cell.step}};
    if (r.device.empty()) {
      one["isa"] = kernels::isa_name();
      one["threads"] = r.threads;
    } else {
      one["device"] = r.device;
    }
    one["min_s"] = cell.timing.min;
    one["median_s"] = cell.timing.median;
    one["max_s"] = cell.timing.max;
    one["gops"] = cell.gops();
    one["peak_fraction"] = r.fraction(cell);
    document["cells"].push_back(std::move(one));
  }
  document["peak"] = Json::object();
  for (const auto& [kind, gops] : r.peak_gops) document["peak"][kind + "_gops"] = gops;
  document["sampler"] = Json::array();
  for (const auto& row : r.sampler) {
    document["sampler"].push_back({{"execution", row.execution},
                                   {"cache", row.cache},
                                   {"interval", row.interval},
                                   {"steps", row.steps},
                                   {"seconds", row.seconds},
                                   {"speedup", row.speedup}});
  }
  return document;
}

std::string table_of(const BenchReport& r) {
  std::string text = fmt::format(
      "{}, batch {}, {}\n{:<10} {:<7} {:>11} {:>11} {:>11} {:>9} {:>8}\n", r.model, r.batch,
      r.machine(), "execution", "step", "median ms", "min ms", "max ms", "GOPS", "of peak");
  for (const auto& cell : r.cells) {
    text += fmt::format("{:<10} {:<7} {:>11.2f} {:>11.2f} {:>11.2f} {:>9.1f} {:>8.2f}\n",
                        cell.execution, cell.step, cell.timing.median * 1e3, cell.timing.min * 1e3,
                        cell.timing.max * 1e3, cell.gops(), r.fraction(cell));
  }
  for (const auto& [kind, gops] : r.peak_gops) {
    text += fmt::format("peak {:<16} {:.0f} GOPS\n", kind, gops);
  }
  for (const auto& row : r.sampler) {
    text += fmt::format("sampler of {} steps: {} {} N={}: {:.{}f} s, {:.2f}x\n", row.steps,
                        row.execution, row.cache, row.interval, row.seconds,
                        r.device.empty() ? 2 : 4, row.speedup);
  }
  return text;
}

}  // namespace cq
