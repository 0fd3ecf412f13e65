#include "cq/experiments/setup/program_config.h"

#include "cq/base/error.h"
#include "cq/config/compose.h"
#include "cq/config/resolve.h"
#include "cq/experiments/setup/config_checks.h"
#include "cq/experiments/setup/program_files.h"

namespace fs = std::filesystem;

namespace cq {

namespace {

/// Throws UsageError where a model wants a file of weights and none is given.
void check_weights(const config::Node& composed) {
  const auto is = [&](const char* key, std::string_view text) {
    const auto* node = composed.find(key);
    return node != nullptr && node->is_string() && node->as_string() == text;
  };
  if (!is("weights", "${model.weights}") || !is("model.weights", "???")) return;
  const auto* name = composed.find("model.name");
  throw UsageError(
      "[model] {} comes without weights: give weights=FILE (docs/models.md says which file), or "
      "weights=random",
      name != nullptr && name->is_string() ? name->as_string() : "this model");
}

/// `groups` are those that the command cannot do without.
config::Node single_job(const config::ComposeRequest& request,
                        const std::vector<std::string>& groups) {
  const config::JobList jobs(request);
  if (jobs.size() != 1) {
    throw UsageError(
        "this command takes one configuration, got a sweep of {}; sweeps belong to "
        "`cq-exp run`",
        jobs.size());
  }
  const auto composed = jobs.job(0).config;
  check_groups(composed, groups);
  check_weights(composed);
  const auto config = config::resolve(composed).with_paths();
  check_option_name(config, "quant", jobs.options("quant"));
  const auto overridden = [](const config::Node& value) { return value.mark().line == 0; };
  for (const auto& group : groups_with_none()) check_none_reads(config, group, overridden);
  return config;
}

}  // namespace

config::Node compose_program(const std::string& primary,
                             const std::vector<std::string>& overrides) {
  config::ComposeRequest request;
  request.primary = config_folder() / (primary + ".yaml");
  request.overrides = overrides;
  return single_job(request, {"model"});
}

config::Node compose_file(const fs::path& file, const std::vector<std::string>& overrides) {
  if (!fs::is_regular_file(file)) throw UsageError("no such config file: {}", file.string());
  config::ComposeRequest request;
  request.primary = file;
  request.extra_dirs = {config_folder()};
  request.overrides = overrides;
  return single_job(request, {});
}

}  // namespace cq
