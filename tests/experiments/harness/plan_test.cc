#include "cq/experiments/harness/plan.h"

#include <chrono>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include "cq/base/error.h"
#include "cq/experiments/harness/plan_file.h"
#include "tests/base/temp_folder.h"
#include "tests/experiments/harness/toy.h"

namespace cq {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempFolder;
using testing::toy_plan;

TEST(Plan, ItsFileReadsBack) {
  const TempFolder folder;
  auto plan = toy_plan(folder.path(), "toy", {.cells = 4, .groups = 2});
  write_atomically(folder / "toy/plan.json", plan.to_json());
  const PlanFile read = read_plan(folder / "toy");
  EXPECT_EQ(read.name, "toy");
  ASSERT_EQ(read.cells.size(), 4u);
  EXPECT_EQ(read.cells[1].name, "group=1,seed=1");
  EXPECT_EQ(read.cells[1].key, plan.cells()[1].key);
  EXPECT_EQ(read.stages.size(), 7u);
  const auto& leaf = read.stages.at(read.cells[1].stages.at(0));
  EXPECT_THAT(leaf, ElementsAre(HasSubstr("group/")));
  EXPECT_THROW(read_plan(folder.path()), UsageError);
  write_atomically(folder / "toy/plan.json", "{}");
  EXPECT_THROW(read_plan(folder / "toy"), RunError);
}

TEST(Plan, SaysWhatIsToDoAndWhatItCosts) {
  const TempFolder folder;
  const Store store(folder / ".store");
  auto plan = toy_plan(folder.path(), "toy", {.cells = 4, .groups = 2});
  EXPECT_THAT(plan.describe(store), HasSubstr("4 cells, 0 done, 4 to do"));
  EXPECT_THAT(plan.describe(store), HasSubstr("time unknown (never measured here: base, group"));
  Runner(plan, {.progress = ProgressStyle::quiet}).run();
  fs::remove_all(folder / "toy/cells/group=0,seed=2");
  EXPECT_THAT(plan.describe(store), HasSubstr("group=0,seed=2  (stages complete"));
  auto more = toy_plan(folder.path(), "toy", {.cells = 6, .groups = 2});
  const auto state = more.look(store);
  EXPECT_EQ(state.cells_done, 3u);
  EXPECT_EQ(state.stages_needed, 2u);
  EXPECT_TRUE(more.estimate(store, state).seconds.has_value());
}

TEST(Plan, GuessesServeUntilSomethingWasMeasured) {
  const TempFolder folder;
  const Store store(folder / ".store");
  auto plan = toy_plan(folder.path(), "toy", {.cells = 4, .groups = 2});
  CostGuesses guesses;
  guesses.kinds = {{"base", {1.0, 10}}, {"group", {10.0, 100}}, {"leaf", {100.0, 1000}}};
  guesses.memory_bytes = 5;
  const auto json = plan.describe_json(store, guesses);
  EXPECT_EQ(json["pending"].size(), 4u);
  EXPECT_EQ(json["stages"]["leaf"]["needed"], 4);
  // One base, two groups, four leaves of weight one.
  EXPECT_EQ(json["estimate"]["seconds"], 1 + 2 * 10 + 4 * 100);
  EXPECT_EQ(json["estimate"]["disk_bytes"], 10 + 2 * 100 + 4 * 1000);
  EXPECT_EQ(json["estimate"]["memory_bytes"], 5);
  Runner(plan, {.progress = ProgressStyle::quiet}).run();
  auto more = toy_plan(folder.path(), "toy", {.cells = 6, .groups = 2});
  EXPECT_LT(more.describe_json(store, guesses)["estimate"]["seconds"], 100);
}

TEST(Plan, RefusesTheSameCellTwice) {
  Plan plan({"results", "toy"});
  for (int i = 0; i < 2; ++i) {
    Cell cell;
    cell.overrides = {"a=1"};
    cell.config = [] { return CellConfig{nlohmann::ordered_json::object()}; };
    plan.add(std::move(cell));
  }
  EXPECT_THROW(plan.cells(), UsageError);
}

/// A configuration as large as a real one.
nlohmann::ordered_json large_config(int64_t seed) {
  nlohmann::ordered_json config{{"seed", seed}};
  for (const char* group : {"model", "sampler", "cache", "quant", "correct", "data"}) {
    config[group] = {{"name", group},
                     {"steps", 100},
                     {"interval", 10},
                     {"scale", 0.125},
                     {"choices", {1, 2, 3}}};
  }
  return config;
}

Plan large_plan(const fs::path& root, int64_t cells) {
  Plan plan({root, "large"});
  const auto write = [](StageFolder& folder) { write_atomically(folder.path() / "v", "1"); };
  for (int64_t i = 0; i < cells; ++i) {
    Cell cell;
    cell.config = [i] { return CellConfig{large_config(i)}; };
    const StageId shared = plan.graph().add({"shared", 1, large_config(i % 100), {}, write, {}});
    const StageId own =
        plan.graph().add({"own", 1, large_config(i), {{"shared", shared}}, write, {}});
    cell.overrides = {"cache=dps", fmt::format("seed={}", i)};
    cell.finals = {{"own", own}};
    cell.collect = [](CellFolder& folder) { write_json(folder.path() / "metrics.json", {}); };
    plan.add(std::move(cell));
  }
  return plan;
}

TEST(Plan, TenThousandCellsAreFoundCompleteInTime) {
  const TempFolder folder;
  constexpr int64_t cells = 10'000;
  // What a finished experiment looks like, written without waiting for the disk each time.
  {
    auto plan = large_plan(folder.path(), cells);
    for (const auto& cell : plan.cells()) {
      const fs::path path = plan.layout().cell(cell.name);
      fs::create_directories(path);
      std::ofstream(path / "metrics.json") << "{}\n";
      std::ofstream(path / "cell.json") << R"({"key": ")" << cell.key << R"(", "config": ")"
                                        << cell.config_hash << R"(", "files": ["metrics.json"]})";
    }
  }
  fs::remove(folder / "large/cells/seed=77/metrics.json");
  const auto run = [&] {
    const auto start = std::chrono::steady_clock::now();
    auto plan = large_plan(folder.path(), cells);
    const auto summary = Runner(plan, {.progress = ProgressStyle::quiet}).run();
    EXPECT_EQ(summary.exit_code, 0);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    return std::pair(summary, taken.count());
  };
  const auto [resumed, first_seconds] = run();
  EXPECT_EQ(resumed.done_now, 1u);
  EXPECT_EQ(resumed.stages_computed, 2u);
  const auto [complete, seconds] = run();
  EXPECT_EQ(complete.done_before, static_cast<size_t>(cells));
  EXPECT_LT(seconds, 3.0);
  RecordProperty("seconds", std::to_string(seconds));
}

TEST(Plan, ACellTakesLittleMemory) {
  constexpr int64_t cells = 2000;
  const auto used = [] { return mallinfo2().uordblks; };
  const size_t before = used();
  auto plan = large_plan("results", cells);
  plan.cells();
  const size_t whole = used() - before;
  RecordProperty("bytes", std::to_string(whole / cells));
  EXPECT_LT(whole, cells * 2048u);
}

}  // namespace
}  // namespace cq
