#include "cq/core/weights.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"

namespace cq {
namespace {

TEST(Weights, NamesOfRowsFollowTheirLeafToNewMemory) {
  Weights weights(InitMode::random, 1);
  weights.add_rows({"q", "k", "v"}, {2, 3}, Init::fan(3));
  const auto& leaf = weights.leaves().front();
  // What `to` does on the way to a GPU; training then changes the leaf there.
  leaf.set_data(leaf.clone());
  leaf.copy_(at::arange(18, at::kFloat).view({6, 3}));
  const auto named = weights.named();
  ASSERT_EQ(named.size(), 3u);
  for (int64_t i = 0; i < 3; ++i) {
    const auto expected = at::arange(6 * i, 6 * i + 6, at::kFloat).view({2, 3});
    EXPECT_TRUE(at::equal(named[size_t(i)].value, expected)) << named[size_t(i)].name;
  }
}

TEST(Weights, NamesOfRowsShareMemoryWithTheLeaf) {
  Weights weights(InitMode::random, 1);
  const auto leaf = weights.add_rows({"q", "k"}, {1, 2}, Init::fan(2));
  weights.named()[1].value.fill_(7);
  EXPECT_TRUE(at::equal(leaf[1], at::full({2}, 7.0F)));
}

class Nothing : public WeightSource {
 public:
  std::vector<std::string> names() const override { return {}; }
  bool has(const std::string&) const override { return false; }
  at::Tensor get(const std::string& name) const override { throw RunError("no {}", name); }
  std::string description() const override { return "nothing"; }
};

TEST(Weights, WhatASourceLacksTakesNoMemory) {
  Weights weights(std::make_shared<Nothing>());
  const auto wide = weights.add("wide", {1 << 20, 1 << 10}, Init::zeros());
  const auto rows = weights.add_rows({"q", "k"}, {1 << 20, 1 << 10}, Init::zeros());
  EXPECT_EQ(wide.sizes(), (std::vector<int64_t>{1 << 20, 1 << 10}));
  EXPECT_LE(wide.storage().nbytes() + rows.storage().nbytes(), 64u);
  EXPECT_THROW(weights.check_complete(), RunError);
}

}  // namespace
}  // namespace cq
