#include "cq/core/io/atomic_file.h"

#include <gmock/gmock.h>

#include "cq/base/error.h"
#include "tests/io/full_disk.h"
#include "tests/io/temp_folder.h"

namespace cq {
namespace {

using test::TempFolder;

TEST(AtomicFile, appears_only_when_committed) {
  const TempFolder folder;
  AtomicFile file(folder / "a.bin");
  file.write("12345");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.bin"));
  file.commit();
  EXPECT_EQ(test::read_text(folder / "a.bin"), "12345");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, leaves_nothing_without_commit_and_keeps_the_old_file) {
  const TempFolder folder;
  test::write_text(folder / "a.bin", "old");
  {
    AtomicFile file(folder / "a.bin");
    file.write("new");
  }
  EXPECT_EQ(test::read_text(folder / "a.bin"), "old");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, full_disk_is_an_error_that_leaves_nothing) {
  const TempFolder folder;
  const std::string text(100000, 'x');
  const test::FullDisk full(50000);
  try {
    AtomicFile file(folder / "a.bin");
    file.write(text);
    FAIL() << "wrote more than fits";
  } catch (const StorageError& error) {
    EXPECT_THAT(error.what(), testing::ContainsRegex("cannot write .*a.bin"));
  }
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(AtomicFile, refuses_devices_and_folders) {
  EXPECT_THROW(AtomicFile("/dev/null"), RunError);
  const TempFolder folder;
  EXPECT_THROW(AtomicFile(folder.path()), RunError);
}

}  // namespace
}  // namespace cq
