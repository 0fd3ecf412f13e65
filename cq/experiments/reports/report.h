#pragma once
// Tables and pictures from stored results alone (docs/reports.md).
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace cq {

struct ReportOptions {
  std::vector<std::filesystem::path> results;  ///< folders of experiments, results/<name>
  std::vector<std::string> formats;            ///< md, html, tex, csv; empty = all
  bool compare = false;                        ///< one report over all of them, with differences
  std::filesystem::path out;  ///< empty: the experiment's folder; with compare, beside the first
};

/// Writes report.{md,html,tex,csv}, and figures/ with md and tex. Returns the files written.
/// Throws UsageError (no such results, unknown format, --compare of fewer than two), RunError
/// (damaged results, gnuplot missing or failing), StorageError (full disk).
std::vector<std::filesystem::path> write_report(const ReportOptions& options);

/// The ablation table for a terminal of `width` columns (at least 60).
std::string terminal_table(const std::vector<std::filesystem::path>& results, size_t width = 120);

}  // namespace cq
