#include "cq/core/io/mapped_file.h"

#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/io/temp_folder.h"

namespace cq {
namespace {

constexpr size_t kSize = size_t(24) << 20;

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

class MappedPages : public ::testing::Test {
 protected:
  MappedPages() {
    std::string text(kSize, '\0');
    for (size_t i = 0; i < kSize; ++i) text[i] = value(i);
    test::write_text(folder_ / "x", text);
    file_ = MappedFile::open(folder_ / "x");
  }
  static char value(size_t i) { return char(i * 7 + i / 4096); }
  bool unchanged() const {
    for (size_t i = 0; i < kSize; ++i) {
      if (char(file_->bytes()[i]) != value(i)) return false;
    }
    return true;
  }
  test::TempFolder folder_;
  std::shared_ptr<MappedFile> file_;
};

TEST_F(MappedPages, GiveTheirMemoryBackAndAreReadAgain) {
  ASSERT_TRUE(unchanged());
  const int64_t before = resident_bytes();
  release_mapped_pages(file_->data() + 100, kSize - 100);
  EXPECT_LT(resident_bytes(), before - int64_t(kSize) * 8 / 10);
  EXPECT_TRUE(unchanged());
}

TEST_F(MappedPages, ThatWereWrittenToStay) {
  file_->data()[5000] = 1;
  release_mapped_pages(file_->data(), kSize);
  EXPECT_EQ(file_->bytes()[5000], 1);
}

TEST_F(MappedPages, OtherMemoryIsLeftAlone) {
  std::vector<uint8_t> heap(kSize, 9);
  release_mapped_pages(heap.data(), heap.size());
  EXPECT_EQ(std::count(heap.begin(), heap.end(), 9), std::ptrdiff_t(kSize));
  // Beyond the file's end.
  release_mapped_pages(file_->data() + kSize - 10, 1 << 20);
  EXPECT_TRUE(unchanged());
}

}  // namespace
}  // namespace cq
