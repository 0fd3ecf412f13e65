#include "cq/core/kernels/peak.h"

#include "tests/core/kernels/kernel_cases.h"

namespace cq::kernels {
namespace {

TEST(Peak, TriadAddsAMultiple) {
  on_each_target([] {
    for (const int64_t count : {1, 15, 16, 33, 100}) {
      Draw draw(1);
      const auto b = draw.normal(count), c = draw.normal(count);
      std::vector<float> a(size_t(count + 1), 7);
      triad(a.data(), b.data(), c.data(), 3, count);
      for (size_t i = 0; i < size_t(count); ++i) EXPECT_NEAR(a[i], b[i] + 3 * c[i], 1e-6);
      EXPECT_EQ(a.back(), 7);
    }
  });
}

// The loops must do what they count: the float chains converge to y / (1 - x) = 1.
TEST(Peak, LoopsComputeWhatTheyCount) {
  on_each_target([] {
    const int64_t per_round = peak_operations(PeakKind::float32);
    EXPECT_NEAR(peak_loop(PeakKind::float32, 30000), double(per_round) / 2, 0.5);
    EXPECT_NE(peak_loop(PeakKind::int16, 1), peak_loop(PeakKind::int16, 2));
  });
}

}  // namespace
}  // namespace cq::kernels
