#include "cq/experiments/harness/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/base/transient.h"
#include "cq/experiments/harness/status.h"
#include "tests/base/temp_folder.h"
#include "tests/experiments/harness/toy.h"

namespace cq {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempFolder;
using testing::toy_plan;
using testing::ToyOptions;

class RunnerTest : public ::testing::Test {
 protected:
  void TearDown() override { set_interrupt_signal(0); }

  RunSummary run(ToyOptions toy = {}, const std::string& name = "toy", int64_t retries = 0) {
    computed_.clear();
    RunnerOptions options;
    options.progress = ProgressStyle::quiet;
    options.retries = retries;
    options.may_pass = [](const std::exception& error) {
      return std::string_view(error.what()) == "out of the GPU's memory";
    };
    options.config_yaml = "name: toy\n";
    options.provenance = {{"version", "1"}};
    options.observer = [this](const char* event, const StageName& stage) {
      if (std::string_view(event) == "end") ++computed_[stage.kind];
    };
    auto plan = toy_plan(folder_.path(), name, toy);
    return Runner(plan, options).run();
  }

  fs::path cell(const std::string& name) const { return folder_.path() / "toy/cells" / name; }
  fs::path stored(const std::string& kind) const {
    return fs::directory_iterator(folder_.path() / ".store" / kind)->path();
  }

