#include "cq/experiments/launchers/launch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/process.h"
#include "cq/experiments/launchers/launch_status.h"
#include "cq/experiments/launchers/launcher.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempFolder;

LaunchHeader header_of(std::vector<std::optional<size_t>> tasks) {
  LaunchHeader header;
  header.launcher = "local";
  header.tasks = std::move(tasks);
  return header;
}

TEST(Launch, ReadsBackWhatItFroze) {
  const TempFolder folder;
  auto launch = Launch::create(folder.path());
  const std::vector<FrozenCell> cells{{"a=1", {"a=1"}, "a: 1\nb: 'x\ty'\n"},
                                      {"a=2", {"a=2", "b=\"\n\""}, "a: 2\n"}};
  launch.write_cells(cells);
  auto header = header_of({0, 1, std::nullopt});
  header.jobs = {{"12", 2}, {"13", 1}};
  launch.write_header(header);
  const auto read = Launch::newest(folder.path());
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->cells(), 2u);
  EXPECT_EQ(read->cell(0).config_yaml, cells[0].config_yaml);
  EXPECT_EQ(read->cell(1).overrides, cells[1].overrides);
  EXPECT_EQ(read->header().tasks, header.tasks);
  EXPECT_EQ(read->header().jobs[1].id, "13");
  auto next = Launch::create(folder.path());
  EXPECT_EQ(next.folder().filename(), "2");
  EXPECT_EQ(Launch::newest(folder.path())->folder().filename(), "1") << "2 is not whole yet";
}

TEST(Launch, WhatIsNoLaunchIsRefused) {
  const TempFolder folder;
  EXPECT_THROW(Launch::open(folder.path()), UsageError);
  EXPECT_FALSE(Launch::newest(folder.path()).has_value());
  write_atomically(folder / "launch.json", "{}");
  EXPECT_THROW(Launch::open(folder.path()), RunError);
}

TEST(Launch, MarkersSayHowATaskEnded) {
  const TempFolder folder;
  auto launch = Launch::create(folder.path());
  launch.write_cells({});
  launch.write_header(header_of({std::nullopt, std::nullopt, std::nullopt}));
  EXPECT_EQ(launch.marker(0).state, "waiting");
  for (const auto& [code, state] : {std::pair{140, "stopped"}, {1, "failed"}, {0, "done"}}) {
    RunningTask task(launch, 0);
    EXPECT_EQ(launch.marker(0).state, "running");
    task.end(code);
    EXPECT_EQ(launch.marker(0).state, state);
    EXPECT_EQ(launch.marker(0).exit_code, code);
  }
  EXPECT_EQ(launch.marker(0).starts, 3);
  RunningTask running(launch, 1);
  const auto status = read_launch_status(launch);
  EXPECT_EQ(status.tasks[0].state, "done");
  EXPECT_EQ(status.tasks[1].state, "running");
  EXPECT_EQ(status.tasks[2].state, "pending");
  EXPECT_TRUE(status.at_work());
}

TEST(Launchers, EachDeclaresWhatItTakes) {
  for (const auto& entry : launcher_registry().entries()) {
    EXPECT_FALSE(entry.doc.empty()) << entry.name;
    auto params = config::Node::dict();
    params.put(config::Key("name"), config::Node(entry.name));
    const auto launcher = launcher_registry().make(entry.name, params);
    params.put(config::Key("no_such_key"), config::Node(int64_t{1}));
    EXPECT_THROW(launcher_registry().check(entry.name, params), UsageError) << entry.name;
  }
}

TEST(Launchers, LocalHasATaskForEachFurtherWorker) {
  const auto tasks = [](int64_t workers) {
    const auto params = config::Node::dict({{"name", "local"}, {"workers", workers}});
    return launcher_registry().make("local", params)->tasks({3, 1});
  };
  EXPECT_THAT(tasks(1), IsEmpty());
  EXPECT_EQ(tasks(3).size(), 2u);
}

TEST(Launchers, SlurmHasATaskForEachShardOrCell) {
  const auto tasks = [](int64_t most) {
    const auto params = config::Node::dict({{"name", "slurm"}, {"tasks_per_cell", most}});
    return launcher_registry().make("slurm", params)->tasks({3, 1, 0});
  };
  using Tasks = std::vector<std::optional<size_t>>;
  EXPECT_EQ(tasks(0), (Tasks{0, 0, 0, 1, 2}));
  EXPECT_EQ(tasks(2), (Tasks{0, 0, 1, 2}));
  EXPECT_EQ(tasks(1), (Tasks{0, 1, 2}));
}

TEST(Process, GivesOutputAndExitCode) {
  const auto result = run_process({"sh", "-c", "echo out; echo err >&2; exit 7"});
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->out, "out\n");
  EXPECT_EQ(result->err, "err\n");
  EXPECT_EQ(result->code, 7);
  EXPECT_EQ(run_process({"sh", "-c", "kill -9 $$"})->code, -9);
  EXPECT_FALSE(run_process({"no-such-program-here"}).has_value());
  const auto large = run_process({"sh", "-c", "head -c 300000 /dev/zero; exit 0"});
  EXPECT_EQ(large->out.size(), 300'000u);
}

}  // namespace
}  // namespace cq
