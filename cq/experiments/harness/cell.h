#pragma once
// A cell: one point of the sweep, published as a folder of results.
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cq/experiments/harness/stage.h"

namespace cq {

/// What a collect function sees.
class CellFolder {
 public:
  CellFolder(std::filesystem::path output, NamedFolders stages)
      : output_(std::move(output)), stages_(std::move(stages)) {}

  /// Write metrics.json and the other results here.
  const std::filesystem::path& path() const { return output_; }
  /// The complete output folder of one of the cell's final stages.
  const std::filesystem::path& stage(const std::string& name) const;

 private:
  std::filesystem::path output_;
  NamedFolders stages_;
};

/// Published as config.json, and as config.yaml where the text is given.
struct CellConfig {
  nlohmann::ordered_json json;
  std::string yaml = {};
};

struct Cell {
  /// `key=value` as the sweep set them; they name the cell.
  std::vector<std::string> overrides;
  /// The cell's folder where it is settled already; empty: named after the overrides.
  std::string name = {};
  /// Called when the cell is added and again when it is published: a plan of many cells does not
  /// keep their configurations. Always gives the same.
  std::function<CellConfig()> config;
  /// Tells whether a published config is this one; empty: computed from `config`.
  std::string config_hash = {};
  /// What collect reads, by name.
  std::vector<std::pair<std::string, StageId>> finals;
  /// Raised whenever the code changes what collect writes.
  int64_t collect_version = 1;
  /// Whatever collect depends on beside the finals.
  nlohmann::ordered_json collect_params;
  /// Writes the cell's results, metrics.json among them; cheap next to stages.
  std::function<void(CellFolder&)> collect;
};

/// One folder name a cell: the overrides that differ between cells, with the last part of the key
/// where that is unambiguous (`cache=dps,interval=10`). Unique also where upper and lower case are
/// the same; a short hash is added where names would collide or grow beyond 120 characters. Equal
/// overrides give equal names in every run of the same sweep.
std::vector<std::string> cell_names(const std::vector<std::vector<std::string>>& overrides);

/// The state of a published cell folder.
struct PublishedCell {
  std::string key;
  std::string config_hash;
};

/// Reads `cells/<cell>/cell.json`; nothing when it is missing, unreadable, or one of the files that
/// it lists is missing.
std::optional<PublishedCell> read_published(const std::filesystem::path& cell_folder);

/// Moves every file of `staged` into `cell_folder` and writes cell.json last, so that a kill
/// between leaves a cell that counts as not done. Files of an earlier result go. Throws RunError
/// when there is no metrics.json among them.
void publish_cell(const std::filesystem::path& staged, const std::filesystem::path& cell_folder,
                  const PublishedCell& cell);

}  // namespace cq
