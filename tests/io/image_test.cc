#include "cq/core/io/image.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "cq/base/error.h"
#include "cq/core/io/image_header.h"
#include "tests/io/temp_folder.h"

namespace cq {
namespace {

using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

at::Tensor gradient(int64_t height, int64_t width) {
  return at::arange(height * width * 3).remainder(251).to(at::kByte).reshape({height, width, 3});
}

TEST(Image, png_round_trip_and_its_channel_order) {
  const TempFolder folder;
  const at::Tensor image = gradient(5, 7);
  write_png(folder / "x.png", image);
  EXPECT_TRUE(at::equal(read_image(folder / "x.png"), image));
  // One red pixel, written by another encoder (Pillow).
  const std::string red(
      "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\b\2\0\0\0\x90wS\xde\0\0\0\x0cIDATx\x9c"
      "c\xf8\xcf\xc0\0\0\3\1\1\0\xc9\xfe\x92\xef\0\0\0\0IEND\xae"
      "B`\x82",
      69);
  const at::Tensor pixel =
      decode_image({reinterpret_cast<const uint8_t*>(red.data()), red.size()}, "red");
  EXPECT_TRUE(at::equal(pixel.flatten(), at::zeros({3}, at::kByte)
                                             .index_put_({at::zeros({1}, at::kLong)},
                                                         at::full({1}, 255, at::kByte))));
}

std::string refusal(const std::vector<uint8_t>& bytes) {
  try {
    decode_image(bytes, "x.png");
  } catch (const RunError& error) {
    EXPECT_THAT(error.what(), HasSubstr("x.png: "));
    return error.what();
  }
  return "accepted";
}

TEST(Image, refuses_damaged_cut_off_and_huge_images) {
  const std::vector<uint8_t> good = encode_png(gradient(40, 40));
  EXPECT_EQ(refusal(good), "accepted");
  EXPECT_THAT(refusal({}), HasSubstr("no PNG"));
  EXPECT_THAT(refusal({good.begin(), good.end() - 20}), HasSubstr("cut off"));
  std::vector<uint8_t> flipped = good;
  flipped[good.size() / 2] ^= 1;
  EXPECT_THAT(refusal(flipped), HasSubstr("damaged"));
  std::vector<uint8_t> huge = good;
  huge[16] = huge[20] = 0x10;
  EXPECT_THAT(refusal(huge), HasSubstr("pixels"));
}

TEST(Image, writers_refuse_other_shapes) {
  EXPECT_THROW(encode_png(at::zeros({3, 4, 4}, at::kByte)), RunError);
  EXPECT_THROW(encode_png(at::zeros({4, 4, 3})), RunError);
  EXPECT_THROW(make_grid(at::zeros({4, 4, 3}, at::kByte), 2), RunError);
}

TEST(Image, grid_places_images_row_by_row) {
  const at::Tensor images = at::arange(3).to(at::kByte).reshape({3, 1, 1, 1}).expand({3, 2, 4, 3});
  const at::Tensor grid = make_grid(images, 2, 1);
  EXPECT_THAT(grid.sizes().vec(), ElementsAre(1 + 2 * 3, 1 + 2 * 5, 3));
  const auto at = [&](int64_t y, int64_t x) {
    return grid.select(0, y).select(0, x)[0].item<int>();
  };
  EXPECT_EQ(at(0, 0), 255);
  EXPECT_EQ(at(1, 1), 0);
  EXPECT_EQ(at(2, 6), 1);
  EXPECT_EQ(at(5, 4), 2);
  EXPECT_EQ(at(5, 6), 255) << "no fourth image";
}

}  // namespace
}  // namespace cq
