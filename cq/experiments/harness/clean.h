#pragma once
// Drops stage outputs that no result needs.
#include <cstdint>
#include <filesystem>

namespace cq {

struct CleanOptions {
  std::filesystem::path results_dir;
  /// Also outputs that only finished cells used: their results stay, computing further cells of the
  /// same experiment begins anew.
  bool finished = false;
  /// Counts without removing.
  bool dry_run = false;
};

struct CleanSummary {
  int64_t removed = 0;
  int64_t bytes = 0;
  int64_t kept = 0;
  /// Work that a living process may be doing was left alone.
  int64_t in_use = 0;
};

/// Keeps every stage that the plan.json of some experiment below `results_dir` names (with
/// `finished`: that a cell which is not done needs), and what a process works on. Throws UsageError
/// when there is no store, RunError when a plan.json cannot be read: then nothing is removed.
CleanSummary clean_store(const CleanOptions& options);

}  // namespace cq
