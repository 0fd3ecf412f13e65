#include "cq/config/filter.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "cq/config/nearest.h"
#include "cq/config/resolve.h"

namespace cq::config {

namespace {

void collect_keys(const Node& node, const std::string& path, std::vector<std::string>& keys) {
  if (!node.is_dict()) return;
  for (const auto& [key, value] : node.items()) {
    const std::string full = path.empty() ? key.text() : path + "." + key.text();
    keys.push_back(full);
    collect_keys(value, full, keys);
  }
}

/// A group compared with a string stands for the option that was chosen.
bool stands_for_choice(const ComposedJob& job, const std::string& key) {
  const Node* node = job.config.find(key);
  return job.choices.contains(key) && (node == nullptr || node->is_dict());
}

Node look_up(const ComposedJob& job, const std::string& key) {
  if (stands_for_choice(job, key)) return Node(job.choices.at(key));
  const Node* node = job.config.find(key);
  if (node == nullptr) {
    std::vector<std::string> known;
    for (const auto& [name, chosen] : job.choices) known.push_back(name);
    collect_keys(job.config, "", known);
    throw UsageError("there is no key '{}' in the composed config{}", key,
                     did_you_mean(key, known));
  }
  return node->is_interpolation() ? resolve_at(job.config, key, *node) : *node;
}

}  // namespace

template <class Act>
void Filter::with_mark(Act act) const {
  try {
    act();
  } catch (const UsageError& error) {
    throw UsageError("{}: {}", mark_.text(), error.what());
  }
}

Filter::Filter(const std::string& text, const Mark& mark) : mark_(mark) {
  if (!mark.known()) return;
  with_mark([&] { where_.emplace(text); });
}

void Filter::check_names(const ComposedJob& job, const Repository& repository) const {
  if (!where_) return;
  for (const auto& [key, names] : where_->compared()) {
    if (!stands_for_choice(job, key)) continue;
    const auto options = repository.options(key.substr(0, key.find('@')));
    for (const std::string& name : names) {
      // A choice of several options is compared as the text of a list.
      const bool one = !name.starts_with('[') && name != "null";
      if (!one || std::find(options.begin(), options.end(), name) != options.end()) continue;
      throw UsageError("{}: where: the group '{}' has no option '{}'{} (known: {})", mark_.text(),
                       key, name, did_you_mean(name, options), fmt::join(options, ", "));
    }
  }
}

bool Filter::keeps(const ComposedJob& job) const {
  bool kept = true;
  if (where_) {
    with_mark(
        [&] { kept = where_->holds([&](const std::string& key) { return look_up(job, key); }); });
  }
  return kept;
}

}  // namespace cq::config
