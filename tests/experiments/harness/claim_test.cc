#include "cq/experiments/harness/claim.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

/// A claim as a process of another machine would have left it.
void leave_foreign_claim(const fs::path& folder, int64_t generation, const std::string& state) {
  write_atomically(
      folder / fmt::format("claim-{}", generation),
      fmt::format("{} 000000000005\nfar\nother-boot/pid:[1]\n1 1\ntoken{}\n", state, generation));
}

void sleep_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

TEST(Claim, BelongsToOneAtATime) {
  const TempFolder folder;
  ClaimKeeper one, two;
  auto claim = one.try_claim(folder / "w.open");
  ASSERT_TRUE(claim);
  EXPECT_FALSE(two.try_claim(folder / "w.open"));
  EXPECT_FALSE(one.try_claim(folder / "w.open"));
  EXPECT_FALSE(claim->lost());
  claim->release();
  auto next = two.try_claim(folder / "w.open");
  ASSERT_TRUE(next);
  EXPECT_TRUE(fs::exists(folder / "w.open"));
  next->finish();
  EXPECT_FALSE(fs::exists(folder / "w.open"));
}

TEST(Claim, OneOfManyThreadsWins) {
  const TempFolder folder;
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> winners = 0;
    std::vector<std::thread> threads;
    std::atomic<bool> go = false;
    std::vector<std::unique_ptr<Claim>> claims(8);
    std::vector<std::unique_ptr<ClaimKeeper>> keepers;
    for (int i = 0; i < 8; ++i) keepers.push_back(std::make_unique<ClaimKeeper>());
    leave_foreign_claim(folder / "w.open", 3, "released");
    for (size_t i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        while (!go) std::this_thread::yield();
        claims[i] = keepers[i]->try_claim(folder / "w.open");
        if (claims[i]) ++winners;
      });
    }
    go = true;
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(winners, 1);
    claims.clear();
    fs::remove_all(folder / "w.open");
  }
}

TEST(Claim, OfADeadProcessIsTakenOverAtOnce) {
  const TempFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    // A second keeper would need its thread in the child: write what a keeper writes and leave.
    ClaimKeeper keeper;
    auto* const claim = keeper.try_claim(folder / "w.open").release();
    write_atomically(claim->work_folder() / "half", "x");
    write_atomically(folder / "w.open/checkpoint/state", "y");
    _exit(claim == nullptr);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  ClaimKeeper keeper(3600);
  const auto claim = keeper.try_claim(folder / "w.open");
  ASSERT_TRUE(claim);
  // Its half-made work goes, its checkpoint stays.
  EXPECT_FALSE(fs::exists(folder / "w.open/work-1"));
  EXPECT_TRUE(fs::exists(folder / "w.open/checkpoint/state"));
}

TEST(Claim, OfAnotherMachineHoldsUntilItsBeatStopsForALease) {
  const TempFolder folder;
  leave_foreign_claim(folder / "w.open", 4, "held    ");
  ClaimKeeper keeper(0.2);
  EXPECT_FALSE(keeper.try_claim(folder / "w.open"));
  // Times of files and wall clocks play no part.
  fs::last_write_time(folder / "w.open/claim-4",
                      fs::file_time_type::clock::now() - std::chrono::hours(24 * 365));
  EXPECT_FALSE(keeper.try_claim(folder / "w.open"));
  sleep_for(0.15);
  write_atomically(folder / "w.open/claim-4",
                   "held     000000000006\nfar\nother-boot/pid:[1]\n1 1\ntoken4\n");
  EXPECT_FALSE(keeper.try_claim(folder / "w.open"));
  sleep_for(0.1);
  EXPECT_FALSE(keeper.try_claim(folder / "w.open")) << "the beat changed within the lease";
  sleep_for(0.3);
  EXPECT_TRUE(keeper.try_claim(folder / "w.open"));
}

TEST(Claim, IsRenewedWhileItIsHeldAndKnowsWhenItIsLost) {
  const TempFolder folder;
  ClaimKeeper holder(0.1);
  const auto claim = holder.try_claim(folder / "w.open");
  const auto before = read_claim(folder / "w.open");
  sleep_for(0.3);
  EXPECT_GT(read_claim(folder / "w.open")->beat, before->beat);
  EXPECT_EQ(read_claim(folder / "w.open")->holder(), ClaimInfo::Holder::alive);
  leave_foreign_claim(folder / "w.open", 2, "held    ");
  EXPECT_TRUE(claim->lost());
  claim->release();
  EXPECT_TRUE(read_claim(folder / "w.open")->held) << "the new holder's claim is left alone";
}

TEST(Claim, AReusedProcessNumberIsNotTakenForTheHolder) {
  const TempFolder folder;
  ClaimKeeper keeper(3600);
  const auto mine = keeper.try_claim(folder / "probe.open");
  ClaimInfo info = *read_claim(folder / "probe.open");
  EXPECT_EQ(info.holder(), ClaimInfo::Holder::alive);
  info.started = "1";
  EXPECT_EQ(info.holder(), ClaimInfo::Holder::gone);
}

}  // namespace
}  // namespace cq
