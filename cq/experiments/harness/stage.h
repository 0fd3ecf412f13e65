#pragma once
// A stage: a pure function from parameters and other stages' outputs to a folder of files.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cq/base/progress.h"

namespace cq {

/// Index of a stage in its Graph.
using StageId = size_t;

/// A path for each name: what a stage or a cell reads.
using NamedFolders = std::vector<std::pair<std::string, std::filesystem::path>>;

/// What a running stage sees.
class StageFolder {
 public:
  StageFolder(std::filesystem::path output, std::filesystem::path checkpoint, NamedFolders inputs,
              ProgressBar& bar)
      : output_(std::move(output)),
        checkpoint_(std::move(checkpoint)),
        inputs_(std::move(inputs)),
        bar_(bar) {}

  /// Write the outputs here; empty when the stage begins. Becomes visible as a whole when the
  /// stage's function returns.
  const std::filesystem::path& path() const { return output_; }

  /// A folder that survives an interrupt or a kill and is there again when the stage is done anew;
  /// gone once the stage is complete. Write one file into it with write_atomically (or a
  /// StagedFile). It must not change the result: the same bytes with and without it.
  const std::filesystem::path& checkpoint() const;

  /// The complete output folder of the input with this name.
  const std::filesystem::path& input(const std::string& name) const;

  /// Tells the progress bar what comes; then `bar().add()`. `already` counts what a checkpoint
  /// spared.
  void expect(int64_t total, const std::string& unit, int64_t already = 0) const {
    bar_.expect(total, unit, already);
  }
  ProgressBar& bar() const { return bar_; }

 private:
  std::filesystem::path output_;
  std::filesystem::path checkpoint_;
  NamedFolders inputs_;
  ProgressBar& bar_;
};

/// What a stage is expected to need. Only proportions between stages of a kind matter for `weight`:
/// seconds and bytes for one unit are learned from finished stages of the same kind.
struct StageCost {
  double weight = 1;
  /// Used until a stage of this kind has finished.
  std::optional<double> seconds;
  std::optional<int64_t> memory_bytes;
  std::optional<int64_t> disk_bytes;
};

/// A cost of which only the weight is known beforehand.
inline StageCost weighing(double weight) {
  StageCost cost;
  cost.weight = weight;
  return cost;
}

struct Stage {
  /// Folder in the store: lower-case letters, digits, '_' and '-'.
  std::string kind;
  /// Raised whenever the code changes what comes out.
  int64_t version = 1;
  /// Everything else that determines the output.
  nlohmann::ordered_json params;
  std::vector<std::pair<std::string, StageId>> inputs;
  std::function<void(StageFolder&)> compute;
  StageCost cost = {};
};

}  // namespace cq
