#pragma once
// Records of failed stages and cells, read by other processes, `status` and reports.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cq {

struct FailureRecord {
  /// Random: tells a new failure from an old one without a clock.
  std::string id;
  std::string stage;
  std::string error;
  std::vector<std::string> log_tail;
};

/// `failure.json` in a stage's open folder.
std::optional<FailureRecord> read_failure(const std::filesystem::path& folder);
void write_failure(const std::filesystem::path& folder, const FailureRecord& failure);

/// `error.json` in a cell's folder: {"stage", "error", "log"}; gone once the cell is done.
std::optional<FailureRecord> read_cell_error(const std::filesystem::path& cell_folder);
void write_cell_error(const std::filesystem::path& cell_folder, const FailureRecord& failure);

}  // namespace cq
