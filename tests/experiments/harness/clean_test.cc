#include "cq/experiments/harness/clean.h"

#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "tests/base/temp_folder.h"
#include "tests/experiments/harness/toy.h"

namespace cq {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;
using testing::toy_plan;
using testing::ToyOptions;

RunSummary run(const TempFolder& folder, const std::string& name, const ToyOptions& toy) {
  auto plan = toy_plan(folder.path(), name, toy);
  return Runner(plan, {.progress = ProgressStyle::quiet}).run();
}

TEST(Clean, DropsWhatNoPlanNames) {
  const TempFolder folder;
  run(folder, "toy", {.cells = 4, .groups = 2});                     // 1 + 2 + 4
  run(folder, "toy", {.cells = 4, .groups = 2, .leaf_version = 2});  // 4 more, the first 4 unused
  run(folder, "other", {.cells = 1, .groups = 2});                   // leaf 0 of version 1 again
  const auto counted = clean_store({.results_dir = folder.path(), .dry_run = true});
  EXPECT_EQ(counted.removed, 3);
  const auto summary = clean_store({.results_dir = folder.path()});
  EXPECT_EQ(summary.removed, 3);
  EXPECT_EQ(summary.kept, 8);
  EXPECT_GT(summary.bytes, 0);
  EXPECT_EQ(clean_store({.results_dir = folder.path()}).removed, 0);
  EXPECT_EQ(run(folder, "toy", {.cells = 4, .groups = 2, .leaf_version = 2}).stages_computed, 0u);
}

TEST(Clean, FinishedCellsCanDoWithoutStages) {
  const TempFolder folder;
  run(folder, "toy", {.cells = 3, .groups = 3});
  fs::remove_all(folder / "toy/cells/group=0,seed=0");
  const auto summary = clean_store({.results_dir = folder.path(), .finished = true});
  EXPECT_EQ(summary.removed, 4);  // groups and leaves of the two finished cells
  EXPECT_EQ(summary.kept, 3);
  EXPECT_EQ(run(folder, "toy", {.cells = 3, .groups = 3}).done_before, 2u);
}

TEST(Clean, LeavesRunningWorkAloneAndDropsAbandonedWork) {
  const TempFolder folder;
  run(folder, "toy", {.cells = 1});
  ClaimKeeper keeper;
  const auto claim = keeper.try_claim(folder / ".store/leaf/feed.open");
  write_atomically(folder / ".store/leaf/dead.open/checkpoint/state", "x");
  const auto summary = clean_store({.results_dir = folder.path()});
  EXPECT_EQ(summary.in_use, 1);
  EXPECT_EQ(summary.removed, 1);
  EXPECT_TRUE(fs::exists(folder / ".store/leaf/feed.open"));
}

TEST(Clean, RefusesFoldersItDoesNotKnow) {
  const TempFolder folder;
  EXPECT_THROW(clean_store({.results_dir = folder.path()}), UsageError);
  run(folder, "toy", {.cells = 1});
  write_atomically(folder / "toy/plan.json", "{");
  EXPECT_THROW(clean_store({.results_dir = folder.path()}), RunError);
}

}  // namespace
}  // namespace cq
