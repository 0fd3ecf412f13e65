// Processes killed at random moments: nothing finished is lost or done twice, equal results.
#include <cstdlib>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/base/temp_folder.h"
#include "tests/experiments/harness/toy.h"

extern char** environ;

namespace cq {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

pid_t spawn(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), CQ_HARNESS_DRIVER);
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, CQ_HARNESS_DRIVER, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw RunError("cannot start the driver");
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void sleep_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

class KillTest : public ::testing::Test {
 protected:
  pid_t start(const char* step_seconds) {
    return spawn(
        {folder_.path() / "results", folder_ / "counts", std::to_string(cells_), step_seconds});
  }

  /// What a run that nobody disturbed leaves.
  std::string undisturbed() const {
    const TempFolder reference;
    auto plan = testing::toy_plan(reference.path(), "toy", {.cells = cells_});
    RunnerOptions options;
    options.progress = ProgressStyle::quiet;
    EXPECT_EQ(Runner(plan, options).run().exit_code, 0);
    return testing::fingerprint(reference.path() / "toy");
  }

  void expect_equal_results_and_no_work_done_twice() {
    EXPECT_EQ(testing::fingerprint(folder_.path() / "results/toy"), undisturbed());
    std::set<std::string> begun, ended;
    std::ifstream counts(folder_ / "counts");
    for (std::string event, name; counts >> event >> name;) {
      EXPECT_FALSE(ended.contains(name)) << name << ": " << event << " after it was finished";
      (event == "end" ? ended : begun).insert(name);
    }
    // Base, three groups, a leaf for each cell.
    EXPECT_EQ(begun.size(), static_cast<size_t>(cells_) + 4);
  }

  void expect_nothing_half_done() {
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path() / "results/.store")) {
      EXPECT_NE(entry.path().extension(), ".open") << entry.path();
    }
  }

  int64_t cells_ = 12;
  TempFolder folder_;
};

TEST_F(KillTest, OneProcessKilledAgainAndAgain) {
  std::minstd_rand random(1);
  int kills = 0;
  for (int round = 0; round < 20; ++round) {
    const pid_t pid = start("0.01");
    sleep_for(std::uniform_real_distribution<>(0.005, 0.12)(random));
    ::kill(pid, SIGKILL);
    kills += wait_for(pid) == -SIGKILL ? 1 : 0;
  }
  EXPECT_GT(kills, 3);
  ASSERT_EQ(wait_for(start("0")), 0);
  expect_equal_results_and_no_work_done_twice();
  expect_nothing_half_done();
}

/// CQ_KILL_MOMENTS=100 for the long form (scripts/kill_harness).
int64_t kill_moments() {
  const char* const text = std::getenv("CQ_KILL_MOMENTS");
  return text == nullptr ? 25 : std::atoll(text);
}

TEST_F(KillTest, FourWorkersKilledAtRandomMoments) {
  const int64_t moments = kill_moments();
  cells_ = 2 * moments;
  std::minstd_rand random(2);
  std::vector<pid_t> workers;
  for (int i = 0; i < 4; ++i) workers.push_back(start("0.02"));
  int64_t kills = 0;
  while (kills < moments) {
    sleep_for(std::uniform_real_distribution<>(0.005, 0.06)(random));
    pid_t& victim = workers[random() % 4];
    ::kill(victim, SIGKILL);
    const int code = wait_for(victim);
    ASSERT_TRUE(code == 0 || code == -SIGKILL) << code;
    victim = start("0.02");
    if (code == 0) break;  // all done
    ++kills;
  }
  for (const pid_t pid : workers) EXPECT_EQ(wait_for(pid), 0);
  EXPECT_GT(kills, moments / 2);
  RecordProperty("kills", std::to_string(kills));
  expect_equal_results_and_no_work_done_twice();
}

TEST_F(KillTest, SignalsSaveAndGiveTheirExitCode) {
  for (const auto& [signal_number, code] :
       {std::pair{SIGINT, 130}, {SIGTERM, 143}, {SIGUSR2, 140}}) {
    const pid_t pid = start("0.1");
    sleep_for(0.4);
    ::kill(pid, signal_number);
    EXPECT_EQ(wait_for(pid), code);
  }
  ASSERT_EQ(wait_for(start("0")), 0);
  expect_equal_results_and_no_work_done_twice();
}

TEST_F(KillTest, FullAndReadOnlyDisksStopTheRunAndALaterOneGoesOn) {
  const int code = wait_for(spawn({"disk", folder_.path()}));
  if (code == 77) GTEST_SKIP() << "this system lets nobody mount a small file system";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace cq
