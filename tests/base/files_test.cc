#include "cq/base/files.h"

#include <csignal>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/base/temp_folder.h"

namespace cq {
namespace {

using cq::testing::list_folder;
using cq::testing::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

/// A file size limit fails as a full disk does, at any user's rights: writes beyond it give EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    rlimit limit = old_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

TEST(Files, WritesWholeFilesAndCreatesFolders) {
  const TempFolder folder;
  const std::string content("a\0b\n", 4);
  write_atomically(folder / "deep/er/file", content);
  EXPECT_EQ(read_text(folder / "deep/er/file"), content);
  EXPECT_THAT(list_folder(folder / "deep/er"), ElementsAre("file"));
}

TEST(Files, AFullDiskKeepsTheOldFileAndLeavesNothingElse) {
  const TempFolder folder;
  write_atomically(folder / "file", "old");
  {
    const FileSizeLimit limit(1000);
    EXPECT_THROW(write_atomically(folder / "file", std::string(5000, 'x')), StorageError);
  }
  EXPECT_EQ(read_text(folder / "file"), "old");
  EXPECT_THAT(list_folder(folder.path()), ElementsAre("file"));
}

TEST(Files, ErrorsNameTheFile) {
  const TempFolder folder;
  EXPECT_THAT([&] { read_text(folder / "missing"); },
              ThrowsMessage<RunError>(HasSubstr("missing: No such file")));
  EXPECT_THAT([&] { read_text(folder.path()); },
              ThrowsMessage<RunError>(HasSubstr("expected a file, found a folder")));
  EXPECT_THAT([&] { write_atomically("/proc/none/file", ""); },
              ThrowsMessage<RunError>(HasSubstr("/proc/none")));
  EXPECT_THROW(throw_file_error("cannot write", "f", EROFS), StorageError);
  EXPECT_THROW(throw_file_error("cannot write", "f", EIO), RunError);
}

TEST(Files, WriteIfChangedSparesEqualContent) {
  const TempFolder folder;
  EXPECT_TRUE(write_if_changed(folder / "f", "one"));
  EXPECT_FALSE(write_if_changed(folder / "f", "one"));
  EXPECT_TRUE(write_if_changed(folder / "f", "two"));
  EXPECT_EQ(read_text(folder / "f"), "two");
}

TEST(Files, StagedFilesAppearOnCommitOnly) {
  const TempFolder folder;
  {
    StagedFile abandoned(folder / "a");
    std::ofstream(abandoned.path()) << "half";
  }
  EXPECT_THAT(list_folder(folder.path()), IsEmpty());
  StagedFile kept(folder / "a");
  std::ofstream(kept.path()) << "whole";
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
  kept.commit();
  EXPECT_EQ(read_text(folder / "a"), "whole");
}

TEST(Files, OnlyOldTemporariesOfKilledWritersAreRemoved) {
  const TempFolder folder;
  const auto old = temporary_beside(folder / "plan.json");
  const auto fresh = temporary_beside(folder / "plan.json");
  for (const auto& path : {old, fresh, folder.path() / ".hidden"}) std::ofstream(path) << "x";
  std::filesystem::last_write_time(
      old, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  std::filesystem::last_write_time(
      folder / ".hidden", std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  remove_abandoned_temporaries(folder.path(), std::chrono::minutes(10));
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_TRUE(std::filesystem::exists(fresh));
  EXPECT_TRUE(std::filesystem::exists(folder / ".hidden"));
}

TEST(Files, TheFirstStagedFolderStays) {
  const TempFolder folder;
  { StagedFolder abandoned(folder / "x"); }
  EXPECT_THAT(list_folder(folder.path()), IsEmpty());
  StagedFolder first(folder / "x");
  StagedFolder second(folder / "x");
  write_atomically(first.path() / "by", "first");
  write_atomically(second.path() / "by", "second");
  EXPECT_TRUE(first.commit());
  EXPECT_FALSE(second.commit());
  EXPECT_EQ(read_text(folder / "x/by"), "first");
  EXPECT_THAT(list_folder(folder.path()), ElementsAre("x"));
  EXPECT_EQ(folder_bytes(folder.path()), 5);
}

}  // namespace
}  // namespace cq