  TempFolder folder_;
  std::map<std::string, int> computed_;
};

using Counts = std::map<std::string, int>;

TEST_F(RunnerTest, ComputesSharedStagesOnceAndPublishes) {
  const auto summary = run();
  EXPECT_EQ(summary.exit_code, 0);
  EXPECT_EQ(summary.done_now, 12u);
  EXPECT_EQ(computed_, (Counts{{"base", 1}, {"group", 3}, {"leaf", 12}}));
  EXPECT_THAT(testing::list_folder(cell("group=0,seed=0")),
              ElementsAre("cell.json", "config.json", "config.yaml", "log.txt", "metrics.json"));
  // Five steps of v -> (31 v + index + step) mod 1000003 from 7 * 100 + 2, index 5.
  int64_t value = 702;
  for (int64_t step = 0; step < 5; ++step) value = (31 * value + 5 + step) % 1'000'003;
  EXPECT_EQ(read_json(cell("group=2,seed=5") / "metrics.json")["value"], value);
  EXPECT_THAT(testing::list_folder(folder_ / "toy"),
              ElementsAre("cells", "config.yaml", "plan.json", "provenance.json"));
}

TEST_F(RunnerTest, DoesOnlyWhatIsMissing) {
  run();
  const auto again = run();
  EXPECT_EQ(again.done_before, 12u);
  EXPECT_THAT(computed_, IsEmpty());
  fs::remove_all(cell("group=0,seed=0"));
  EXPECT_EQ(run().done_now, 1u);
  EXPECT_THAT(computed_, IsEmpty()) << "its stages are in the store";
}

TEST_F(RunnerTest, WithoutTheStoreFinishedCellsStayFinished) {
  run();
  const std::string before = testing::fingerprint(folder_ / "toy");
  fs::remove_all(folder_ / ".store");
  EXPECT_EQ(run().done_before, 12u);
  EXPECT_THAT(computed_, IsEmpty());
  fs::remove(cell("group=0,seed=3") / "metrics.json");
  run();
  EXPECT_EQ(computed_, (Counts{{"base", 1}, {"group", 1}, {"leaf", 1}}));
  EXPECT_EQ(testing::fingerprint(folder_ / "toy"), before);
}

TEST_F(RunnerTest, AChangeRedoesWhatDependsOnIt) {
  run();
  run({.leaf_version = 2});
  EXPECT_EQ(computed_, (Counts{{"leaf", 12}}));
  run({.base_value = 8, .leaf_version = 2});
  EXPECT_EQ(computed_, (Counts{{"base", 1}, {"group", 3}, {"leaf", 12}}));
  run({.cells = 13});
  EXPECT_EQ(computed_, (Counts{{"leaf", 1}}));
}

TEST_F(RunnerTest, ARenamedExperimentKeepsItsStages) {
  run();
  EXPECT_EQ(run({}, "other").done_now, 12u);
  EXPECT_THAT(computed_, IsEmpty());
}

TEST_F(RunnerTest, AFailureStopsOnlyWhatDependsOnIt) {
  ToyOptions toy;
  toy.on_stage = [](const std::string& kind, int64_t index) {
    if (kind != "group" || index != 1) return;
    log_info("about to divide");
    throw RunError("[toy] division by zero");
  };
  const auto summary = run(toy);
  EXPECT_EQ(summary.exit_code, 1);
  EXPECT_EQ(summary.done_now, 8u);
  ASSERT_EQ(summary.failures.size(), 4u);
  EXPECT_EQ(summary.failures[0].cell, "group=1,seed=1");
  EXPECT_THAT(summary.failures[0].stage, HasSubstr("group/"));
  EXPECT_THAT(summary.text(), HasSubstr("division by zero"));
  EXPECT_THAT(summary.text(), HasSubstr("info about to divide"));
  EXPECT_THAT(read_text(cell("group=1,seed=1") / "log.txt"), HasSubstr("division by zero"));

  const auto status = read_status(folder_ / "toy");
  EXPECT_EQ(status.done, 8u);
  ASSERT_EQ(status.failed.size(), 4u);
  EXPECT_EQ(status.failed[0].failure.error, "[toy] division by zero");
  EXPECT_EQ(status.kinds.at("group").complete, 2u);

  EXPECT_EQ(run().done_now, 4u);
  EXPECT_EQ(computed_, (Counts{{"group", 1}, {"leaf", 4}}));
  EXPECT_FALSE(fs::exists(cell("group=1,seed=1") / "error.json"));
  EXPECT_EQ(read_status(folder_ / "toy").done, 12u);
}

TEST_F(RunnerTest, AFailingCollectFailsItsCellOnly) {
  auto plan = toy_plan(folder_.path(), "toy", {.cells = 2});
  Cell bad;
  bad.overrides = {"seed=bad"};
  bad.config = [] { return CellConfig{nlohmann::ordered_json::object()}; };
  bad.collect = [](CellFolder& folder) { write_atomically(folder.path() / "other", ""); };
  plan.add(std::move(bad));
  const auto summary = Runner(plan, {.progress = ProgressStyle::quiet}).run();
  EXPECT_EQ(summary.done_now, 2u);
  ASSERT_EQ(summary.failures.size(), 1u);
  EXPECT_THAT(summary.failures[0].error, HasSubstr("no metrics.json"));
}

TEST_F(RunnerTest, RetriesOnlyWhatMayPass) {
  int tries = 0;
  ToyOptions toy{.cells = 1};
  toy.on_stage = [&](const std::string& kind, int64_t) {
    if (kind == "leaf" && ++tries < 3) throw TransientError("busy");
  };
  EXPECT_EQ(run(toy, "toy", 1).exit_code, 1);
  tries = 0;
  EXPECT_EQ(run(toy, "toy", 2).exit_code, 0);
  EXPECT_EQ(tries, 3);
  tries = 0;
  toy.leaf_version = 3;
  toy.on_stage = [&](const std::string& kind, int64_t) {
    if (kind == "leaf" && ++tries < 2) throw std::runtime_error("out of the GPU's memory");
  };
  EXPECT_EQ(run(toy, "toy", 1).exit_code, 0) << "an error that only the caller knows";
  EXPECT_EQ(tries, 2);
  tries = 0;
  toy.leaf_version = 2;
  toy.on_stage = [&](const std::string& kind, int64_t) {
    if (kind == "leaf" && ++tries > 0) throw RunError("NaN in a network");
  };
  EXPECT_EQ(run(toy, "toy", 5).exit_code, 1);
  EXPECT_EQ(tries, 1);
}

TEST_F(RunnerTest, AnInterruptKeepsCheckpointsAndGivesItsCode) {
  ToyOptions toy{.cells = 1};
  toy.on_stage = [](const std::string& kind, int64_t) {
    if (kind == "leaf") set_interrupt_signal(15);
  };
  const auto summary = run(toy);
  EXPECT_EQ(summary.exit_code, 143);
  EXPECT_THAT(summary.failures, IsEmpty());
  EXPECT_EQ(read_json(folder_ / "toy/provenance.json")["exit_reason"],
            "interrupted by SIGTERM; run again to go on");
  set_interrupt_signal(0);
  EXPECT_EQ(run({.cells = 1}).exit_code, 0);
  const auto provenance = read_json(folder_ / "toy/provenance.json");
  EXPECT_EQ(provenance["exit_reason"], "done");
  EXPECT_EQ(provenance["earlier"].size(), 1u);
}

TEST_F(RunnerTest, CheckpointsSpareWorkAndChangeNothing) {
  run({.cells = 1});
  const std::string expected = testing::fingerprint(folder_ / "toy");
  const fs::path leaf = stored("leaf");
  fs::remove_all(leaf);
  fs::remove_all(folder_ / "toy");
  // As a killed run would have left it after three steps, by the formula.
  int64_t value = 700;
  for (int64_t step = 0; step < 3; ++step) value = (31 * value + step) % 1'000'003;
  write_atomically(fs::path(leaf.string() + ".open") / "checkpoint/state",
                   fmt::format("3 {}", value));
  run({.cells = 1});
  EXPECT_EQ(testing::fingerprint(folder_ / "toy"), expected);
  EXPECT_FALSE(fs::exists(leaf.string() + ".open"));
}

TEST_F(RunnerTest, DamagedStagesAreComputedAgain) {
  run({.cells = 1});
  const std::string expected = testing::fingerprint(folder_ / "toy");
  fs::resize_file(stored("leaf") / "sub/v", 1);
  fs::remove_all(folder_ / "toy");
  run({.cells = 1});
  EXPECT_EQ(computed_, (Counts{{"leaf", 1}}));
  EXPECT_EQ(testing::fingerprint(folder_ / "toy"), expected);
}

TEST_F(RunnerTest, AFolderThatCannotBeWrittenIsNamedBeforeAnythingRuns) {
  auto plan = toy_plan("/proc/cq-results", "toy", {});
  try {
    Runner(plan, {.progress = ProgressStyle::quiet}).run();
    FAIL();
  } catch (const RunError& error) {
    EXPECT_THAT(error.what(), HasSubstr("/proc/cq-results"));
  }
}

TEST_F(RunnerTest, OtherKeysOfTheConfigAreRefreshedWithoutWork) {
  run();
  Plan changed({folder_.path(), "toy"});
  const StageId base = testing::add_base(changed.graph(), {});
  for (int64_t i = 0; i < 2; ++i) {
    const StageId group = testing::add_group(changed.graph(), {}, base, i);
    Cell cell;
    cell.overrides = {fmt::format("group={}", i), fmt::format("seed={}", i)};
    cell.config = [i] { return CellConfig{{{"seed", i}, {"threads", 4}}}; };
    cell.finals = {{"leaf", testing::add_leaf(changed.graph(), {}, group, i)}};
    changed.add(std::move(cell));
  }
  const auto summary = Runner(changed, {.progress = ProgressStyle::quiet}).run();
  EXPECT_EQ(summary.done_before, 2u);
  EXPECT_EQ(read_json(cell("group=0,seed=0") / "config.json")["threads"], 4);
}

}  // namespace
}  // namespace cq
