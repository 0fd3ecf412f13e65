#include "cq/core/kernels/int4.h"

#include "tests/core/kernels/kernel_cases.h"

namespace cq::kernels {
namespace {

TEST(UnpackInt4, EveryWidthAndZeroPoint) {
  on_each_target([] {
    Draw draw(1);
    for (const int64_t columns : {1, 2, 3, 16, 31, 32, 63, 64, 65, 127, 128, 129, 577}) {
      const int64_t rows = 16, bytes = (columns + 1) / 2, stride = columns + 2;
      const auto packed = draw.whole<uint8_t>(rows * bytes, 0, 255);
      std::vector<uint8_t> zeros;
      for (int64_t r = 0; r < rows; ++r) zeros.push_back(uint8_t(r));
      std::vector<int8_t> fast(size_t(rows * stride), 99), plain = fast;
      UnpackInt4 u{rows_of(packed, bytes), columns, zeros.data(), {plain.data(), stride}};
      unpack_int4_reference(u, 0, rows);
      u.out.data = fast.data();
      unpack_int4(u, 0, 5);
      unpack_int4(u, 5, rows);
      ASSERT_EQ(fast, plain) << columns;
    }
  });
}

TEST(UnpackInt4, ByHand) {
  const std::vector<uint8_t> packed{0xF0, 0x08};
  const uint8_t zero = 8;
  std::vector<int8_t> out(3, 0);
  unpack_int4({rows_of(packed, 2), 3, &zero, {out.data(), 3}}, 0, 1);
  EXPECT_EQ(out, (std::vector<int8_t>{-8, 7, 0}));
}

}  // namespace
}  // namespace cq::kernels
