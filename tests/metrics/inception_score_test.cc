#include "cq/metrics/numerics/inception_score.h"

#include <cmath>

#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "tests/metrics/golden.h"

namespace cq {
namespace {

TEST(InceptionScore, AgreesWithTorchFidelity) {
  const auto golden = testing::golden();
  const at::Tensor logits = testing::golden_array("logits", {203, 10});
  for (const auto& [name, seed] :
       {std::pair<const char*, std::optional<uint32_t>>{"is_none", std::nullopt},
        {"is_2020", 2020}}) {
    const Spread score = inception_score(logits, 10, seed);
    EXPECT_NEAR(score.mean, golden[name]["mean"].get<double>(), 1e-6) << name;
    EXPECT_NEAR(score.std, golden[name]["std"].get<double>(), 1e-6) << name;
  }
}

TEST(InceptionScore, CertainAndEvenPredictionsGiveTheNumberOfClasses) {
  at::Tensor logits = at::zeros({40, 4});
  for (int64_t i = 0; i < 40; ++i) logits[i][i % 4] = 1000;
  EXPECT_NEAR(inception_score(logits, 2, std::nullopt).mean, 4, 1e-12);
  EXPECT_NEAR(inception_score(at::zeros({40, 4}), 2, std::nullopt).mean, 1, 1e-12);
}

TEST(InceptionScore, RefusesMoreSplitsThanSamples) {
  EXPECT_THROW(inception_score(at::zeros({9, 4}), 10, std::nullopt), UsageError);
  EXPECT_THROW(inception_score(at::zeros({9}), 1, std::nullopt), UsageError);
}

}  // namespace
}  // namespace cq
