#include "cq/experiments/harness/provenance.h"

#include <gtest/gtest.h>

#include "cq/base/json.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

TEST(Provenance, DescribesBuildAndMachine) {
  const auto description = collect_provenance({.version = "0.1.0",
                                               .revision = "abc",
                                               .dirty = true,
                                               .compiler = "g++",
                                               .libraries = {{"libtorch", "2.11.0"}},
                                               .device = "cpu",
                                               .threads = 2,
                                               .hashes = {{"weights", "00"}}});
  EXPECT_EQ(description["libraries"]["libtorch"], "2.11.0");
  EXPECT_TRUE(description["dirty"]);
  EXPECT_FALSE(description["cpu"].get<std::string>().empty());
#if defined(__x86_64__)
  const auto features = description["cpu_features"].get<std::vector<std::string>>();
  const bool avx2 = std::find(features.begin(), features.end(), "avx2") != features.end();
  EXPECT_EQ(avx2, __builtin_cpu_supports("avx2") != 0);
#endif
}

TEST(Provenance, KeepsEarlierRunsAndIgnoresIdleOnes) {
  const testing::TempFolder folder;
  const auto finish = [&](int number, const std::string& reason, bool did_something) {
    ProvenanceFile(folder / "provenance.json", {{"version", number}}).finish(reason, did_something);
  };
  finish(1, "done", false);
  finish(2, "failed", true);
  finish(3, "done", false);
  finish(4, "done", true);
  const auto record = read_json(folder / "provenance.json");
  EXPECT_EQ(record["version"], 4);
  EXPECT_EQ(record["exit_reason"], "done");
  ASSERT_EQ(record["earlier"].size(), 2u);
  EXPECT_EQ(record["earlier"][0]["version"], 2);
  EXPECT_EQ(record["earlier"][0]["exit_reason"], "failed");
  ProvenanceFile(folder / "none.json", nullptr).finish("done", true);
  EXPECT_FALSE(std::filesystem::exists(folder / "none.json"));
}

}  // namespace
}  // namespace cq
