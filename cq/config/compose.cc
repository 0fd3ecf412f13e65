#include "cq/config/compose.h"

#include <optional>

#include "cq/config/defaults.h"
#include "cq/config/hydra_node.h"
#include "cq/config/merge.h"
#include "cq/config/nearest.h"
#include "cq/config/override.h"
#include "cq/config/repository.h"
#include "cq/config/resolve.h"
#include "cq/config/sweep.h"
#include "cq/config/where.h"
#include "cq/config/yaml_reader.h"

namespace cq::config {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_sweep(const Override& over) {
  throw UsageError(
      "override '{}' gives several values: -m sweeps over them, [..] makes a list, "
      "quotes make a string",
      over.text);
}

/// A sweep block sweeps without -m, but the command line does not.
void refuse_sweeps(const std::vector<std::string>& overrides) {
  for (const std::string& text : overrides) {
    const Override over = parse_override(text);
    if (over.is_sweep()) refuse_sweep(over);
  }
}

class Composer {
 public:
  explicit Composer(const ComposeRequest& request) : repository_(roots(request)) {
    add_hydra_configs(repository_);
    if (request.primary.empty()) {
      primary_ = "command line";
      repository_.add(primary_, from_defaults(request.defaults));
    } else {
      add_primary(request.primary);
    }
  }

  Repository& repository() { return repository_; }

  /// The `sweep` blocks of all configs that fill the root of the tree, later ones merged over
  /// earlier ones as any other key.
  Node sweep_block(const std::vector<std::string>& overrides) {
    std::vector<Override> groups;
    for (const std::string& text : overrides) {
      if (text.starts_with("zip(")) continue;
      Override over = parse_override(text);
      if (!over.is_sweep() && is_group_override(repository_, over)) groups.push_back(over);
    }
    Node merged = Node::dict();
    for (const ResultDefault& part :
         make_defaults_list(repository_, primary_, groups, true).configs) {
      const Node* block = sweep_of(part);
      if (block == nullptr) continue;
      if (!block->is_dict()) {
        throw UsageError("{}: sweep: must be a mapping of keys to values, got {}",
                         block->mark().text(), block->describe());
      }
      merged = merge(merged, *block, merged, "");
    }
    return merged.with_paths("sweep");
  }

  /// hydra.searchpath, of the overrides before that of the primary config, then the fallback.
  void extend_search_path(const ComposeRequest& request) {
    add_search_paths(request.overrides);
    if (!request.fallback_dir) return;
    try {
      make_defaults_list(repository_, primary_, {}, true);
    } catch (const UsageError&) {
      repository_.add_root(*request.fallback_dir);
    }
  }

  ComposedJob job(const std::vector<std::string>& overrides, bool skip_missing) {
    std::vector<Override> groups;
    std::vector<Override> values;
    std::string groups_text;
    for (const std::string& text : overrides) {
      Override over = parse_override(text);
      if (over.is_sweep()) {
        if (skip_missing) continue;
        refuse_sweep(over);
      }
      const bool is_group = is_group_override(repository_, over);
      if (is_group) groups_text += text + "\n";
      (is_group ? groups : values).push_back(std::move(over));
    }
    const Base& base = composed(groups, groups_text, skip_missing);
    ComposedJob out{base.config, overrides, base.choices};
    for (const Override& over : values) apply_override(out.config, over);
    return out;
  }

 private:
  void add_search_paths(const std::vector<std::string>& overrides) {
    for (const std::string& text : overrides) {
      if (!text.starts_with("hydra.searchpath=")) continue;
      add_search_path(repository_, parse_override(text).node());
      return;
    }
    const Node* own = repository_.load(primary_)->config.find("hydra.searchpath");
    if (own != nullptr) add_search_path(repository_, *own);
  }

  struct Base {
    Node config;
    std::map<std::string, std::string> choices;
  };

  static std::vector<fs::path> roots(const ComposeRequest& request) {
    std::vector<fs::path> out;
    if (!request.primary.empty()) {
      const fs::path folder = request.primary.parent_path();
      out.push_back(folder.empty() ? fs::path(".") : folder);
    }
    out.insert(out.end(), request.extra_dirs.begin(), request.extra_dirs.end());
    return out;
  }

