// The files of one cell into `Cell`. Schemas: docs/reports.md.
#include <limits>

#include "cq/base/error.h"
#include "cq/base/json.h"
#include "cq/experiments/reports/fields.h"
#include "cq/experiments/reports/results.h"

namespace cq::reports {
namespace {

/// A group is written `{"name": ...}`, as a plain name, or not at all ("none").
std::string component_name(const Fields& config, const std::string& group) {
  const Json* value = config.find(group);
  if (!value) return "none";
  if (value->is_string()) return value->get<std::string>();
  return config.object(group)->text("name").value_or("none");
}

std::optional<Fields> component(const Fields& config, const std::string& group) {
  const Json* value = config.find(group);
  return value && value->is_object() ? config.object(group) : std::nullopt;
}

std::optional<bool> direction(const Fields& metric) {
  const auto better = metric.text("better");
  if (!better) return std::nullopt;
  if (*better != "higher" && *better != "lower") metric.refuse("better", "\"higher\" or \"lower\"");
  return *better == "higher";
}

void parse_noise(const Fields& floors, Cell& cell) {
  for (const auto& [name, floor] : floors.json().items()) {
    const Fields fields(floor, floors.where() + ", " + name);
    NoiseFloor noise{fields.need_number("min"), fields.need_number("max"),
                     fields.need_integer("halves")};
    if (noise.low > noise.high) fields.refuse("max", "a value that is not below min");
    cell.noise[name] = noise;
  }
}

ErrorCurves parse_errors(const Fields& fields) {
  ErrorCurves errors;
  errors.steps = fields.numbers("steps");
  for (const auto& [name, values] : fields.json().items()) {
    if (name == "steps" || values.is_null()) continue;
    auto curve = fields.numbers(name);
    if (curve.size() != errors.steps.size())
      fields.refuse(name, fmt::format("{} numbers, one for each step", errors.steps.size()));
    errors.curves[name] = std::move(curve);
  }
  return errors;
}

std::optional<Range> parse_range(const Fields& measured, const std::string& key) {
  const auto range = measured.object(key);
  if (!range) return std::nullopt;
  return Range{range->need_number("median"), range->need_number("min"), range->need_number("max")};
}

}  // namespace

void parse_config(const Json& json, const std::string& where, Cell& cell) {
  const Fields config(json, where);
  CellConfig& keys = cell.keys;
  cell.config = json;
  keys.model = component_name(config, "model");
  keys.sampler = component_name(config, "sampler");
  keys.cache = component_name(config, "cache");
  keys.quant = component_name(config, "quant");
  keys.correct = component_name(config, "correct");
  keys.reconstruct = component_name(config, "reconstruct");
  if (const auto sampler = component(config, "sampler")) {
    keys.steps = sampler->number("steps");
    keys.guidance = sampler->number("guidance");
    keys.eta = sampler->number("eta");
  }
  if (const auto cache = component(config, "cache"); cache && keys.cached())
    keys.interval = cache->integer("interval");
  if (const auto quant = component(config, "quant"); quant && keys.quantized()) {
    keys.weight_bits = quant->integer("weight_bits");
    keys.act_bits = quant->integer("act_bits");
    keys.execution = quant->text("execution").value_or("");
  }
  keys.samples = config.integer("samples");
  keys.seed = config.integer("seed");
}

void parse_metrics(const Json& json, const std::string& where, Cell& cell) {
  const Fields file(json, where);
  check_schema(file, 1);
  const auto metrics = file.object("metrics");
  if (!metrics) file.refuse("metrics", "an object");
  for (const auto& [name, entry] : metrics->json().items()) {
    if (entry.is_null()) {
      cell.not_finite.push_back(name);
      continue;
    }
    const Fields fields(entry, where + ", " + name);
    const auto value = fields.number("value");
    if (!value) {
      cell.not_finite.push_back(name);
      continue;
    }
    const Json* protocol = fields.find("protocol");
    if (!protocol) fields.refuse("protocol", "how the value was taken");
    cell.metrics.push_back(
        {name, *value, fields.number("std"), direction(fields), canonical_json(*protocol)});
  }
  if (const auto missing = file.object("missing")) {
    for (const auto& [name, reason] : missing->json().items()) {
      cell.left_out[name] = missing->text(name).value_or("");
    }
  }
  if (const auto noise = file.object("noise_floor")) parse_noise(*noise, cell);
  if (const auto errors = file.object("error_per_step")) cell.errors = parse_errors(*errors);
}

void parse_efficiency(const Json& json, const std::string& where, Cell& cell) {
  const Fields file(json, where);
  Efficiency out;
  if (const auto macs = file.object("macs")) out.macs = macs->number("average");
  out.bops = file.number("bops");
  out.parameters = file.number("parameters");
  out.model_bytes = file.number("model_bytes");
  out.compression = file.number("compression");
  out.estimated_speedup = file.number("estimated_speedup");
  if (const auto measured = file.object("measured")) {
    out.seconds_per_image = parse_range(*measured, "seconds_per_image");
    out.speedup = parse_range(*measured, "speedup");
    out.peer = measured->text("peer").value_or("");
    // Called `cpu` before there were others.
    out.device = measured->text("device").value_or(measured->text("cpu").value_or(""));
    out.threads = measured->integer("threads").value_or(0);
    out.runs = measured->integer("runs").value_or(0);
  }
  cell.efficiency = out;
}

void parse_schedule(const Json& json, const std::string& where, Cell& cell) {
  const Fields file(json, where);
  StoredSchedule out;
  out.steps = file.need_integer("steps");
  out.cost = file.number("cost");
  out.uniform_cost = file.number("uniform_cost");
  const Json* groups = file.find("groups");
  if (!groups || !groups->is_array()) file.refuse("groups", "a list of [start, end] pairs");
  int64_t next = 0;
  for (const Json& group : *groups) {
    const bool pair = group.is_array() && group.size() == 2 && group[0].is_number_integer() &&
                      group[1].is_number_integer();
    if (!pair) file.refuse("groups", "a list of [start, end] pairs");
    const auto start = group[0].get<int64_t>(), end = group[1].get<int64_t>();
    if (start != next || end <= start)
      file.refuse("groups", fmt::format("a group that starts at step {}", next));
    out.groups.emplace_back(start, end);
    next = end;
  }
  if (next != out.steps)
    file.refuse("groups", fmt::format("groups that cover steps 0 to {}", out.steps));
  cell.schedule = out;
}

}  // namespace cq::reports
