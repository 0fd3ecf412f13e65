#include "cq/config/hydra_node.h"

#include "cq/config/emit.h"
#include "cq/config/nearest.h"
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
  _target_: hydra._internal.core_plugins.basic_sweeper.BasicSweeper
  max_batch_size: null
  params: null
launcher:
  _target_: hydra._internal.core_plugins.basic_launcher.BasicLauncher
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

void check_keys(const Node& given, const Node& known) {
  // Mappings that Hydra leaves empty take any key.
  if (!given.is_dict() || !known.is_dict() || known.empty()) return;
  for (const auto& [key, value] : given.items()) {
    if (const Node* below = known.get(key)) {
      check_keys(value, *below);
      continue;
    }
    std::vector<std::string> names;
    for (const auto& entry : known.items()) names.push_back(entry.first);
    throw UsageError("{}Hydra has no key '{}' here{}", value.where(), key.text(),
                     did_you_mean(key, names));
  }
}

}  // namespace

bool is_hydras_own(const std::string& plugin, const std::map<std::string, std::string>& choices) {
  const auto choice = choices.find("hydra/" + plugin);
  return choice != choices.end() && choice->second == "basic";
}

void check_hydra_keys(const Node& config, const std::map<std::string, std::string>& choices) {
  const Node* given = config.get(std::string_view("hydra"));
  if (given == nullptr || given->is_null()) return;
  static const Node schema = read_config(kHydraConfig, "hydra/config").config;
  Node known = schema;
  for (const char* plugin : {"launcher", "sweeper"}) {
    if (!is_hydras_own(plugin, choices)) known.put(Key(plugin), Node::dict());
  }
  if (!given->is_dict()) {
    throw UsageError("{}hydra: holds Hydra's settings and is a mapping, got {}", given->where(),
                     given->describe());
  }
  check_keys(*given, known);
}

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
    // Hydra's file has no group of its own: it sets output_subdir and the run folders.
    if (option == "output/default") empty.package = "hydra";
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

void check_sweeper_override(const Node& config, const Override& over) {
  constexpr std::string_view kParams = "hydra.sweeper.params";
  if (!over.key.starts_with(kParams) || over.kind == Override::Kind::remove) return;
  const Node* params = config.find(kParams);
  if (params == nullptr || !params->is_null()) return;
  const Node value = over.node();
  if (over.key == kParams && (value.is_null() || (value.is_dict() && value.empty()))) return;
  throw UsageError(
      "override '{}': the config's own hydra.sweeper.params is null, which Hydra cannot change "
      "from the command line; sweep with -m KEY=A,B",
      over.text);
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
