#include "cq/experiments/commands/list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/config/nearest.h"
#include "cq/experiments/commands/components.h"

namespace cq {

namespace {

using config::ParamInfo;
using config::RegistryEntry;
using Json = nlohmann::ordered_json;

std::vector<RegistryEntry> entries_of(const ComponentKind& kind, const std::string& name) {
  auto entries = kind.entries();
  if (name.empty()) return entries;
  std::vector<std::string> names;
  for (auto& entry : entries) {
    if (entry.name == name) return {std::move(entry)};
    names.push_back(entry.name);
  }
  throw UsageError("[list] no '{}' in {}{} (known: {})", name, kind.name,
                   config::did_you_mean(name, names), fmt::join(names, ", "));
}

Json to_json(const RegistryEntry& entry) {
  Json json = {{"name", entry.name}, {"doc", entry.doc}, {"source", entry.source}};
  json["params"] = Json::array();
  for (const auto& param : entry.params) {
    Json one = {{"name", param.name},
                {"type", param.type},
                {"default", param.default_value},
                {"bounds", param.bounds_text()},
                {"unit", param.unit},
                {"doc", param.doc}};
    if (!param.source.empty()) one["source"] = param.source;
    json["params"].push_back(std::move(one));
  }
  return json;
}

std::string source_of(const ParamInfo& param) {
  return param.source.empty() ? std::string() : fmt::format(" ({})", param.source);
}

void print(const RegistryEntry& entry) {
  fmt::print("{:<18} {}\n", entry.name, entry.doc);
  if (!entry.source.empty()) fmt::print("{:<18} {}\n", "", entry.source);
  for (const auto& param : entry.params) {
    std::string about = fmt::format("{} = {}", param.type, param.default_value);
    if (const auto bounds = param.bounds_text(); !bounds.empty()) about += ", " + bounds;
    if (!param.unit.empty()) about += " " + param.unit;
    fmt::print("    {:<24} {:<40} {}{}\n", param.name, about, param.doc, source_of(param));
  }
}

/// Text of a Markdown table's cell.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string code(const std::string& text) {
  return text.empty() ? "" : fmt::format("`{}`", cell(text));
}

void print_markdown(const ParamInfo& param) {
  std::string type = param.type;
  if (!param.unit.empty()) type += fmt::format(" ({})", param.unit);
  fmt::print("| `{}` | {} | {} | {} | {}{} |\n", param.name, cell(type), code(param.default_value),
             cell(param.bounds_text()), cell(param.doc), cell(source_of(param)));
}

void print_markdown(const ComponentKind& kind) {
  fmt::print("\n## {}\n{}{}.\n", kind.name, static_cast<char>(std::toupper(kind.doc[0])),
             kind.doc.substr(1));
  for (const auto& entry : kind.entries()) {
    fmt::print("\n### {}\n", entry.name);
    if (!entry.doc.empty()) fmt::print("{}\n", entry.doc);
    if (!entry.source.empty()) fmt::print("\nSource: {}\n", entry.source);
    if (entry.params.empty()) continue;
    fmt::print("\n| key | type | default | values | meaning |\n|---|---|---|---|---|\n");
    for (const auto& param : entry.params) print_markdown(param);
  }
}

std::vector<ComponentKind> chosen(const std::string& name) {
  return name.empty() ? component_kinds() : std::vector<ComponentKind>{component_kind(name)};
}

int print_reference(const ListOptions& options) {
  fmt::print(
      "# Reference\nEvery component and its parameters. Written by `cq-exp list --markdown` from "
      "the\ndeclarations that configs are checked against; do not edit.\n");
  for (const auto& kind : chosen(options.kind)) print_markdown(kind);
  return 0;
}

}  // namespace

int list_command(const ListOptions& options) {
  if (options.markdown) return print_reference(options);
  Json all;
  for (const auto& kind : chosen(options.kind)) {
    const auto entries = entries_of(kind, options.name);
    if (options.common.json) {
      auto& list = all[kind.name] = Json::array();
      for (const auto& entry : entries) list.push_back(to_json(entry));
      continue;
    }
    if (options.kind.empty()) {
      std::vector<std::string> names;
      names.reserve(entries.size());
      for (const auto& entry : entries) names.push_back(entry.name);
      fmt::print("{:<14} {}\n", kind.name, fmt::join(names, ", "));
    } else {
      for (const auto& entry : entries) print(entry);
    }
  }
  if (options.common.json) fmt::print("{}\n", all.dump());
  return 0;
}

}  // namespace cq
