#include "cq/experiments/harness/runner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/interrupt.h"
#include "cq/base/json.h"
#include "cq/base/transient.h"
#include "cq/experiments/harness/ensure.h"
#include "cq/experiments/harness/failure.h"
#include "cq/experiments/harness/provenance.h"

namespace cq {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;

/// Seconds to wait before a stage is tried again: what is used up takes a while to be free.
double retry_pause(int64_t tries) {
  return std::min(30.0, 0.5 * std::exp2(static_cast<double>(tries)));
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

void write_plan(Plan& plan, const std::string& config_yaml) {
  const auto folder = plan.layout().folder();
  write_if_changed(folder / "plan.json", plan.to_json());
  if (!config_yaml.empty()) write_if_changed(folder / "config.yaml", config_yaml);
}

Runner::Runner(Plan& plan, RunnerOptions options)
    : plan_(plan),
      options_(std::move(options)),
      store_(plan.layout().store(), options_.lease_seconds) {}

RunSummary Runner::run() {
  const auto start = Clock::now();
  prepare();
  ProvenanceFile provenance(plan_.layout().folder() / "provenance.json", options_.provenance);
  std::string reason = "done";
  try {
    run_pending();
    if (!summary_.failures.empty()) reason = "failed";
  } catch (const Interrupted& interrupt) {
    summary_.exit_code = interrupt.exit_code();
    summary_.stopped_by = reason = interrupt.what();
  } catch (const StorageError& error) {
    summary_.stopped_by = reason = error.what();
  }
  progress_.reset();
  if (summary_.exit_code == 0 && reason != "done") summary_.exit_code = 1;
  summary_.seconds = seconds_since(start);
  const bool did_something =
      summary_.stages_computed + summary_.done_now > 0 || summary_.exit_code != 0;
  try {
    nlohmann::ordered_json times{{"seconds", summary_.seconds},
                                 {"stage_seconds", summary_.stage_seconds},
                                 {"waiting_seconds", summary_.waiting_seconds}};
    if (const auto share = summary_.overhead()) times["harness_overhead"] = *share;
    provenance.finish(reason, did_something, times);
  } catch (const RunError& error) {
    if (summary_.exit_code == 0) summary_.exit_code = 1;
    if (summary_.stopped_by.empty()) summary_.stopped_by = error.what();
  }
  return summary_;
}

void Runner::prepare() {
  const ResultsLayout& layout = plan_.layout();
  std::error_code ignored;
  remove_abandoned_temporaries(layout.folder(), std::chrono::minutes(10));
  state_ = plan_.look(store_);
  const auto& cells = plan_.cells();
  summary_.cells = cells.size();
  summary_.done_before = state_.cells_done;
  if (options_.whole) write_plan(plan_, options_.config_yaml);
  for (const size_t index : state_.old_config) refresh_config(cells[index]);
  complete_.assign(plan_.graph().size(), 0);
  for (StageId id = 0; id < plan_.graph().size(); ++id) {
    if (!state_.needed[id]) continue;
    const StageNode& stage = plan_.graph().at(id);
    const auto [it, fresh] = pace_.try_emplace(stage.name.kind);
    if (fresh) {
      if (const auto known = store_.learned_cost(stage.name.kind)) {
        it->second.guess = known->seconds_per_weight;
      } else if (stage.cost.seconds && stage.cost.weight > 0) {
        it->second.guess = *stage.cost.seconds / stage.cost.weight;
      }
    }
    it->second.remaining_weight += stage.cost.weight;
    if (const auto left = read_failure(store_.open_folder(stage.name))) {
      old_failures_.insert(left->id);
    }
  }
  for (const size_t index : state_.pending) {
    fs::remove(layout.cell(cells[index].name) / "error.json", ignored);
  }
  sweep_cells();
  progress_ = std::make_unique<Progress>(options_.progress);
}

void Runner::sweep_cells() {
  const ResultsLayout& layout = plan_.layout();
  std::set<fs::path> left;
  std::error_code none;
  for (fs::directory_iterator it(layout.folder() / "cells", none), end; !none && it != end;
       it.increment(none)) {
    if (it->path().extension() == ".open") left.insert(it->path());
  }
  if (left.empty()) return;
  for (const auto& cell : plan_.cells()) {
    const auto open = layout.cell("." + cell.name + ".open");
    if (!left.contains(open) || !cell.is_done(layout)) continue;
    if (const auto claim = store_.claims().try_claim(open)) claim->finish();
  }
}

void Runner::run_pending() {
  std::vector<size_t> pending = state_.pending;
  double pause = 0.02;
  while (!pending.empty()) {
    moved_ = false;
    busy_.clear();
    std::vector<size_t> left;
    for (const size_t cell : pending) {
      throw_if_interrupted();
      show_whole();
      if (advance(cell) == Outcome::busy) left.push_back(cell);
    }
    pending = std::move(left);
    if (pending.empty()) break;
    // Others work on what is left: look again, ever more rarely.
    pause = moved_ ? 0.02 : std::min(1.0, pause * 1.5);
    const auto before = Clock::now();
    sleep_unless_interrupted(pause);
    summary_.waiting_seconds += seconds_since(before);
  }
}

Runner::Outcome Runner::advance(size_t index) {
  const PlannedCell& cell = plan_.cells()[index];
  bool busy = false;
  for (const auto& [name, id] : cell.finals) {
    const Outcome outcome = ensure(id, cell.name);
    if (outcome == Outcome::failed) {
      fail_cell(index, failed_.at(id));
      return Outcome::failed;
    }
    busy = busy || outcome == Outcome::busy;
  }
  return busy ? Outcome::busy : collect(index);
}

Runner::Outcome Runner::ensure(StageId id, const std::string& cell_name) {
  if (complete_[id]) return Outcome::done;
  if (failed_.contains(id)) return Outcome::failed;
  if (busy_.contains(id)) return Outcome::busy;
  const StageNode& stage = plan_.graph().at(id);
  if (is_whole(stage)) {
    complete_[id] = 1;
    if (state_.needed[id]) pace_[stage.name.kind].remaining_weight -= stage.cost.weight;
    return Outcome::done;
  }
  Outcome outcome = ensure_inputs(id, cell_name);
  if (outcome == Outcome::done && failed_elsewhere(id)) outcome = Outcome::failed;
  if (outcome == Outcome::done) outcome = compute(id, cell_name);
  if (outcome == Outcome::busy) busy_.insert(id);
  return outcome;
}

Runner::Outcome Runner::ensure_inputs(StageId id, const std::string& cell_name) {
  // Goes on past an input that another process holds: there may be others to help with.
  bool busy = false;
  for (const auto& [name, input] : plan_.graph().at(id).inputs) {
    const Outcome outcome = ensure(input, cell_name);
    if (outcome == Outcome::failed) {
      failed_[id] = failed_.at(input);
      return Outcome::failed;
    }
    busy = busy || outcome == Outcome::busy;
  }
  return busy ? Outcome::busy : Outcome::done;
}

bool Runner::is_whole(const StageNode& stage) {
  if (!store_.complete(stage.name)) return false;
  const auto damage = options_.verify ? store_.damage(stage.name) : std::nullopt;
  if (!damage) {
    store_.sweep(stage.name);
    return true;
  }
  const auto claim = store_.try_claim(stage.name);
  if (!claim || !store_.damage(stage.name)) return false;
  log_warning("{} in the store is damaged ({}); it is computed again", stage.name.brief(), *damage);
  store_.discard(stage.name, *claim);
  return false;
}

Runner::Outcome Runner::compute(StageId id, const std::string& cell_name) {
  const StageNode& stage = plan_.graph().at(id);
  const auto claim = store_.try_claim(stage.name);
  if (!claim) return Outcome::busy;
  if (store_.complete(stage.name)) {
    claim->finish();
    return Outcome::busy;  // finished meanwhile: the next round checks and uses it
  }
  moved_ = true;
  LogTail tail(20);
  const AttachedSink keep_tail(tail);
  LogFile file(plan_.layout().cell(cell_name) / "log.txt");
  const AttachedSink keep_file(file);
  for (int64_t tries = 0;; ++tries) {
    try {
      file.take(LogLevel::info, stage.name.text() + " begins");
      const double seconds = attempt(id, *claim);
      file.take(LogLevel::info, stage.name.text() + " took " + format_duration(seconds));
      complete_[id] = 1;
      return Outcome::done;
    } catch (const Interrupted&) {
      throw;
    } catch (const StorageError&) {
      throw;
    } catch (const std::exception& error) {
      // Whoever took the work over may have finished it and removed what this attempt wrote.
      if (claim->lost()) return Outcome::busy;
      log_error("{}: {}", stage.name.brief(), error.what());
      const bool may_pass = is_transient(error) || (options_.may_pass && options_.may_pass(error));
      if (tries < options_.retries && may_pass) {
        log_warning("{}: tried again ({} of {})", stage.name.brief(), tries + 1, options_.retries);
        sleep_unless_interrupted(retry_pause(tries));
        throw_if_interrupted();
        continue;
      }
      fail_stage(id, error.what(), tail, claim.get());
      return Outcome::failed;
    }
  }
}

double Runner::attempt(StageId id, Claim& claim) {
  const StageNode& stage = plan_.graph().at(id);
  if (options_.observer) options_.observer("begin", stage.name);
  const auto bar = progress_->start(stage.name.kind);
  const double seconds = compute_stage(plan_.graph(), id, store_, claim, *bar);
  if (options_.observer) options_.observer("end", stage.name);
  ++summary_.stages_computed;
  summary_.stage_seconds += seconds;
  learn(stage, seconds);
  return seconds;
}

}  // namespace cq
