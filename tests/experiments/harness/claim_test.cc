#include "cq/experiments/harness/claim.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "tests/base/temp_folder.h"

namespace cq::testing {
/// Hours that the wall clock of this program is ahead of the machine's.
std::atomic<int64_t> hours_ahead = 0;
}  // namespace cq::testing

/// In place of libc's, for the whole program: the one clock that others may set.
extern "C" int clock_gettime(clockid_t clock, timespec* time) {
  const auto result = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  if (result == 0 && clock == CLOCK_REALTIME) time->tv_sec += 3600 * cq::testing::hours_ahead;
  return result;
}

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

/// Sets the wall clock as an administrator or NTP would, for this process alone.
void jump_to(int64_t hours) {
  const auto now = [] {
    return std::chrono::duration_cast<std::chrono::hours>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const int64_t before = now() - testing::hours_ahead;
  testing::hours_ahead = hours;
  ASSERT_NEAR(double(now() - before), double(hours), 1) << "the clock is not ours to set";
}

TEST(Claim, AJumpOfTheWallClockNeitherLosesNorKeepsOne) {
  const TempFolder folder;
  ClaimKeeper holder(1.6), observer(1.6);
  const auto claim = holder.try_claim(folder / "held.open");
  leave_foreign_claim(folder / "stale.open", 1, "held    ");
  EXPECT_FALSE(observer.try_claim(folder / "stale.open"));
  for (const int64_t hours : {48, -48, 0}) {
    const auto before = read_claim(folder / "held.open")->beat;
    jump_to(hours);
    // At once: nobody's lease is over because a clock says so.
    EXPECT_FALSE(observer.try_claim(folder / "held.open")) << hours;
    EXPECT_FALSE(observer.try_claim(folder / "stale.open")) << hours;
    sleep_for(0.6);
    EXPECT_GT(read_claim(folder / "held.open")->beat, before) << "renewed on, " << hours;
    EXPECT_FALSE(claim->lost()) << hours;
    // One that is not renewed goes stale after its lease, not hours later.
    write_atomically(
        folder / "stale.open/claim-1",
        fmt::format("held     {:012}\nfar\nother-boot/pid:[1]\n1 1\ntoken1\n", 100 + hours));
    EXPECT_FALSE(observer.try_claim(folder / "stale.open")) << hours;
  }
  jump_to(-48);
  sleep_for(2);
  EXPECT_TRUE(observer.try_claim(folder / "stale.open"));
  EXPECT_FALSE(observer.try_claim(folder / "held.open"));
  jump_to(0);
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
