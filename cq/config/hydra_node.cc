#include "cq/config/hydra_node.h"

#include "cq/config/emit.h"
#include "cq/config/scalar.h"

namespace cq::config {

namespace {

// The keys of Hydra 1.3's own config; values as Hydra has them where a config may refer to them.
constexpr const char* kHydraConfig = R"(
defaults:
  - output: default
  - launcher: basic
  - sweeper: basic
  - help: default
  - hydra_help: default
  - hydra_logging: default
  - job_logging: default
  - callbacks: null
  - env: default
  - _self_
mode: null
searchpath: []
run:
  dir: outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}
sweep:
  dir: multirun/${now:%Y-%m-%d}/${now:%H-%M-%S}
  subdir: ${hydra.job.num}
hydra_logging: {}
job_logging: {}
sweeper:
  max_batch_size: null
  params: null
launcher: {}
callbacks: {}
env: {}
help:
  app_name: ${hydra.job.name}
  header: ''
  footer: ''
  template: ''
hydra_help:
  hydra_help: ???
  template: ''
output_subdir: .hydra
overrides:
  hydra: []
  task: []
job:
  name: ???
  chdir: null
  override_dirname: ???
  id: ???
  num: ???
  config_name: ???
  env_set: {}
  env_copy: []
  config:
    override_dirname:
      kv_sep: '='
      item_sep: ','
      exclude_keys: []
runtime:
  version: ???
  version_base: ???
  cwd: ???
  config_sources: ???
  output_dir: ???
  choices: {}
verbose: false
)";

}  // namespace

void add_hydra_configs(Repository& repository) {
  ConfigFile config = read_config(kHydraConfig, "hydra/config");
  // Hydra's own config belongs below the key "hydra".
  config.package = "hydra";
  for (DefaultEntry& entry : config.defaults) entry.mark = {};
  repository.add("hydra/config", config);
  const std::vector<std::string> options = {
      "output/default",      "launcher/basic",         "sweeper/basic",
      "help/default",        "hydra_help/default",     "hydra_logging/default",
      "hydra_logging/none",  "hydra_logging/disabled", "hydra_logging/hydra_debug",
      "job_logging/default", "job_logging/none",       "job_logging/disabled",
      "job_logging/stdout",  "callbacks/none",         "env/default"};
  for (const std::string& option : options) {
    ConfigFile empty;
    empty.file = "hydra/" + option;
    empty.config = Node::dict();
    repository.add("hydra/" + option, empty);
  }
}

void add_search_path(Repository& repository, const Node& searchpath) {
  if (searchpath.is_null()) return;
  const auto refuse = [&](const Node& node) {
    throw UsageError("{}hydra.searchpath must be a list of folders, got {}", node.where(),
                     node.describe());
  };
  if (!searchpath.is_list()) refuse(searchpath);
  for (const Node& item : searchpath.elements()) {
    if (!item.is_string()) refuse(item);
    std::string folder = item.as_string();
    if (folder.starts_with("file://")) folder.erase(0, 7);
    if (folder.find("://") != std::string::npos) {
      throw UsageError("{}hydra.searchpath takes folders (file://...), got '{}'", item.where(),
                       folder);
    }
    repository.add_root(folder);
  }
}

std::vector<std::string> sweeper_params(const Node& config) {
  std::vector<std::string> out;
  const Node* params = config.find("hydra.sweeper.params");
  if (params == nullptr || !params->is_dict()) return out;
  for (const auto& [key, value] : params->items()) {
    const std::string text = value.is_scalar() ? python_text(value) : to_flow(value);
    out.push_back(fmt::format("{}={}", key.text(), value.is_null() ? "null" : text));
  }
  return out;
}

}  // namespace cq::config
