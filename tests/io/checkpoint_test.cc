#include "cq/core/io/checkpoint.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/io/trajectory.h"
#include "tests/io/temp_folder.h"

namespace cq {
namespace {

TEST(Checkpoint, a_trajectory_is_opened_by_its_content) {
  const test::TempFolder folder;
  const auto feature = at::arange(8, at::kFloat).reshape({1, 2, 2, 2});
  TrajectoryWriter writer(folder / "t.bin", {"m", "ddim", 2, 0, "{}"}, {9, 1}, at::kFloat);
  for (int64_t step = 0; step < 2; ++step) writer.append("cut.0", step, feature + step);
  writer.commit();
  const auto file = open_checkpoint(folder / "t.bin");
  EXPECT_EQ(file->format(), "hdf5");
  const auto value = file->tensor("features/cut.0");
  EXPECT_EQ(value.sizes(), (std::vector<int64_t>{2, 1, 2, 2, 2}));
  EXPECT_TRUE(at::equal(value[1], feature + 1));
}

TEST(Checkpoint, safetensors_under_another_name) {
  const test::TempFolder folder;
  write_safetensors(folder / "w.pt", {{"a", at::ones({3})}});
  EXPECT_EQ(open_checkpoint(folder / "w.pt")->format(), "safetensors");
}

TEST(Checkpoint, says_what_it_can_read) {
  const test::TempFolder folder;
  write_atomically(folder / "x", "neither this nor that");
  try {
    open_checkpoint(folder / "x");
    FAIL() << "opened";
  } catch (const RunError& error) {
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("/x:"), testing::HasSubstr("HDF5"),
                                             testing::HasSubstr("safetensors")));
  }
}

}  // namespace
}  // namespace cq
