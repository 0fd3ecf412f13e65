#include "cq/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

using ::testing::ElementsAre;
using ::testing::MatchesRegex;

TEST(Log, SinksGetLinesWhileTheyLive) {
  const testing::TempFolder folder;
  LogTail tail(2);
  {
    LogFile file(folder / "cells/a/log.txt");
    const AttachedSink keep_file(file);
    const AttachedSink keep_tail(tail);
    log_info("one {}", 1);
    log_warning("two");
    log_error("three");
    log_debug("below the threshold");
  }
  log_info("nobody listens");
  EXPECT_THAT(tail.lines(), ElementsAre("warning two", "error three"));
  const std::string stamp = "[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+Z ";
  EXPECT_THAT(
      read_text(folder / "cells/a/log.txt"),
      MatchesRegex(stamp + "info one 1\n" + stamp + "warning two\n" + stamp + "error three\n"));
}

TEST(Log, LevelsHaveNames) {
  EXPECT_EQ(parse_log_level("warning"), LogLevel::warning);
  EXPECT_THROW(parse_log_level("loud"), UsageError);
}

TEST(Log, StandardErrorKeepsToItsLevelButSinksStillListen) {
  LogTail tail(5);
  const AttachedSink keep(tail);
  set_log_level(LogLevel::error);
  ::testing::internal::CaptureStderr();
  log_info("quiet");
  log_error("loud");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "error: loud\n");
  set_log_level(LogLevel::info);
  EXPECT_THAT(tail.lines(), ElementsAre("info quiet", "error loud"));
}

}  // namespace
}  // namespace cq
