// The runner's cells: publishing, failures and what is shown.
#include <algorithm>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/interrupt.h"
#include "cq/base/json.h"
#include "cq/experiments/harness/ensure.h"
#include "cq/experiments/harness/failure.h"
#include "cq/experiments/harness/runner.h"

namespace cq {
namespace fs = std::filesystem;
namespace {

void write_config(const PlannedCell& cell, const fs::path& folder) {
  const CellConfig config = cell.config();
  write_json(folder / "config.json", config.json);
  if (!config.yaml.empty()) write_atomically(folder / "config.yaml", config.yaml);
}

}  // namespace

Runner::Outcome Runner::collect(size_t index) {
  const PlannedCell& cell = plan_.cells()[index];
  const ResultsLayout& layout = plan_.layout();
  const fs::path folder = layout.cell(cell.name);
  if (cell.is_done(layout)) {
    ++summary_.done_now;
    plan_.forget(index);
    return Outcome::done;
  }
  const auto claim = store_.claims().try_claim(layout.cell("." + cell.name + ".open"));
  if (!claim || cell.is_done(layout)) {
    if (claim) claim->finish();
    return Outcome::busy;  // the next round finds it done
  }
  moved_ = true;
  LogTail tail(20);
  const AttachedSink keep_tail(tail);
  LogFile file(folder / "log.txt");
  const AttachedSink keep_file(file);
  try {
    stage_into(cell, claim->work_folder());
    publish_cell(claim->work_folder(), folder, {cell.key, cell.config_hash});
  } catch (const Interrupted&) {
    throw;
  } catch (const StorageError&) {
    throw;
  } catch (const std::exception& error) {
    if (claim->lost()) return Outcome::busy;
    log_error("{}: {}", cell.name, error.what());
    fail_cell(index, {"collect", error.what(), tail.lines()});
    return Outcome::failed;
  }
  claim->finish();
  for (const auto& [name, id] : cell.finals) {
    file.take(LogLevel::info, name + ": " + plan_.graph().at(id).name.text());
  }
  std::error_code ignored;
  fs::remove(folder / "error.json", ignored);
  ++summary_.done_now;
  plan_.forget(index);
  return Outcome::done;
}

void Runner::stage_into(const PlannedCell& cell, const fs::path& folder) {
  make_folders(folder);
  write_config(cell, folder);
  CellFolder results(folder, stage_folders(plan_.graph(), store_, cell.finals));
  cell.collect(results);
}

void Runner::refresh_config(const PlannedCell& cell) {
  const fs::path folder = plan_.layout().cell(cell.name);
  write_config(cell, folder);
  auto manifest = read_json(folder / "cell.json");
  manifest["config"] = cell.config_hash;
  write_json(folder / "cell.json", manifest);
}

void Runner::fail_stage(StageId id, const std::string& error, const LogTail& tail,
                        const Claim* claim) {
  const StageName& name = plan_.graph().at(id).name;
  failed_[id] = {name.brief(), error, tail.lines()};
  if (claim) write_failure(claim->folder(), {random_token(), name.brief(), error, tail.lines()});
}

bool Runner::failed_elsewhere(StageId id) {
  const auto failure = read_failure(store_.open_folder(plan_.graph().at(id).name));
  if (!failure || old_failures_.contains(failure->id)) return false;
  failed_[id] = {failure->stage, failure->error, failure->log_tail};
  return true;
}

void Runner::fail_cell(size_t index, const Failure& failure) {
  const std::string& name = plan_.cells()[index].name;
  write_cell_error(plan_.layout().cell(name), {"", failure.stage, failure.error, failure.log_tail});
  summary_.failures.push_back({name, failure.stage, failure.error, failure.log_tail});
}

void Runner::learn(const StageNode& stage, double seconds) {
  Pace& pace = pace_[stage.name.kind];
  pace.seconds += seconds;
  pace.weight += stage.cost.weight;
  pace.remaining_weight -= stage.cost.weight;
}

void Runner::show_whole() {
  WholeProgress whole{plan_.layout().name,
                      static_cast<int64_t>(summary_.done_before + summary_.done_now),
                      static_cast<int64_t>(summary_.cells), "cells", 0.0};
  for (const auto& [kind, pace] : pace_) {
    if (pace.remaining_weight <= 0) continue;
    if (pace.weight > 0) {
      *whole.remaining_seconds += pace.remaining_weight * pace.seconds / pace.weight;
    } else if (pace.guess) {
      *whole.remaining_seconds += pace.remaining_weight * *pace.guess;
    } else {
      whole.remaining_seconds.reset();
      break;
    }
  }
  progress_->set_whole(std::move(whole));
}

std::optional<double> RunSummary::overhead() const {
  const double busy = seconds - waiting_seconds;
  if (stages_computed == 0 || busy <= 0) return std::nullopt;
  return std::max(0.0, busy - stage_seconds) / busy;
}

std::string RunSummary::text() const {
  std::string out = fmt::format("{} cells: {} done before, {} done now, {} failed; {} stages in {}",
                                cells, done_before, done_now, failures.size(), stages_computed,
                                format_duration(seconds));
  if (const auto share = overhead()) out += fmt::format(", harness {:.1f} %", 100 * *share);
  out += '\n';
  for (const auto& failure : failures) {
    out += fmt::format("failed: {} in {}: {}\n", failure.cell, failure.stage, failure.error);
    for (const auto& line : failure.log_tail) out += "    " + line + "\n";
  }
  if (!stopped_by.empty()) out += fmt::format("stopped: {}\n", stopped_by);
  return out;
}

}  // namespace cq
