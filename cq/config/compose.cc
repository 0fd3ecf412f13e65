#include "cq/config/compose.h"

#include <optional>

#include "cq/config/defaults.h"
#include "cq/config/filter.h"
#include "cq/config/hydra_node.h"
#include "cq/config/hydra_types.h"
#include "cq/config/merge.h"
#include "cq/config/nearest.h"
#include "cq/config/override.h"
#include "cq/config/repository.h"
#include "cq/config/sweep.h"
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
      const auto place = places_.find(text);
      if (place != places_.end()) over.mark = place->second;
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
    bool for_hydra = false;
    for (const Override& over : values) {
      check_sweeper_override(out.config, over);
      apply_override(out.config, over);
      for_hydra = for_hydra || over.for_hydra() || over.key == "hydra";
    }
    if (for_hydra) check_hydra_types(out.config, base.own_sweeper);
    return out;
  }

  /// Where a sweep block has what an override of a cell gives: errors about the value name it.
  void set_places(const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) places_.insert(axis.places.begin(), axis.places.end());
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
    bool own_sweeper = true;  // Hydra's
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
    check_hydra_keys(config, list.hydra_choices);
    const bool own_sweeper = is_hydras_own("sweeper", list.hydra_choices);
    config = config.with_paths();
    check_hydra_types(config, own_sweeper);
    return bases_[key] = Base{config, list.choices, own_sweeper};
  }

  Repository repository_;
  std::string primary_;
  std::map<std::string, Base> bases_;
  std::map<std::string, Mark> places_;
};

/// A refused override of a sweep block is named with the line that it comes from.
[[noreturn]] void refuse_cell(const std::vector<Axis>& axes, const std::string& message) {
  for (const Axis& axis : axes) {
    for (const auto& [text, mark] : axis.places) {
      if (message.find(fmt::format("'{}'", text)) == std::string::npos) continue;
      const bool hinted = message.find("did you mean") != std::string::npos;
      throw UsageError("{}: sweep: {}{}", mark.text(), message,
                       hinted ? "" : block_key_hint(axis.keys[0]));
    }
  }
  throw UsageError("{}", message);
}

/// Puts an axis of the command line; what is wrong with it is named with its text.
void put_given_axis(std::vector<Axis>& axes, Axis axis, const std::string& text) {
  try {
    put_axis(axes, std::move(axis));
  } catch (const UsageError& error) {
    throw UsageError("override '{}': {}", text, error.what());
  }
}

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
  std::vector<std::pair<std::string, Axis>> zips;
  for (const std::string& text : request.overrides) {
    if (!text.starts_with("zip(")) {
      overrides.push_back(text);
      continue;
    }
    if (!request.multirun) throw UsageError("override '{}' sweeps: add -m", text);
    zips.emplace_back(text, zip_axis(text, composer.repository()));
  }
  // What does not sweep must compose on its own, as in Hydra.
  const bool asked = request.multirun || !block.axes.empty() || block.where_mark.known();
  const ComposedJob master = composer.job(overrides, asked);
  const bool by_mode = hydra_mode_sweeps(master.config);
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
    put_given_axis(block.axes, axis_of(parse_override(text), composer.repository()), text);
  }
  for (auto& [text, axis] : zips) put_given_axis(block.axes, std::move(axis), text);
  parts_->axes = std::move(block.axes);
  composer.set_places(parts_->axes);
  const Filter filter(block.where, block.where_mark);
  const std::size_t count = combination_count(parts_->axes);
  for (std::size_t number = 0; number < count; ++number) {
    const ComposedJob job = parts_->checked_job(number);
    if (number == 0) filter.check_names(job, composer.repository());
    if (filter.keeps(job)) {
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

std::vector<std::string> JobList::options(const std::string& group) const {
  return parts_->composer.repository().options(group);
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