  static ConfigFile from_defaults(const std::vector<std::string>& defaults) {
    ConfigFile out;
    out.file = "command line";
    out.config = Node::dict();
    for (const std::string& text : defaults) {
      const Override over = parse_override(text);
      DefaultEntry entry;
      entry.kind = DefaultEntry::Kind::group;
      entry.name = over.key;
      entry.package = over.package;
      entry.value = over.node();
      entry.mark = Mark{std::make_shared<const std::string>("command line"), 0, 0};
      out.defaults.push_back(std::move(entry));
    }
    return out;
  }

  void add_primary(const fs::path& file) {
    primary_ = file.stem().string();
    if (!fs::is_regular_file(file)) {
      std::vector<std::string> beside;
      std::error_code ignored;
      const fs::path folder = file.parent_path().empty() ? fs::path(".") : file.parent_path();
      for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        if (entry.path().extension() == ".yaml") beside.push_back(entry.path().stem().string());
      }
      throw UsageError("{}: there is no such config file{}", file.string(),
                       did_you_mean(primary_, beside));
    }
    repository_.add(primary_, read_config(read_yaml_text(file), file.string()));
  }

  /// The `sweep` block of a config, null where it has none.
  const Node* sweep_of(const ResultDefault& part) {
    if (!part.package.empty() || part.config_path == "hydra/config") return nullptr;
    return repository_.load(part.config_path)->config.get(std::string_view("sweep"));
  }

  /// Cells that choose the same options share everything but their own values.
  const Base& composed(const std::vector<Override>& groups, const std::string& groups_text,
                       bool skip_missing) {
    const std::string key = groups_text + (skip_missing ? "?" : "");
    const auto known = bases_.find(key);
    if (known != bases_.end()) return known->second;
    const DefaultsList list = make_defaults_list(repository_, primary_, groups, skip_missing);
    Node config = Node::dict();
    for (const ResultDefault& part : list.configs) {
      const ConfigFile* file = repository_.load(part.config_path);
      const bool own = part.config_path == primary_ || part.config_path == "hydra/config";
      Node embedded = embed(file->config, part.package);
      if (sweep_of(part) != nullptr) embedded.erase(Key("sweep"));
      if (!own && embedded.find("hydra.searchpath") != nullptr) {
        throw UsageError("{}: hydra.searchpath belongs into the primary config", file->file);
      }
      config = merge(config, embedded, config, "");
    }
    check_hydra_keys(config, list.choices);
    return bases_[key] = Base{config.with_paths(), list.choices};
  }

  Repository repository_;
  std::string primary_;
  std::map<std::string, Base> bases_;
};

void collect_keys(const Node& node, const std::string& path, std::vector<std::string>& keys) {
  if (!node.is_dict()) return;
  for (const auto& [key, value] : node.items()) {
    const std::string full = path.empty() ? key.text() : path + "." + key.text();
    keys.push_back(full);
    collect_keys(value, full, keys);
  }
}

/// A group compared with a string stands for the option that was chosen.
Node look_up(const ComposedJob& job, const std::string& key) {
  const auto choice = job.choices.find(key);
  const Node* node = job.config.find(key);
  if (choice != job.choices.end() && (node == nullptr || node->is_dict())) {
    return Node(choice->second);
  }
  if (node == nullptr) {
    std::vector<std::string> known;
    for (const auto& [name, chosen] : job.choices) known.push_back(name);
    collect_keys(job.config, "", known);
    throw UsageError("there is no key '{}' in the composed config{}", key,
                     did_you_mean(key, known));
  }
  return node->is_interpolation() ? resolve_at(job.config, key, *node) : *node;
}

/// A refused override of a sweep block is named with the line that it comes from.
[[noreturn]] void refuse_cell(const std::vector<Axis>& axes, const std::string& message) {
  for (const Axis& axis : axes) {
    if (!axis.mark.known()) continue;
    for (const auto& point : axis.points) {
      for (const std::string& text : point) {
        if (message.find(fmt::format("'{}'", text)) == std::string::npos) continue;
        throw UsageError("{}: sweep: {}", axis.mark.text(), message);
      }
    }
  }
  throw UsageError("{}", message);
}

