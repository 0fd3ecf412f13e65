#include "cq/experiments/commands/schedule.h"

#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/config/scalar.h"
#include "cq/core/io/npy.h"
#include "cq/methods/cache/schedules.h"

namespace cq {
namespace {

config::Node method_params(const ScheduleOptions& options) {
  config::Node params = config::Node::dict();
  for (const std::string& text : options.params) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError("[schedule] expected a parameter key=value, got '{}'", text);
    }
    const std::string key = text.substr(0, equals);
    if (params.contains(key)) throw UsageError("[schedule] parameter '{}' is given twice", key);
    params.put(key, config::read_plain_scalar(text.substr(equals + 1))
                        .with_mark(config::Mark::in_override(text)));
  }
  const auto put_flag = [&](const char* key, const char* flag, std::optional<int64_t> value) {
    if (!value) return;
    if (params.contains(key)) {
      throw UsageError("[schedule] {} and {}= say the same; give one", flag, key);
    }
    params.put(key, config::Node(*value).with_mark(
                        config::Mark::in_override(fmt::format("{} {}", flag, *value))));
  };
  put_flag("min_group", "--min-group", options.min_group);
  put_flag("max_group", "--max-group", options.max_group);
  return params;
}

CostTable read_costs(const ScheduleOptions& options) {
  const std::string file = options.cost->string();
  const NpyFile npy = NpyFile::open(*options.cost);
  const std::vector<int64_t>& shape = npy.info().shape;
  if (shape != std::vector<int64_t>{options.steps, options.steps}) {
    throw UsageError("{}: expected a {} x {} table of costs (T={} steps, interval N={}), got [{}]",
                     file, options.steps, options.steps, options.steps, options.interval,
                     fmt::join(shape, ", "));
  }
  at::Tensor table = npy.tensor();
  if (table.scalar_type() == at::kBool || table.is_complex()) {
    throw UsageError("{}: expected costs as real numbers, got another type", file);
  }
  table = table.to(at::kDouble).contiguous();
  const auto* values = table.const_data_ptr<double>();
  return CostTable::from_square(
      {values, values + table.numel()}, options.steps, options.steps,
      fmt::format("{} (T={} steps, interval N={})", file, options.steps, options.interval));
}

std::string as_text(const ScheduleOptions& options, const Schedule& schedule,
                    std::optional<double> cost) {
  std::string text =
      fmt::format("{}: {} steps, interval {}, {} recomputed\nrecompute  {}\ngroups    ",
                  options.method, schedule.steps, options.interval, schedule.recompute.size(),
                  fmt::join(schedule.recompute, " "));
  for (const auto& [start, end] : schedule.groups()) text += fmt::format(" [{}, {})", start, end);
  if (cost) text += fmt::format("\ncost       {:.10g}", *cost);
  return text + "\n";
}

}  // namespace

std::string schedule_report(const ScheduleOptions& options) {
  const ScheduleRegistry registry = schedule_registry();
  const auto method = registry.make(options.method, method_params(options));
  std::optional<CostTable> costs;
  if (options.cost) costs = read_costs(options);
  const Schedule schedule =
      method->make({options.steps, options.interval, costs ? &*costs : nullptr});
  std::optional<double> cost;
  if (costs) {
    cost = schedule_cost(schedule, *costs);
    if (!std::isfinite(*cost)) {
      throw UsageError("{}: the costs add up to infinity; scale them down", options.cost->string());
    }
  }
  if (!options.json) return as_text(options, schedule, cost);
  nlohmann::ordered_json json = {{"recompute", schedule.recompute}, {"groups", schedule.groups()}};
  if (cost) json["cost"] = *cost;
  return json.dump() + "\n";
}

int schedule_command(const ScheduleOptions& options) {
  fmt::print("{}", schedule_report(options));
  return 0;
}

}  // namespace cq
