#include "cq/core/quant/sliced_attention.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

namespace cq {
namespace {

constexpr int64_t kBatch = 2, kHeads = 3, kWidth = 8, kTokens = 40;

/// [B, n, heads d] as [B, heads, n, d].
at::Tensor heads_of(const at::Tensor& x) {
  return x.view({kBatch, -1, kHeads, kWidth}).permute({0, 2, 1, 3});
}

/// Weights and result of attention in one piece, in float64.
struct Whole {
  at::Tensor weights, out;
};
Whole whole(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto queries = heads_of(q).to(at::kDouble), keys = heads_of(k).to(at::kDouble);
  const auto scores = at::matmul(queries, keys.permute({0, 1, 3, 2})) / 2.8284271247461903;
  const auto e = (scores - scores.amax({-1}, true)).exp();
  const auto weights = e / e.sum({-1}, true);
  const auto out = at::matmul(weights, heads_of(v).to(at::kDouble)).permute({0, 2, 1, 3});
  return {weights, out.reshape({kBatch, -1, kHeads * kWidth})};
}

class SlicedAttention : public testing::TestWithParam<int64_t> {
 protected:
  at::Tensor tokens(int64_t n) { return at::randn({kBatch, n, kHeads * kWidth}); }
  double distance(const at::Tensor& a, const at::Tensor& b) {
    return (a.to(at::kDouble) - b).abs().max().item<double>();
  }
  c10::NoGradGuard no_grad_;
};

TEST_P(SlicedAttention, IsThatOfTheWhole) {
  for (const int64_t others : {kTokens, int64_t(11)}) {
    const auto q = tokens(kTokens), k = tokens(others), v = tokens(others);
    const auto expected = whole(q, k, v);
    std::vector<at::Tensor> seen;
    const int64_t most = GetParam() * kTokens * others;
    const auto out = sliced_attention(
        q, k, v, kHeads,
        [&](at::Tensor weights) {
          EXPECT_LE(weights.size(0), std::max<int64_t>(1, GetParam()));
          seen.push_back(weights);
          return weights;
        },
        most);
    EXPECT_LT(distance(out, expected.out), 2e-6);
    EXPECT_LT(distance(at::cat(seen, 0).view_as(expected.weights), expected.weights), 1e-6);
  }
}

TEST_P(SlicedAttention, MultipliesWhatItIsGiven) {
  const auto q = tokens(kTokens), k = tokens(kTokens), v = tokens(kTokens);
  const auto halved = [](const at::Tensor& weights) { return weights * 0.5; };
  const auto out = sliced_attention(q, k, v, kHeads, halved, GetParam() * kTokens * kTokens);
  EXPECT_LT(distance(out, whole(q, k, v).out * 0.5), 2e-6);
}

/// Heads at once: fewer than one, one, some that do not divide the six, all.
INSTANTIATE_TEST_SUITE_P(Heads, SlicedAttention, testing::Values(0, 1, 4, 6));

// At the size that is sliced in use: the bits do not depend on slices and threads.
TEST(SlicedAttentionOf4096Tokens, HasTheBitsOfTheWhole) {
  const c10::NoGradGuard no_grad;
  const int threads = at::get_num_threads();
  const auto q = at::randn({1, 4096, 80}), k = at::randn({1, 4096, 80}),
             v = at::randn({1, 4096, 80});
  const auto same = [](const at::Tensor& weights) { return weights; };
  at::set_num_threads(1);
  const auto all = sliced_attention(q, k, v, 2, same, 2 * 4096 * 4096);
  for (const int n : {1, 2, 3}) {
    at::set_num_threads(n);
    EXPECT_TRUE(at::equal(sliced_attention(q, k, v, 2, same), all)) << n << " threads";
  }
  at::set_num_threads(threads);
}

}  // namespace
}  // namespace cq
