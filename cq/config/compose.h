#pragma once
// From files and overrides to composed configs, one per cell of the sweep: Hydra 1.3's composition
// and OmegaConf 2.3's merging, with zip() and where: on top.
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cq/config/node.h"

namespace cq::config {

struct ComposeRequest {
  /// The primary config; its folder is the config root. Empty: composed from `defaults` alone.
  std::filesystem::path primary;
  /// Config roots that are searched after the primary's folder, in this order.
  std::vector<std::filesystem::path> extra_dirs;
  /// Searched after all other roots, but only where the primary config's defaults list asks for
  /// something that those lack: a tree that is complete by itself is composed as Hydra does.
  std::optional<std::filesystem::path> fallback_dir;
  /// Without a primary config: its defaults list, as "group=option" ("group=???" must be chosen).
  std::vector<std::string> defaults;
  /// Hydra's override grammar, and zip(a=..., b=...) for axes that run together.
  std::vector<std::string> overrides;
  /// Overrides may sweep (-m). A `sweep:` block of the primary config sweeps without it.
  bool multirun = false;
};

struct ComposedJob {
  /// Interpolations are not resolved (see resolve.h), `???` may be left; no `hydra` node.
  Node config;
  /// The overrides of this job alone, one value each.
  std::vector<std::string> overrides;
  /// Config group to the option that was chosen.
  std::map<std::string, std::string> choices;
};

struct Composition {
  std::vector<ComposedJob> jobs;
  /// Cells that the `where:` expression of the sweep block left out.
  std::int64_t dropped = 0;
  /// Whether there was anything to sweep.
  bool sweep = false;
};

/// The same job by job: keeps the files as they were read and a number a cell, so that a job can be
/// composed again later, whatever has become of the files.
class JobList {
 public:
  /// Reads the files and composes every job once. Throws as compose().
  explicit JobList(const ComposeRequest& request);
  ~JobList();
  JobList(const JobList&) = delete;
  JobList& operator=(const JobList&) = delete;

  std::size_t size() const;
  std::int64_t dropped() const { return dropped_; }
  bool sweeps() const { return sweeps_; }
  std::vector<std::string> overrides(std::size_t i) const;
  /// Options of a config group, sorted.
  std::vector<std::string> options(const std::string& group) const;
  ComposedJob job(std::size_t i) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
  std::int64_t dropped_ = 0;
  bool sweeps_ = false;
};

/// Throws UsageError that names the file, group, key or override at fault.
Composition compose(const ComposeRequest& request);

}  // namespace cq::config