/// The `where:` expression of a sweep block, or none.
class Filter {
 public:
  Filter(const std::string& text, const Mark& mark) : mark_(mark) {
    if (text.empty()) return;
    with_mark([&] { where_.emplace(text); });
  }

  bool keeps(const ComposedJob& job) const {
    bool kept = true;
    if (where_) {
      with_mark(
          [&] { kept = where_->holds([&](const std::string& key) { return look_up(job, key); }); });
    }
    return kept;
  }

 private:
  template <class Act>
  void with_mark(Act act) const {
    try {
      act();
    } catch (const UsageError& error) {
      throw UsageError("{}: {}", mark_.text(), error.what());
    }
  }

  std::optional<Where> where_;
  Mark mark_;
};

}  // namespace

struct JobList::Parts {
  explicit Parts(const ComposeRequest& request) : composer(request) {}

  ComposedJob sweep_job(std::size_t number) {
    return composer.job(combination(axes, number), false);
  }

  /// The same for the first time, when an override of the sweep may turn out to be none.
  ComposedJob checked_job(std::size_t number) {
    try {
      return sweep_job(number);
    } catch (const UsageError& error) {
      refuse_cell(axes, error.what());
    }
  }

  Composer composer;
  std::vector<Axis> axes;
  /// Numbers of the combinations that are kept; without a sweep the one job's overrides.
  std::vector<std::uint32_t> kept;
  std::vector<std::string> single;
};

JobList::JobList(const ComposeRequest& request) : parts_(std::make_unique<Parts>(request)) {
  Composer& composer = parts_->composer;
  composer.extend_search_path(request);
  SweepBlock block =
      read_sweep_block(composer.sweep_block(request.overrides), composer.repository());
  std::vector<std::string> overrides;
  std::vector<Axis> zips;
  for (const std::string& text : request.overrides) {
    if (!text.starts_with("zip(")) {
      overrides.push_back(text);
      continue;
    }
    if (!request.multirun) throw UsageError("override '{}' sweeps: add -m", text);
    zips.push_back(zip_axis(text, composer.repository()));
  }
  // What does not sweep must compose on its own, as in Hydra.
  const bool asked = request.multirun || !block.axes.empty();
  const ComposedJob master = composer.job(overrides, asked);
  const Node* mode = master.config.find("hydra.mode");
  const bool by_mode = mode != nullptr && mode->is_string() && mode->as_string() == "MULTIRUN";
  sweeps_ = asked || by_mode;
  if (!sweeps_) {
    parts_->single = overrides;
    return;
  }
  if (!request.multirun && !by_mode) refuse_sweeps(overrides);
  for (const std::string& param : sweeper_params(master.config)) {
    put_axis(block.axes, axis_of(parse_override(param), composer.repository()));
  }
  for (const std::string& text : overrides) {
    put_axis(block.axes, axis_of(parse_override(text), composer.repository()));
  }
  for (Axis& axis : zips) put_axis(block.axes, std::move(axis));
  parts_->axes = std::move(block.axes);
  const Filter filter(block.where, block.where_mark);
  const std::size_t count = combination_count(parts_->axes);
  for (std::size_t number = 0; number < count; ++number) {
    if (filter.keeps(parts_->checked_job(number))) {
      parts_->kept.push_back(static_cast<std::uint32_t>(number));
    } else {
      ++dropped_;
    }
  }
}

JobList::~JobList() = default;

std::size_t JobList::size() const {
  return sweeps_ ? parts_->kept.size() : 1;
}

std::vector<std::string> JobList::overrides(std::size_t i) const {
  return sweeps_ ? combination(parts_->axes, parts_->kept.at(i)) : parts_->single;
}

ComposedJob JobList::job(std::size_t i) const {
  ComposedJob job =
      sweeps_ ? parts_->sweep_job(parts_->kept.at(i)) : parts_->composer.job(parts_->single, false);
  job.config.erase(Key("hydra"));
  return job;
}

Composition compose(const ComposeRequest& request) {
  const JobList list(request);
  Composition out;
  out.dropped = list.dropped();
  out.sweep = list.sweeps();
  for (std::size_t i = 0; i < list.size(); ++i) out.jobs.push_back(list.job(i));
  return out;
}

}  // namespace cq::config
