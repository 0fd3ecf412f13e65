#include "cq/core/kernels/softmax.h"

#include "tests/core/kernels/kernel_cases.h"

namespace cq::kernels {
namespace {

constexpr CodeRange kRange{255.0F / 0.6F, 0, 255};

TEST(Softmax, SumsWithColumnTerms) {
  on_each_target([] {
    Draw draw(1);
    for (const int64_t columns : kWidths) {
      const int64_t blocks = 2, queries = 3, rows = blocks * queries, stride = columns + 1;
      const auto sums = draw.whole<int32_t>(rows * stride, -60000, 60000);
      const auto terms = draw.whole<int32_t>(blocks * columns, -30000, 30000);
      for (const bool with_terms : {false, true}) {
        CodeBuffer fast(rows, columns), plain(rows, columns);
        auto work = sums;
        Softmax s;
        s.sums = {work.data(), stride};
        s.columns = columns;
        s.rows_per_block = queries;
        if (with_terms) s.column_terms = rows_of(terms, columns);
        s.factor = 5e-5F;
        s.out = plain.output(kRange);
        softmax_reference(s, 0, rows);
        s.out = fast.output(kRange);
        softmax(s, 0, 2);
        softmax(s, 2, rows);
        expect_same_codes(fast, plain, s.out);
        for (int64_t r = 0; r < rows; ++r) {
          const auto past = size_t(r * stride + columns);
          EXPECT_EQ(work[past], sums[past]) << "written past a row of scores";
        }
      }
    }
  });
}

TEST(Softmax, Floats) {
  on_each_target([] {
    Draw draw(2);
    for (const int64_t columns : kWidths) {
      const auto scores = draw.normal(4 * columns, 20, 300);
      CodeBuffer fast(4, columns), plain(4, columns);
      auto work = scores;
      Softmax s;
      s.scores = {work.data(), columns};
      s.columns = columns;
      s.factor = 0.125F;
      s.out = plain.output({1 / 0.03F, 4, 15}, true);
      softmax_reference(s, 0, 4);
      s.out = fast.output({1 / 0.03F, 4, 15}, true);
      softmax(s, 0, 4);
      expect_same_codes(fast, plain, s.out);
    }
  });
}

TEST(Softmax, ExtremeScores) {
  on_each_target([] {
    // One key takes everything; or all share alike (by hand).
    std::vector<int32_t> sums{-2000000, 8000000, -8000000, 0, 5, 5, 5, 5};
    CodeBuffer fast(2, 4);
    Softmax s;
    s.sums = {sums.data(), 4};
    s.columns = 4;
    s.factor = 0.01F;
    s.out = fast.output({255.0F, 0, 255});
    softmax(s, 0, 2);
    const std::vector<int> want{0, 255, 0, 0, 64, 64, 64, 64};  // 255 / 4 = 63.75
    for (int64_t i = 0; i < 8; ++i) {
      EXPECT_EQ(int(fast.codes[size_t(i / 4 * fast.stride + i % 4)]), want[size_t(i)]) << i;
    }
  });
}

}  // namespace
}  // namespace cq::kernels
