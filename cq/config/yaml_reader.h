#pragma once
// YAML files into value trees, with the types that OmegaConf 2.3 gives them.
#include <filesystem>
#include <string>
#include <string_view>

#include "cq/config/node.h"

namespace cq::config {

/// Limits against files that are no configs; far above any real one.
struct YamlLimits {
  std::size_t bytes = 4u << 20;
  int depth = 100;
  /// Values after aliases are expanded.
  std::size_t values = 200'000;
};

/// One document; an empty one is null. Throws UsageError with file:line:column for what YAML or
/// OmegaConf refuses, and for duplicate keys, tags, several documents, and what passes the limits.
Node read_yaml(std::string_view text, const std::string& file, const YamlLimits& limits = {});

/// The text of a file; throws UsageError where it cannot be read or passes the limits.
std::string read_yaml_text(const std::filesystem::path& file, const YamlLimits& limits = {});

}  // namespace cq::config
