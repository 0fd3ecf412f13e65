#include "cq/experiments/commands/clean.h"

#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace cq {

int clean_command(const CleanCommandOptions& options) {
  const auto summary = clean_store(options.clean);
  if (options.common.json) {
    const nlohmann::ordered_json json = {{"removed", summary.removed},
                                         {"bytes", summary.bytes},
                                         {"kept", summary.kept},
                                         {"in_use", summary.in_use}};
    std::cout << json.dump() << "\n";
  } else {
    std::cout << fmt::format("{} {} stage outputs, {:.1f} MB; kept {}, in use {}\n",
                             options.clean.dry_run ? "would remove" : "removed", summary.removed,
                             double(summary.bytes) / 1e6, summary.kept, summary.in_use);
  }
  return 0;
}

}  // namespace cq
