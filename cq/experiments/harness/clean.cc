#include "cq/experiments/harness/clean.h"

#include <set>
#include <string>
#include <vector>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/experiments/harness/cell.h"
#include "cq/experiments/harness/claim.h"
#include "cq/experiments/harness/plan_file.h"

namespace cq {
namespace fs = std::filesystem;
namespace {

void keep_with_inputs(const PlanFile& plan, const std::string& id, std::set<std::string>& kept) {
  if (!kept.insert(id).second) return;
  const auto stage = plan.stages.find(id);
  if (stage == plan.stages.end()) return;
  for (const auto& input : stage->second) keep_with_inputs(plan, input, kept);
}

void keep_needed(const fs::path& experiment, bool finished, std::set<std::string>& kept) {
  const PlanFile plan = read_plan(experiment);
  for (const auto& cell : plan.cells) {
    const auto published = read_published(experiment / "cells" / cell.name);
    if (finished && published && published->key == cell.key) continue;
    for (const auto& id : cell.stages) keep_with_inputs(plan, id, kept);
  }
}

bool is_in_use(const fs::path& open_folder) {
  const auto claim = read_claim(open_folder);
  return claim && claim->held && claim->holder() != ClaimInfo::Holder::gone;
}

class Cleaner {
 public:
  Cleaner(const CleanOptions& options, const std::set<std::string>& kept)
      : options_(options), kept_(kept) {}

  void visit(const fs::path& folder) {
    const bool open = folder.extension() == ".open";
    const std::string id = folder.parent_path().filename().string() + "/" + folder.stem().string();
    if (is_in_use(open ? folder : fs::path(folder.string() + ".open"))) {
      ++summary_.in_use;
    } else if (kept_.contains(id) && !(open && fs::exists(folder.parent_path() / folder.stem()))) {
      ++summary_.kept;
    } else {
      ++summary_.removed;
      summary_.bytes += folder_bytes(folder);
      if (!options_.dry_run) remove(folder);
    }
  }

  const CleanSummary& summary() const { return summary_; }

 private:
  /// Renamed first: a kill while files go must not leave a stage that looks complete.
  void remove(const fs::path& folder) {
    const fs::path away = temporary_beside(folder);
    std::error_code error;
    fs::rename(folder, away, error);
    if (!error) fs::remove_all(away, error);
    if (error) throw_file_error("cannot remove", folder, error.value());
  }

  const CleanOptions& options_;
  const std::set<std::string>& kept_;
  CleanSummary summary_;
};

}  // namespace

CleanSummary clean_store(const CleanOptions& options) {
  const fs::path store = options.results_dir / ".store";
  if (!fs::is_directory(store)) {
    throw UsageError("{} holds no .store: give the folder that results_dir names",
                     options.results_dir.string());
  }
  std::set<std::string> kept;
  for (const auto& entry : fs::directory_iterator(options.results_dir)) {
    if (fs::exists(entry.path() / "plan.json")) keep_needed(entry.path(), options.finished, kept);
  }
  std::vector<fs::path> folders;
  for (const auto& kind : fs::directory_iterator(store)) {
    if (!kind.is_directory()) continue;
    for (const auto& entry : fs::directory_iterator(kind.path())) {
      if (entry.is_directory()) folders.push_back(entry.path());
    }
  }
  Cleaner cleaner(options, kept);
  for (const auto& folder : folders) cleaner.visit(folder);
  return cleaner.summary();
}

}  // namespace cq
