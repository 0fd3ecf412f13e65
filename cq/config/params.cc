#include "cq/config/params.h"

#include <algorithm>
#include <cmath>

#include "cq/config/emit.h"
#include "cq/config/nearest.h"

namespace cq::config {

std::string ParamInfo::bounds_text() const {
  if (!choices.empty()) return fmt::format("{}", fmt::join(choices, " | "));
  const bool below = std::isfinite(bounds.min);
  const bool above = std::isfinite(bounds.max);
  if (below && above) return fmt::format("{}..{}", bounds.min, bounds.max);
  if (below) return fmt::format(">= {}", bounds.min);
  if (above) return fmt::format("<= {}", bounds.max);
  return {};
}

namespace params {

namespace {

[[noreturn]] void refuse(const Node& node, const ParamInfo& info, std::string_view hint = "") {
  std::string expected = info.type;
  if (const std::string bounds = info.bounds_text(); !bounds.empty()) {
    expected += (info.choices.empty() ? " " : " of ") + bounds;
  }
  if (!info.unit.empty()) expected += fmt::format(" ({})", info.unit);
  // A node that no file and no tree gave still names its parameter.
  const std::string where =
      node.path().empty() ? fmt::format("{}{}: ", node.where(), info.name) : node.where();
  if (node.is_missing()) {
    throw UsageError("{}must be given: expected {}", where, expected);
  }
  throw UsageError("{}expected {}, got {}{}", where, expected, node.describe(), hint);
}

void check_bounds(const Node& node, const ParamInfo& info, double value) {
  if (value >= info.bounds.min && value <= info.bounds.max) return;
  refuse(node, info);
}

}  // namespace

void read(const Node& node, const ParamInfo& info, std::int64_t& out) {
  if (!node.is_int()) refuse(node, info);
  out = node.as_int();
  check_bounds(node, info, static_cast<double>(out));
}

void read(const Node& node, const ParamInfo& info, double& out) {
  if (!node.is_number()) refuse(node, info);
  out = node.as_double();
  check_bounds(node, info, out);
}

void read(const Node& node, const ParamInfo& info, bool& out) {
  if (!node.is_bool()) refuse(node, info);
  out = node.as_bool();
}

void read(const Node& node, const ParamInfo& info, std::string& out) {
  if (!node.is_string() || node.is_missing()) refuse(node, info);
  out = node.as_string();
  const auto& choices = info.choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), out) != choices.end()) return;
  refuse(node, info, did_you_mean(out, choices));
}

std::string one_line(const Node& node) {
  return to_flow(node);
}

void unknown_key(const Node& dict, const Key& key, const std::vector<ParamInfo>& known) {
  std::vector<std::string> names;
  names.reserve(known.size());
  for (const ParamInfo& info : known) names.push_back(info.name);
  const Node* value = dict.get(key);
  const std::string where = value != nullptr ? value->where() : dict.where();
  if (names.empty()) throw UsageError("{}unknown key '{}': no parameters here", where, key.text());
  throw UsageError("{}unknown key '{}'{} (known: {})", where, key.text(), did_you_mean(key, names),
                   fmt::join(names, ", "));
}

const Node::Dict& entries_of(const Node& dict) {
  static const Node::Dict nothing;
  return dict.is_null() ? nothing : dict.items();
}

}  // namespace params
}  // namespace cq::config
