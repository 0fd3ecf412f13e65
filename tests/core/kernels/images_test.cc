#include "cq/core/kernels/images.h"

#include "tests/core/kernels/kernel_cases.h"

namespace cq::kernels {
namespace {

TEST(Upsample, RepeatsEachPositionFourTimes) {
  Draw draw(1);
  for (const int64_t channels : kWidths) {
    const int64_t images = 2, height = 3, width = 5, stride = channels + 4;
    const auto in = draw.whole<uint8_t>(images * height * width * channels, 0, 255);
    std::vector<uint8_t> fast(size_t(images * 4 * height * width * stride), 0xAB), plain = fast;
    Upsample u{rows_of(in, channels), {plain.data(), stride}, channels, width};
    upsample_reference(u, 0, images * 2 * height);
    u.out.data = fast.data();
    upsample(u, 0, 3);
    upsample(u, 3, images * 2 * height);
    EXPECT_EQ(fast, plain);
    // By hand: position (y, x) of the second image.
    const int64_t y = 4, x = 7, out = ((height * 2 + y) * 2 * width + x) * stride;
    EXPECT_EQ(fast[size_t(out)], in[size_t(((height + y / 2) * width + x / 2) * channels)]);
  }
}

TEST(WindowSums, GeometriesOfConvolutions) {
  Draw draw(2);
  for (int i = 0; i < 300; ++i) {
    WindowSums w;
    w.height = draw.one(1, 9);
    w.width = draw.one(1, 40);
    w.kernel_height = draw.one(1, 4);
    w.kernel_width = draw.one(1, 4);
    w.stride = draw.one(1, 3);
    w.pad_top = draw.one(0, 2);
    w.pad_left = draw.one(0, 2);
    const int64_t pad_bottom = draw.one(0, 2), pad_right = draw.one(0, 2);
    w.out_height = (w.height + w.pad_top + pad_bottom - w.kernel_height) / w.stride + 1;
    w.out_width = (w.width + w.pad_left + pad_right - w.kernel_width) / w.stride + 1;
    if (w.height + w.pad_top + pad_bottom < w.kernel_height ||
        w.width + w.pad_left + pad_right < w.kernel_width) {
      continue;
    }
    const int64_t images = 2;
    const auto in = draw.whole<int32_t>(images * w.height * w.width, -100000, 100000);
    std::vector<int32_t> fast(size_t(images * w.out_height * w.out_width), -5), plain = fast;
    w.in = in.data();
    w.out = plain.data();
    window_sums_reference(w, 0, images * w.out_height);
    w.out = fast.data();
    window_sums(w, 0, 1);
    window_sums(w, 1, images * w.out_height);
    ASSERT_EQ(fast, plain) << "case " << i;
  }
}

// 3x3 ones over a 3x3 image of ones, padding 1: 4 in corners, 6 at edges, 9 inside.
TEST(WindowSums, PaddingCountsNothing) {
  const std::vector<int32_t> in(9, 1);
  std::vector<int32_t> out(9, 0);
  window_sums({in.data(), out.data(), 3, 3, 3, 3, 3, 3, 1, 1, 1}, 0, 3);
  EXPECT_EQ(out, (std::vector<int32_t>{4, 6, 4, 6, 9, 6, 4, 6, 4}));
}

}  // namespace
}  // namespace cq::kernels
