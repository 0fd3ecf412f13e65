#include "cq/experiments/harness/cell.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/base/json.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;
using testing::TempFolder;

TEST(CellNames, SayWhatDiffers) {
  EXPECT_THAT(
      cell_names({{"model=ldm", "cache=dps", "cache.interval=10"},
                  {"model=ldm", "cache=dps", "cache.interval=20"},
                  {"model=ldm", "cache=none", "cache.interval=10"}}),
      ElementsAre("cache=dps,interval=10", "cache=dps,interval=20", "cache=none,interval=10"));
  EXPECT_THAT(cell_names({{}}), ElementsAre("base"));
  EXPECT_THAT(cell_names({{"seed=1"}}), ElementsAre("seed=1"));
}

TEST(CellNames, KeepWholeKeysWhereTheirEndsAreTheSame) {
  EXPECT_THAT(cell_names({{"a.x=1", "b.x=1"}, {"a.x=2", "b.x=2"}}),
              ElementsAre("a.x=1,b.x=1", "a.x=2,b.x=2"));
}

TEST(CellNames, AreSafeAndUniqueWhateverTheValues) {
  const std::string long_value(300, 'v');
  const auto names = cell_names({{"p=a/b"}, {"p=a b"}, {"p=A_b"}, {"p=../x"}, {"p=" + long_value}});
  std::set<std::string> unique(names.begin(), names.end());
  EXPECT_EQ(unique.size(), 5u);
  for (const auto& name : names) {
    EXPECT_LE(name.size(), 120u);
    EXPECT_EQ(name.find_first_of("/ "), std::string::npos);
    EXPECT_THAT(name, StartsWith("p="));
  }
}

TEST(PublishedCells, AreReadBackAndReplaceEarlierFiles) {
  const TempFolder folder;
  write_atomically(folder / "one/metrics.json", "{}");
  write_atomically(folder / "one/grid.png", "old");
  publish_cell(folder / "one", folder / "cell", {"key1", "config1"});
  write_atomically(folder / "cell/log.txt", "stays");
  EXPECT_EQ(read_published(folder / "cell")->key, "key1");
  write_atomically(folder / "two/metrics.json", "{\"a\":1}");
  publish_cell(folder / "two", folder / "cell", {"key2", "config2"});
  EXPECT_EQ(read_published(folder / "cell")->key, "key2");
  EXPECT_THAT(testing::list_folder(folder / "cell"),
              ElementsAre("cell.json", "log.txt", "metrics.json"));
}

TEST(PublishedCells, CountOnlyWhenWhole) {
  const TempFolder folder;
  write_atomically(folder / "empty/other", "");
  EXPECT_THROW(publish_cell(folder / "empty", folder / "cell", {"k", "c"}), RunError);
  EXPECT_FALSE(read_published(folder / "cell"));
  write_atomically(folder / "one/metrics.json", "{}");
  publish_cell(folder / "one", folder / "cell", {"k", "c"});
  std::filesystem::remove(folder / "cell/metrics.json");
  EXPECT_FALSE(read_published(folder / "cell"));
  write_atomically(folder / "cell/metrics.json", "{}");
  write_atomically(folder / "cell/cell.json", "{\"key\": ");
  EXPECT_FALSE(read_published(folder / "cell"));
}

}  // namespace
}  // namespace cq
