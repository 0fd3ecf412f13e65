#pragma once
// Completion of overrides: groups, options, keys and values.
#include <filesystem>
#include <string>
#include <vector>

namespace cq {

struct OverrideContext {
  std::filesystem::path config;        ///< the primary config
  std::vector<std::string> overrides;  ///< the words before the one that is completed
};

/// Overrides that `word` may become. A config that does not compose gives groups alone.
std::vector<std::string> complete_override(const OverrideContext& context, const std::string& word);

}  // namespace cq
