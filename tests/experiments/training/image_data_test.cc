#include "cq/experiments/training/image_data.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/io/image.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

using cq::testing::TempFolder;

void write_grey(const std::filesystem::path& file, int level, int64_t size = 4) {
  std::filesystem::create_directories(file.parent_path());
  write_png(file, at::full({size, size, 3}, level, at::kByte));
}

TEST(ImageData, FolderIsReadByClassInAlphabeticalOrder) {
  const TempFolder folder;
  write_grey(folder / "train/dog/1.png", 30);
  write_grey(folder / "train/cat/2.png", 20);
  write_grey(folder / "train/cat/1.png", 10);
  write_grey(folder / "test/cat/1.png", 99);
  const auto data = read_image_data(folder.path(), "train");
  EXPECT_EQ(data.classes, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_TRUE(at::equal(data.labels, at::tensor({0, 0, 1}, at::kLong)));
  EXPECT_EQ(data.images.sizes(), (std::vector<int64_t>{3, 3, 4, 4}));
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(data.images[i].min().item<int64_t>(), 10 * (i + 1));
    EXPECT_EQ(data.images[i].max().item<int64_t>(), 10 * (i + 1));
  }
}

TEST(ImageData, CacheFollowsTheFolder) {
  const TempFolder folder;
  const auto images = folder / "images", cache = folder / "cache";
  write_grey(images / "train/cat/1.png", 10);
  EXPECT_EQ(read_image_data(images, "train", cache).size(), 1);
  EXPECT_EQ(read_image_data(images, "train", cache).size(), 1);
  EXPECT_EQ(cq::testing::list_folder(cache).size(), 1u);
  write_grey(images / "train/cat/2.png", 20);
  EXPECT_EQ(read_image_data(images, "train", cache).size(), 2);
}

TEST(ImageData, TensorsComeBackAsTheyWereWritten) {
  const TempFolder folder;
  const ImageData data{at::arange(2 * 3 * 4 * 4, at::kByte).view({2, 3, 4, 4}),
                       at::tensor({1, 0}, at::kLong),
                       {"cat", "dog"}};
  write_image_data(folder / "a.safetensors", {{"train", data}});
  const auto back = read_image_data(folder / "a.safetensors", "train");
  EXPECT_TRUE(at::equal(back.images, data.images));
  EXPECT_TRUE(at::equal(back.labels, data.labels));
  EXPECT_EQ(back.classes, data.classes);
  EXPECT_THROW(read_image_data(folder / "a.safetensors", "test"), RunError);
}

TEST(ImageData, FaultsAreNamed) {
  const TempFolder folder;
  write_grey(folder / "train/cat/1.png", 10);
  write_grey(folder / "train/cat/2.png", 10, 5);
  const auto message = [&](const std::filesystem::path& path, const std::string& split) {
    try {
      read_image_data(path, split);
    } catch (const std::exception& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(message(folder.path(), "train").find("train/cat/2.png is 5 x 5"), std::string::npos);
  EXPECT_NE(message(folder.path(), "valid").find("valid/<class>/<image>"), std::string::npos);
  EXPECT_NE(message(folder / "absent", "train").find("set data.path"), std::string::npos);
  EXPECT_NE(message(folder / "train/cat/1.png", "train").find("1.png"), std::string::npos);
}

}  // namespace
}  // namespace cq
