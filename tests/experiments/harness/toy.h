#pragma once
// A small experiment whose stages are arithmetic on text: cells share stages, leaves checkpoint.
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "cq/base/files.h"
#include "cq/base/interrupt.h"
#include "cq/base/json.h"
#include "cq/experiments/harness/plan.h"
#include "cq/experiments/harness/runner.h"

namespace cq::testing {

struct ToyOptions {
  int64_t cells = 12;
  int64_t groups = 3;
  /// Slept in each of the leaf's five steps.
  double step_seconds = 0;
  int64_t base_value = 7;
  int64_t leaf_version = 1;
  /// Called when a stage begins, with kind and index; may throw.
  std::function<void(const std::string& kind, int64_t index)> on_stage = [](const auto&, auto) {};
};

inline StageId add_base(Graph& graph, const ToyOptions& options) {
  return graph.add({"base", 1, {{"value", options.base_value}}, {}, [options](StageFolder& folder) {
                      options.on_stage("base", 0);
                      write_atomically(folder.path() / "v", std::to_string(options.base_value));
                    }});
}

inline StageId add_group(Graph& graph, const ToyOptions& options, StageId base, int64_t index) {
  return graph.add(
      {"group", 1, {{"index", index}}, {{"base", base}}, [options, index](StageFolder& folder) {
         options.on_stage("group", index);
         const int64_t value = std::stoll(read_text(folder.input("base") / "v"));
         write_atomically(folder.path() / "v", std::to_string(value * 100 + index));
       }});
}

inline StageId add_leaf(Graph& graph, const ToyOptions& options, StageId group, int64_t index) {
  const auto compute = [options, index](StageFolder& folder) {
    options.on_stage("leaf", index);
    // The checkpoint holds "<steps done> <value>"; the result is the same with and without it.
    int64_t step = 0;
    int64_t value = std::stoll(read_text(folder.input("group") / "v"));
    const auto checkpoint = folder.checkpoint() / "state";
    if (std::filesystem::exists(checkpoint)) {
      std::istringstream(read_text(checkpoint)) >> step >> value;
    }
    folder.expect(5, "steps", step);
    for (; step < 5; ++step) {
      throw_if_interrupted();
      if (options.step_seconds > 0) sleep_unless_interrupted(options.step_seconds);
      value = (value * 31 + index + step) % 1'000'003;
      write_atomically(checkpoint, fmt::format("{} {}", step + 1, value));
      folder.bar().add();
    }
    write_atomically(folder.path() / "sub/v", std::to_string(value));
  };
  return graph.add({"leaf", options.leaf_version, {{"index", index}}, {{"group", group}}, compute});
}

inline Plan toy_plan(const std::filesystem::path& results_dir, const std::string& name,
                     const ToyOptions& options) {
  Plan plan({results_dir, name});
  const StageId base = add_base(plan.graph(), options);
  for (int64_t i = 0; i < options.cells; ++i) {
    const StageId group = add_group(plan.graph(), options, base, i % options.groups);
    Cell cell;
    cell.overrides = {fmt::format("group={}", i % options.groups), fmt::format("seed={}", i)};
    cell.config = [i, name] {
      return CellConfig{{{"seed", i}, {"name", name}}, fmt::format("seed: {}\n", i)};
    };
    cell.finals = {{"leaf", add_leaf(plan.graph(), options, group, i)}};
    cell.collect = [](CellFolder& folder) {
      const int64_t value = std::stoll(read_text(folder.stage("leaf") / "sub/v"));
      write_json(folder.path() / "metrics.json", {{"schema", 1}, {"value", value}});
    };
    plan.add(std::move(cell));
  }
  return plan;
}

/// Results of an experiment without logs and provenance: what must be equal between equal runs.
inline std::string fingerprint(const std::filesystem::path& experiment) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(experiment)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file() || name == "log.txt" || name == "provenance.json") continue;
    // A later run removes what a killed writer left beside plan.json, once it is old.
    const bool temporary = name.starts_with('.') && name.find(".tmp-") != std::string::npos;
    if (temporary && entry.path().parent_path() == experiment) continue;
    const auto relative = std::filesystem::relative(entry.path(), experiment).string();
    files[relative] = read_text(entry.path());
  }
  return nlohmann::json(files).dump(1);
}

}  // namespace cq::testing
