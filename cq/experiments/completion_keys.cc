#include "cq/experiments/completion_keys.h"

#include <algorithm>

#include "cq/base/error.h"
#include "cq/config/compose.h"
#include "cq/experiments/commands/components.h"
#include "cq/experiments/setup/program_files.h"

namespace fs = std::filesystem;

namespace cq {

namespace {

using Words = std::vector<std::string>;

/// The word in its parts: "++sampler.st" is prefix "++", parent "sampler", last "st".
struct Key {
  std::string prefix;
  std::string text;    // without prefix, up to "="
  std::string parent;  // dotted
};

Key key_of(const std::string& word) {
  Key key;
  const auto start = std::min(word.find_first_not_of("+~"), word.size());
  key.prefix = word.substr(0, start);
  key.text = word.substr(start, word.find('=') - start);
  const auto dot = key.text.rfind('.');
  key.parent = dot == std::string::npos ? "" : key.text.substr(0, dot);
  return key;
}

std::vector<fs::path> roots(const OverrideContext& context) {
  const auto beside = context.config.parent_path();
  return {beside.empty() ? fs::path(".") : beside, config_folder()};
}

Words options_in(const fs::path& folder) {
  Words names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  return names;
}

Words groups(const OverrideContext& context) {
  Words names;
  std::error_code ignored;
  for (const auto& root : roots(context)) {
    for (const auto& entry : fs::recursive_directory_iterator(root, ignored)) {
      if (!entry.is_directory(ignored) || options_in(entry.path()).empty()) continue;
      names.push_back(entry.path().lexically_relative(root).generic_string());
    }
  }
  return names;
}

Words options(const OverrideContext& context, const std::string& group) {
  Words names;
  for (const auto& root : roots(context)) {
    for (auto& name : options_in(root / group)) names.push_back(std::move(name));
  }
  return names;
}

/// Null where nothing composes, not even without what was typed so far.
config::Node composed(const OverrideContext& context) {
  config::ComposeRequest request;
  request.primary = context.config;
  request.extra_dirs = {config_folder()};
  request.multirun = true;
  Words with_model = context.overrides;
  // The program's own configs leave the model open.
  const auto models = options(context, "model");
  if (!models.empty()) with_model.push_back("model=" + models.front());
  for (const auto& overrides : {context.overrides, with_model, Words{}}) {
    try {
      request.overrides = overrides;
      const auto jobs = config::compose(request).jobs;
      if (!jobs.empty()) return jobs.front().config;
    } catch (const Error&) {
      // What stands on the line may be unfinished; the config alone says enough.
    }
  }
  return {};
}

std::string component_in(const config::Node* dict) {
  const auto* name = dict != nullptr ? dict->get(std::string_view("name")) : nullptr;
  return name != nullptr && name->is_string() ? name->as_string() : "";
}

Words keys(const Key& key, const config::Node& config) {
  const auto* dict = config.find(key.parent);
  if (dict == nullptr || !dict->is_dict()) return {};
  const auto start = key.prefix + (key.parent.empty() ? "" : key.parent + ".");
  Words words;
  if (key.prefix != "+") {
    for (const auto& [name, value] : dict->items()) {
      words.push_back(start + name.text() + (value.is_dict() ? "." : "="));
    }
  }
  // What the config does not hold yet must be added.
  if (key.prefix.starts_with('+')) {
    for (const auto& param : parameters_at(key.parent, component_in(dict))) {
      if (!dict->contains(param.name)) words.push_back(start + param.name + "=");
    }
  }
  return words;
}

Words values(const Key& key, const config::Node& config) {
  const auto* dict = config.find(key.parent);
  const auto name = key.text.substr(key.parent.empty() ? 0 : key.parent.size() + 1);
  for (const auto& param : parameters_at(key.parent, component_in(dict))) {
    if (param.name != name) continue;
    return param.type == "bool" ? Words{"true", "false"} : param.choices;
  }
  return {};
}

}  // namespace

std::vector<std::string> complete_override(const OverrideContext& context,
                                           const std::string& word) {
  const Key key = key_of(word);
  const auto equal = word.find('=');
  Words words;
  if (equal == std::string::npos) {
    for (const auto& group : groups(context)) {
      words.push_back(key.prefix + group + (key.prefix == "~" ? "" : "="));
    }
    for (auto& found : keys(key, composed(context))) words.push_back(std::move(found));
    return words;
  }
  // In a sweep or a list of options the last value is completed.
  const auto start = word.substr(0, word.find_last_of("=,[(") + 1);
  auto found = options(context, key.text.substr(0, key.text.find('@')));
  if (found.empty()) found = values(key, composed(context));
  for (const auto& value : found) words.push_back(start + value);
  return words;
}

}  // namespace cq
