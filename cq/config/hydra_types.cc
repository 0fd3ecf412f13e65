#include "cq/config/hydra_types.h"

#include <algorithm>
#include <charconv>

namespace cq::config {

namespace {

struct Type {
  const char* name;
  bool (*takes)(const Node&);
};

/// What OmegaConf makes a text of.
bool is_text(const Node& node) {
  return node.is_scalar() && !node.is_null();
}

bool is_integer(const Node& node) {
  if (node.is_int()) return true;
  if (!node.is_string()) return false;
  const std::string& text = node.as_string();
  int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size();
}

bool is_truth(const Node& node) {
  if (node.is_bool() || node.is_int()) return true;
  if (!node.is_string()) return false;
  std::string text = node.as_string();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return tolower(c); });
  constexpr std::string_view known[] = {"y", "yes", "on",  "true",  "1",
                                        "n", "no",  "off", "false", "0"};
  return std::find(std::begin(known), std::end(known), text) != std::end(known);
}

/// RUN, MULTIRUN or their numbers; empty for anything else.
std::string_view mode_of(const Node& node) {
  if (node.is_int()) return node.as_int() == 1 ? "RUN" : node.as_int() == 2 ? "MULTIRUN" : "";
  if (!node.is_string()) return "";
  std::string_view text = node.as_string();
  constexpr std::string_view kClass = "RunMode.";
  if (text.starts_with(kClass)) text.remove_prefix(kClass.size());
  return text == "RUN" ? "RUN" : text == "MULTIRUN" ? "MULTIRUN" : "";
}

bool is_list_of_texts(const Node& node) {
  if (!node.is_list()) return false;
  return std::all_of(node.elements().begin(), node.elements().end(), is_text);
}

bool is_dict_of_texts(const Node& node) {
  if (!node.is_dict()) return false;
  return std::all_of(node.items().begin(), node.items().end(),
                     [](const auto& item) { return is_text(item.second); });
}

template <bool (*Takes)(const Node&)>
bool or_null(const Node& node) {
  return node.is_null() || Takes(node);
}

constexpr Type kMode{"RUN, MULTIRUN or null",
                     or_null<[](const Node& n) { return !mode_of(n).empty(); }>};
constexpr Type kMapping{"a mapping", [](const Node& node) { return node.is_dict(); }};
constexpr Type kText{"a text", is_text};
constexpr Type kTextOrNull{"a text or null", or_null<is_text>};
constexpr Type kInteger{"an integer", is_integer};
constexpr Type kIntegerOrNull{"an integer or null", or_null<is_integer>};
constexpr Type kTruthOrNull{"true, false or null", or_null<is_truth>};
constexpr Type kTexts{"a list of texts", is_list_of_texts};
constexpr Type kTextsByName{"a mapping of names to texts", is_dict_of_texts};

/// The classes of Hydra 1.3's conf/__init__.py; `env`, `verbose`, `launcher` and `sweeper` take
/// anything. Holders come before what they hold.
constexpr std::pair<std::string_view, Type> kTypes[] = {
    {"hydra.mode", kMode},
    {"hydra.run", kMapping},
    {"hydra.run.dir", kText},
    {"hydra.sweep", kMapping},
    {"hydra.sweep.dir", kText},
    {"hydra.sweep.subdir", kText},
    {"hydra.hydra_logging", kMapping},
    {"hydra.job_logging", kMapping},
    {"hydra.callbacks", kMapping},
    {"hydra.help", kMapping},
    {"hydra.help.app_name", kText},
    {"hydra.help.header", kText},
    {"hydra.help.footer", kText},
    {"hydra.help.template", kText},
    {"hydra.hydra_help", kMapping},
    {"hydra.hydra_help.hydra_help", kText},
    {"hydra.hydra_help.template", kText},
    {"hydra.output_subdir", kTextOrNull},
    {"hydra.overrides", kMapping},
    {"hydra.overrides.hydra", kTexts},
    {"hydra.overrides.task", kTexts},
    {"hydra.job", kMapping},
    {"hydra.job.name", kText},
    {"hydra.job.chdir", kTruthOrNull},
    {"hydra.job.override_dirname", kText},
    {"hydra.job.id", kText},
    {"hydra.job.num", kInteger},
    {"hydra.job.config_name", kTextOrNull},
    {"hydra.job.env_set", kTextsByName},
    {"hydra.job.env_copy", kTexts},
    {"hydra.job.config", kMapping},
    {"hydra.job.config.override_dirname", kMapping},
    {"hydra.job.config.override_dirname.kv_sep", kText},
    {"hydra.job.config.override_dirname.item_sep", kText},
    {"hydra.job.config.override_dirname.exclude_keys", kTexts},
    {"hydra.runtime", kMapping},
    {"hydra.runtime.version", kText},
    {"hydra.runtime.version_base", kText},
    {"hydra.runtime.cwd", kText},
    {"hydra.runtime.output_dir", kText},
    {"hydra.runtime.choices", kMapping},
};

void check_type(const Node& config, std::string_view path, const Type& type) {
  const Node* node = config.find(path);
  if (node == nullptr || node->is_interpolation() || node->is_missing()) return;
  if (type.takes(*node)) return;
  throw UsageError("{}Hydra takes {} for {}, got {}", node->where(), type.name, path,
                   node->describe());
}

}  // namespace

void check_hydra_types(const Node& config, bool own_sweeper) {
  for (const auto& [path, type] : kTypes) check_type(config, path, type);
  if (own_sweeper) check_type(config, "hydra.sweeper.max_batch_size", kIntegerOrNull);
}

bool hydra_mode_sweeps(const Node& config) {
  const Node* mode = config.find("hydra.mode");
  return mode != nullptr && mode_of(*mode) == "MULTIRUN";
}

}  // namespace cq::config
