#include "cq/core/io/trajectory.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/var.h>
#include <gmock/gmock.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/core/io/step_similarity.h"
#include "tests/io/full_disk.h"
#include "tests/io/temp_folder.h"

namespace cq {
namespace {

using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

const TrajectoryMeta kMeta{"ldm-cifar10", "ddim", 3, 17, "name: größe\n"};

// Distinct small values that float16 holds exactly.
at::Tensor feature(int64_t step, int64_t first, int64_t samples) {
  return at::arange(first * 24, (first + samples) * 24, at::kFloat).reshape({samples, 4, 2, 3}) /
             8 -
         step;
}

void write(const std::filesystem::path& path, at::ScalarType type) {
  TrajectoryWriter writer(path, kMeta, {999, 500, 1}, type);
  for (int64_t step = 0; step < 3; ++step) {
    writer.append("up.1", step, feature(step, 0, 2));
    writer.append("blocks", step, feature(step, 0, 2).reshape({2, 12, 2}));
  }
  for (int64_t step = 0; step < 3; ++step) {
    writer.append("up.1", step, feature(step, 2, 1));
    writer.append("blocks", step, feature(step, 2, 1).reshape({1, 12, 2}));
  }
  writer.set_distance("l1", at::ones({3, 3}));
  writer.set_distance("l1", at::arange(9, at::kDouble).reshape({3, 3}));
  writer.commit();
}

TEST(Trajectory, round_trip_in_slices) {
  const TempFolder folder;
  for (const at::ScalarType type : {at::kHalf, at::kFloat}) {
    write(folder / "t.h5", type);
    EXPECT_TRUE(is_trajectory(folder / "t.h5"));
    const TrajectoryFile file = TrajectoryFile::open(folder / "t.h5");
    EXPECT_EQ(file.meta().model, kMeta.model);
    EXPECT_EQ(file.meta().seed, 17);
    EXPECT_EQ(file.meta().config, kMeta.config);
    EXPECT_THAT(file.timesteps(), ElementsAre(999, 500, 1));
    EXPECT_THAT(file.layers(), ElementsAre("blocks", "up.1"));
    EXPECT_THAT(file.metrics(), ElementsAre("l1"));
    EXPECT_THAT(file.shape("up.1"), ElementsAre(3, 3, 4, 2, 3));
    EXPECT_EQ(file.read("up.1", 2, 1, 3).scalar_type(), type);
    EXPECT_TRUE(at::equal(file.read("up.1", 2, 1, 3).to(at::kFloat), feature(2, 1, 2)));
    EXPECT_TRUE(at::equal(file.distance("l1"), at::arange(9, at::kDouble).reshape({3, 3})));
    EXPECT_THROW(file.read("up.1", 3, 0, 1), RunError);
    EXPECT_THROW(file.read("up.1", 0, 2, 4), RunError);
    EXPECT_THROW(file.shape("down"), RunError);
    EXPECT_EQ(folder.entries(), 1u);
  }
}

TEST(Trajectory, moments_are_those_of_all_samples_together) {
  const TempFolder folder;
  write(folder / "t.h5", at::kHalf);
  const TrajectoryMoments moments = TrajectoryFile::open(folder / "t.h5").moments("up.1");
  for (int64_t step = 0; step < 3; ++step) {
    const at::Tensor all = feature(step, 0, 3).to(at::kDouble);
    EXPECT_EQ(moments.count[step].item<int64_t>(), 3 * 2 * 3);
    EXPECT_TRUE(at::allclose(moments.mean[step], all.mean({0, 2, 3})));
    EXPECT_TRUE(at::allclose(moments.variance[step], at::var(all, {0, 2, 3}, false)));
  }
}

TEST(Trajectory, a_complete_file_can_be_appended_to) {
  const TempFolder folder;
  write(folder / "t.h5", at::kFloat);
  TrajectoryWriter writer = TrajectoryWriter::append_to(folder / "t.h5");
  for (int64_t step = 0; step < 3; ++step) {
    writer.append("up.1", step, feature(step, 3, 2));
  }
  writer.commit();
  const TrajectoryFile file = TrajectoryFile::open(folder / "t.h5");
  EXPECT_TRUE(at::equal(file.read("up.1", 1, 0, 5), feature(1, 0, 5)));
  EXPECT_TRUE(at::allclose(file.moments("up.1").variance[1],
                           at::var(feature(1, 0, 5).to(at::kDouble), {0, 2, 3}, false)));
  EXPECT_EQ(file.shape("blocks")[1], 3);
}

TEST(Trajectory, refuses_what_it_cannot_hold) {
  const TempFolder folder;
  EXPECT_THROW(TrajectoryWriter(folder / "t.h5", kMeta, {1, 2}, at::kHalf), UsageError);
  EXPECT_THROW(TrajectoryWriter(folder / "t.h5", kMeta, {1, 2, 3}, at::kDouble), UsageError);
  {
    TrajectoryWriter writer(folder / "t.h5", kMeta, {999, 500, 1}, at::kHalf);
    EXPECT_THROW(writer.append("a", 0, at::full({1, 2, 2, 2}, 70000.0)), RunError);
    EXPECT_THROW(writer.append("a", 0, at::full({1, 2, 2, 2}, NAN)), RunError);
    EXPECT_THROW(writer.append("a", 3, feature(0, 0, 1)), UsageError);
    EXPECT_THROW(writer.append("a/b", 0, feature(0, 0, 1)), UsageError);
    EXPECT_THROW(writer.append("a", 0, at::ones({2, 2})), UsageError);
    writer.append("b", 0, feature(0, 0, 1));
    EXPECT_THROW(writer.append("b", 0, at::ones({1, 2, 2, 2})), RunError);
    EXPECT_THROW(writer.commit(), RunError) << "one step only";
  }
  EXPECT_EQ(folder.entries(), 0u);
  test::write_text(folder / "x.h5", "no HDF5");
  EXPECT_THROW(TrajectoryFile::open(folder / "x.h5"), RunError);
  EXPECT_FALSE(is_trajectory(folder / "x.h5"));
}

TEST(Trajectory, full_disk_is_a_storage_error_that_leaves_nothing) {
  const TempFolder folder;
  const test::FullDisk full(40000);
  EXPECT_THROW(
      {
        TrajectoryWriter writer(folder / "t.h5", kMeta, {999, 500, 1}, at::kFloat);
        for (int64_t step = 0; step < 3; ++step) {
          writer.append("a", step, at::arange(1000000, at::kFloat).sin().reshape({10, 4, 25000}));
        }
        writer.commit();
      },
      StorageError);
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(StepSimilarity, is_the_cosine) {
  const TempFolder folder;
  TrajectoryWriter writer(folder / "t.h5", {"m", "s", 2, 0, ""}, {1, 0}, at::kFloat);
  // Two samples of one channel and two positions: (3, 0 | 0, 4) and (0, 0 | 0, 5).
  writer.append("a", 0,
                at::stack({at::arange(2).mul(-3).add(3), at::arange(2).mul(4)})
                    .to(at::kFloat)
                    .reshape({2, 1, 1, 2}));
  writer.append(
      "a", 1,
      at::stack({at::arange(2).mul(0), at::arange(2).mul(5)}).to(at::kFloat).reshape({2, 1, 1, 2}));
  writer.commit();
  const at::Tensor s = step_similarity(TrajectoryFile::open(folder / "t.h5"), "a");
  EXPECT_NEAR(s[0][1].item<double>(), 20.0 / (5 * 5), 1e-12);
  EXPECT_NEAR(s[1][1].item<double>(), 1, 1e-12);
}

}  // namespace
}  // namespace cq
