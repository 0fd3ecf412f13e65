#include "cq/experiments/commands/common.h"

#include <algorithm>
#include <cstdlib>

#include "cq/base/error.h"
#include "cq/config/compose.h"
#include "cq/config/nearest.h"
#include "cq/config/resolve.h"

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

/// Options of `quant` that an override sets although nothing is quantized.
void check_quant_is_read(const config::Node& config) {
  const auto* quant = config.get(std::string_view("quant"));
  const auto* name = config.find("quant.name");
  if (name == nullptr || !name->is_string() || name->as_string() != "none") return;
  for (const auto& [key, value] : quant->items()) {
    const bool in_file = value.mark().line > 0;
    if (key != "name" && !in_file) refuse_unread_quant(value);
  }
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
  check_quant_is_read(config);
  return config;
}

/// Files and folders beside `path`, named as it is.
std::vector<std::string> neighbours(const fs::path& path) {
  std::vector<std::string> files;
  std::error_code ignored;
  const auto folder = path.parent_path();
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, ignored)) {
    files.push_back((folder / entry.path().filename()).string());
  }
  return files;
}

}  // namespace

fs::path config_folder() {
  if (const char* named = std::getenv("CQ_CONFIGS"); named != nullptr && *named != '\0') {
    if (!fs::is_directory(named)) throw UsageError("CQ_CONFIGS='{}' is not a folder", named);
    return fs::absolute(named).lexically_normal();
  }
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
  // Archive and build tree, portable program in the build tree, installation.
  for (const char* place : {"../configs", "../../configs", "../share/cq-exp/configs"}) {
    const auto folder = (program / place).lexically_normal();
    if (fs::exists(folder / "command.yaml")) return folder;
  }
  throw UsageError("no folder `configs` of this program near {}; set CQ_CONFIGS to it",
                   program.string());
}

fs::path find_data_file(const fs::path& path) {
  if (fs::exists(path)) return path;
  if (path.is_absolute()) {
    throw UsageError("no such file: {}{}", path.string(),
                     config::did_you_mean(path.string(), neighbours(path)));
  }
  const auto beside = config_folder().parent_path() / path;
  if (fs::exists(beside)) return beside;
  auto near = neighbours(path);
  for (const auto& file : neighbours(beside)) {
    near.push_back((path.parent_path() / fs::path(file).filename()).string());
  }
  throw UsageError("no such file: {} (nor {}){}", path.string(), beside.string(),
                   config::did_you_mean(path.string(), near));
}

void check_option_name(const config::Node& config, const std::string& group,
                       const std::vector<std::string>& options) {
  const auto* node = config.find(group + ".name");
  // A root without the group has no options to compare with.
  if (node == nullptr || !node->is_string() || options.empty()) return;
  const auto& name = node->as_string();
  if (std::find(options.begin(), options.end(), name) != options.end()) return;
  throw UsageError("{}the group '{}' has no option '{}'{} (known: {})", node->where(), group, name,
                   config::did_you_mean(name, options), fmt::join(options, ", "));
}

void check_groups(const config::Node& config, const std::vector<std::string>& groups) {
  for (const auto& group : groups) {
    const auto* node = config.get(std::string_view(group));
    if (node == nullptr) {
      throw UsageError("the group '{0}' is needed, but nothing chooses one: {0}=OPTION", group);
    }
    if (!node->is_interpolation()) node->items();
  }
}

void refuse_unread_quant(const config::Node& value) {
  throw UsageError("{}nothing is quantized (quant=none), so the key changes nothing: choose quant=",
                   value.where());
}

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

void check_keys(const config::Node& dict, const std::vector<std::string>& known) {
  for (const auto& [key, value] : dict.items()) {
    if (std::find(known.begin(), known.end(), key.text()) != known.end()) continue;
    throw UsageError("{}unknown key{} (known: {})", value.where(),
                     config::did_you_mean(key.text(), known), fmt::join(known, ", "));
  }
}

}  // namespace cq
