#include "cq/core/io/npz.h"

#include <algorithm>

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "cq/base/error.h"
#include "tests/io/full_disk.h"
#include "tests/io/temp_folder.h"

namespace cq {
namespace {

using test::TempFolder;
using testing::ElementsAre;

TEST(Npz, round_trip_stored_and_deflated) {
  const TempFolder folder;
  const at::Tensor images = at::arange(2 * 4 * 4 * 3).to(at::kByte).reshape({2, 4, 4, 3});
  const at::Tensor labels = at::arange(2, at::kLong);
  for (const bool compressed : {false, true}) {
    write_npz(folder / "x.npz", {{"arr_0", images}, {"arr_1", labels}}, compressed);
    const Npz npz = Npz::open(folder / "x.npz");
    EXPECT_THAT(npz.names(), ElementsAre("arr_0", "arr_1"));
    EXPECT_EQ(npz.info("arr_0"), (TensorInfo{"U8", {2, 4, 4, 3}}));
    EXPECT_TRUE(at::equal(npz.tensor("arr_0"), images));
    EXPECT_TRUE(at::equal(npz.tensor("arr_1"), labels));
    EXPECT_THROW(npz.tensor("arr_2"), RunError);
  }
}

TEST(Npz, equal_arrays_give_equal_files) {
  const TempFolder folder;
  for (const char* name : {"a.npz", "b.npz"})
    write_npz(folder / name, {{"x", at::ones({9})}}, true);
  EXPECT_EQ(test::read_text(folder / "a.npz"), test::read_text(folder / "b.npz"));
}

TEST(Npz, a_flipped_bit_in_the_data_is_found) {
  const TempFolder folder;
  write_npz(folder / "x.npz", {{"x", at::full({1000}, 7, at::kByte)}});
  std::string text = test::read_text(folder / "x.npz");
  text[text.find(std::string(900, '\7')) + 450] = '\6';
  test::write_text(folder / "x.npz", text);
  const Npz npz = Npz::open(folder / "x.npz");
  EXPECT_THROW(npz.tensor("x"), RunError);
}

TEST(Npz, failures_leave_nothing) {
  const TempFolder folder;
  EXPECT_THROW(write_npz(folder / "x.npz", {{"x", at::ones({1}, at::kBFloat16)}}), RunError);
  EXPECT_THROW(write_npz(folder / "x.npz", {{"x", at::ones({1})}, {"x", at::ones({1})}}), RunError);
  const test::FullDisk full(10000);
  EXPECT_THROW(write_npz(folder / "x.npz", {{"x", at::ones({10000})}}), RunError);
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(ZipArchive, refuses_a_bomb_and_cut_off_files) {
  const TempFolder folder;
  write_npz(folder / "bomb.npz", {{"x", at::zeros({300 << 20}, at::kByte)}}, true);
  try {
    ZipArchive::open(folder / "bomb.npz");
    FAIL() << "accepted";
  } catch (const RunError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("'x.npy' expands from"));
  }
  write_npz(folder / "x.npz", {{"x", at::ones({1000})}});
  const std::string text = test::read_text(folder / "x.npz");
  test::write_text(folder / "x.npz", text.substr(0, text.size() / 2));
  EXPECT_THROW(ZipArchive::open(folder / "x.npz"), RunError);
  EXPECT_THROW(ZipArchive::open(folder / "missing.zip"), RunError);
}

}  // namespace
}  // namespace cq
