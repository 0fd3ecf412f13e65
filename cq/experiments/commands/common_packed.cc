#include "cq/experiments/commands/common_packed.h"

#include "cq/base/error.h"
#include "cq/core/quant/packed.h"
#include "cq/experiments/setup/program_files.h"

namespace cq {

namespace {

/// Groups of a packed checkpoint; what an override may still choose of them.
constexpr const char* kGroups[] = {"sampler", "cache", "quant", "correct"};

bool names_group(const std::string& text, const std::string& group) {
  const size_t start = text.find_first_not_of("+~");
  if (start == std::string::npos || text.compare(start, group.size(), group) != 0) return false;
  const char next = start + group.size() < text.size() ? text[start + group.size()] : '=';
  return next == '=' || next == '.' || next == '@';
}

}  // namespace

std::optional<std::filesystem::path> packed_file(const config::Node& config) {
  const std::string weights = config.at("weights").as_string();
  if (weights == "random") return {};
  const auto file = find_data_file(weights);
  if (!is_packed(file)) return {};
  return file;
}

config::Node with_packed_groups(config::Node config, const std::vector<std::string>& overrides) {
  const auto file = packed_file(config);
  if (!file) return config;
  auto packed = packed_config(*file);
  const auto model = config.at("model").at("name").as_string();
  if (packed.at("model_name") != model) {
    throw UsageError("{}: packed from model={}, not {}", file->string(),
                     packed.at("model_name").get<std::string>(), model);
  }
  packed["quant"]["execution"] = "integer";
  for (const auto& text : overrides) {
    if (text.starts_with("quant.execution=")) {
      packed["quant"]["execution"] = config.at("quant").at("execution").as_string();
      continue;
    }
    for (const char* group : kGroups) {
      if (!names_group(text, group)) continue;
      throw UsageError(
          "{}: '{}' contradicts a packed checkpoint, whose ranges and corrections are "
          "of its own {}; leave it out, or give weights in floating point",
          file->string(), text, group);
    }
  }
  for (const char* group : kGroups) {
    config.put(config::Key(group), config::Node::from_json(packed.at(group)));
  }
  return config;
}

}  // namespace cq
