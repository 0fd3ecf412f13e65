#include "cq/base/transient.h"

#include <cerrno>
#include <filesystem>
#include <new>
#include <system_error>

#include <gtest/gtest.h>

#include "cq/base/files.h"

namespace cq {
namespace {

TEST(Transient, WhatOthersUseUpOrDoesNotAnswerMayPass) {
  for (const int number : {ENOMEM, EMFILE, ENFILE, EAGAIN, EIO, ESTALE, ETIMEDOUT, EBUSY}) {
    EXPECT_TRUE(is_transient(number)) << number;
    EXPECT_THROW(throw_file_error("cannot write", "x", number), TransientError) << number;
    EXPECT_THROW(throw_read_error("x", number), TransientError) << number;
  }
  EXPECT_TRUE(is_transient(TransientError("busy")));
  EXPECT_TRUE(is_transient(std::bad_alloc()));
  EXPECT_TRUE(is_transient(std::filesystem::filesystem_error(
      "x", std::make_error_code(std::errc::too_many_files_open))));
}

TEST(Transient, WhatWouldComeAgainIsNone) {
  for (const int number : {ENOENT, EACCES, ENOSPC, EROFS, EISDIR, EINVAL, ENAMETOOLONG}) {
    EXPECT_FALSE(is_transient(number)) << number;
    try {
      throw_file_error("cannot write", "x", number);
    } catch (const std::exception& error) {
      EXPECT_FALSE(is_transient(error)) << number;
    }
  }
  EXPECT_FALSE(is_transient(RunError("NaN in a network")));
  EXPECT_FALSE(is_transient(UsageError("wrong")));
  EXPECT_FALSE(is_transient(std::logic_error("a fault of the program")));
}

}  // namespace
}  // namespace cq
