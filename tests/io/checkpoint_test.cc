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

TEST(Checkpoint, a_folder_is_its_files_together) {
  const test::TempFolder folder;
  std::filesystem::create_directories(folder / "vae");
  write_safetensors(folder / "m-00001-of-00002.safetensors", {{"a", at::ones({3})}});
  write_safetensors(folder / "m-00002-of-00002.safetensors", {{"b", at::ones({4})}});
  write_safetensors(folder / "vae" / "m.safetensors", {{"a", at::zeros({2})}});
  const auto file = open_checkpoint(folder.path());
  EXPECT_THAT(file->names(), testing::ElementsAre("a", "b", "vae.a"));
  EXPECT_TRUE(at::equal(file->tensor("vae.a"), at::zeros({2})));
  write_safetensors(folder / "m-00002-of-00002.safetensors", {{"a", at::ones({4})}});
  EXPECT_THROW(open_checkpoint(folder.path()), RunError);
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
