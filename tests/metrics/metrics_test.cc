// Contract of every registered metric, and what single ones add to their numerics.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/metrics/jackknife.h"
#include "cq/metrics/register.h"
#include "tests/metrics/golden.h"

namespace cq {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// 60 samples a side with everything a metric may ask for.
MetricBatch everything() {
  MetricBatch batch;
  for (SampleBatch* side : {&batch.generated, &batch.reference}) {
    const uint64_t seed = side == &batch.generated ? 1 : 2;
    side->features = testing::normal(seed, 60, 8).to(at::kFloat);
    side->spatial = testing::normal(seed + 6, 60, 9).to(at::kFloat);
    side->text = testing::normal(seed + 8, 60, 8).to(at::kFloat);
    side->logits = testing::normal(seed + 2, 60, 10).to(at::kFloat);
    side->labels = at::arange(60, at::kLong).remainder(10);
    side->images = testing::normal(seed + 4, 60, 12 * 12 * 3)
                       .mul(40)
                       .add(128)
                       .clamp(0, 255)
                       .to(at::kByte)
                       .view({60, 12, 12, 3});
  }
  return batch;
}

MetricBatch rows(const MetricBatch& all, const at::Tensor& index) {
  MetricBatch part;
  const auto take = [&](const SampleBatch& from, SampleBatch& to) {
    to.features = from.features.index_select(0, index);
    to.spatial = from.spatial.index_select(0, index);
    to.text = from.text.index_select(0, index);
    to.logits = from.logits.index_select(0, index);
    to.labels = from.labels.index_select(0, index);
    to.images = from.images.index_select(0, index);
  };
  take(all.generated, part.generated);
  take(all.reference, part.reference);
  return part;
}

config::Node small_parameters(const std::string& name) {
  config::Node params = config::Node::dict();
  if (name == "kid") params.put("subset_size", config::Node(20));
  if (name == "is") params.put("splits", config::Node(3));
  return params;
}

/// The mean distance of bytes.
class ByteDistance final : public PerceptualNetwork {
 public:
  std::string name() const override { return "bytes"; }
  std::string weights_hash() const override { return "0123"; }
  at::Tensor distance(const at::Tensor& images, const at::Tensor& references) const override {
    return (images.to(at::kDouble) - references.to(at::kDouble)).abs().flatten(1).mean(1);
  }
};

MetricSource source() {
  MetricSource result;
  result.perceptual = std::make_shared<ByteDistance>();
  return result;
}

class EveryMetric : public ::testing::TestWithParam<std::string> {
 protected:
  static std::unique_ptr<Metric> make() {
    return metric_registry().make(GetParam(), small_parameters(GetParam()), source());
  }
};

TEST_P(EveryMetric, BatchesAndShardsChangeNoDigit) {
  const MetricBatch all = everything();
  const auto whole = make();
  whole->add(all);
  const MetricResult expected = whole->result();
  EXPECT_TRUE(std::isfinite(expected.value));
  EXPECT_FALSE(expected.protocol.empty());

  const auto first = make();
  const auto second = make();
  for (int64_t i = 0; i < 60; ++i) {
    (i < 25 ? first : second)->add(rows(all, at::arange(i, i + 1, at::kLong)));
  }
  first->merge(*second);
  const MetricResult merged = first->result();
  EXPECT_EQ(merged.value, expected.value);
  EXPECT_EQ(merged.std, expected.std);
  EXPECT_EQ(merged.protocol, expected.protocol);
}

TEST_P(EveryMetric, TheOrderChangesNoDigit) {
  if (GetParam() == "is") GTEST_SKIP() << "its splits are taken in order by definition";
  const MetricBatch all = everything();
  const auto straight = make();
  straight->add(all);
  const auto reversed = make();
  reversed->add(rows(all, at::arange(60, at::kLong).flip(0)));
  EXPECT_EQ(reversed->result().value, straight->result().value);
  EXPECT_EQ(reversed->result().std, straight->result().std);
}

TEST_P(EveryMetric, HasAnIntervalAndAProtocolThatSaysWhatItsErrorIs) {
  const MetricBatch all = everything();
  const auto metric = make();
  metric->add(all);
  MetricResult result = metric->result();
  if (metric->needs().images) {
    add_normal_interval(result, "normal");
  } else {
    add_interval(
        result, [] { return make(); }, all, 3);
  }
  ASSERT_TRUE(result.interval && result.std);
  EXPECT_LE(result.interval->low, result.value);
  EXPECT_GE(result.interval->high, result.value);
  EXPECT_EQ(result.interval->level, 0.95);
  EXPECT_TRUE(result.protocol.contains("std"));
  EXPECT_TRUE(result.protocol.contains("samples") || result.protocol.contains("pairs"));
}

TEST_P(EveryMetric, NothingAddedIsAnError) {
  EXPECT_THROW(make()->result(), UsageError);
}

TEST_P(EveryMetric, MergesOnlyItsOwnKind) {
  const std::string other = GetParam() == "accuracy" ? "ssim" : "accuracy";
  const auto stranger = metric_registry().make(other, config::Node::dict(), MetricSource{});
  EXPECT_THROW(make()->merge(*stranger), std::logic_error);
}

std::vector<std::string> names() {
  std::vector<std::string> result;
  const auto registry = metric_registry();
  for (const auto& entry : registry.entries()) result.push_back(entry.name);
  return result;
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryMetric, ::testing::ValuesIn(names()),
                         [](const auto& tested) { return tested.param; });

TEST(Metrics, KidAgreesWithTorchFidelityOnRowsByContent) {
  const auto golden = testing::golden();
  config::Node params = config::Node::dict();
  params.put("subset_size", config::Node(100));
  params.put("subsets", config::Node(20));
  const auto kid = metric_registry().make("kid", params, MetricSource{});
  MetricBatch batch;
  batch.generated.features = testing::golden_array("x", {300, 24});
  batch.reference.features = testing::golden_array("y", {280, 24});
  kid->add(batch);
  const auto& expected = golden["kid_subsets_by_content"];
  EXPECT_NEAR(kid->result().value, expected["mean"].get<double>(), 1e-9);
  EXPECT_NEAR(*kid->result().std, expected["std"].get<double>(), 1e-9);
}

TEST(Metrics, FidExtrapolatesPastItsBias) {
  // Equal distributions: the distance at N samples is about bias / N, at infinity about zero.
  MetricBatch batch;
  batch.generated.features = testing::normal(1, 2000, 16);
  batch.reference.features = testing::normal(2, 20000, 16);
  const auto plain = metric_registry().make("fid", config::Node::dict(), MetricSource{});
  const auto limit = metric_registry().make("fid_inf", config::Node::dict(), MetricSource{});
  plain->add(batch);
  limit->add(batch);
  EXPECT_LT(std::abs(limit->result().value), 0.5 * plain->result().value);
  EXPECT_GT(*limit->result().std, 0);
}

TEST(Metrics, AccuracyCountsByHand) {
  const auto accuracy = metric_registry().make("accuracy", config::Node::dict(), MetricSource{});
  MetricBatch batch;
  batch.generated.logits = at::zeros({4, 3});
  for (int64_t i = 0; i < 4; ++i) batch.generated.logits[i][i % 3] = 1;
  batch.generated.labels = at::zeros({4}, at::kLong);  // classes found: 0 1 2 0
  accuracy->add(batch);
  EXPECT_EQ(accuracy->result().value, 0.5);
  EXPECT_EQ(*accuracy->result().std, 0.25);  // sqrt(0.5 * 0.5 / 4)
  batch.generated.labels.fill_(3);
  EXPECT_THAT([&] { accuracy->add(batch); }, ThrowsMessage<UsageError>(HasSubstr("3 classes")));
}

TEST(Metrics, EqualImagesStayFinite) {
  const auto psnr = metric_registry().make("psnr", config::Node::dict(), MetricSource{});
  MetricBatch batch = everything();
  batch.reference.images = batch.generated.images;
  psnr->add(batch);
  EXPECT_EQ(psnr->result().value, 100);
  EXPECT_EQ(psnr->result().protocol["cap_db"], 100);
}

TEST(Metrics, NotANumberIsFoundWithItsRow) {
  const auto fid = metric_registry().make("fid", config::Node::dict(), MetricSource{});
  MetricBatch batch;
  batch.generated.features = testing::normal(1, 10, 4);
  batch.generated.features[7][2] = std::nan("");
  EXPECT_THAT([&] { fid->add(batch); }, ThrowsMessage<RunError>(HasSubstr("row 7")));
}

TEST(Metrics, OnlyInceptionBearsThePlainNames) {
  EXPECT_EQ(metric_label("fid", "cifar"), "fd_cifar");
  EXPECT_EQ(metric_label("fid", "inception"), "fid");
  EXPECT_EQ(metric_label("is", "cifar"), "is_cifar");
  EXPECT_EQ(metric_label("precision", "cifar"), "precision");
  EXPECT_EQ(metric_of_label("fd_cifar", "cifar"), "fid");
  EXPECT_EQ(metric_of_label("fd_cifar", "none"), "fd_cifar");
}

TEST(Metrics, CmmdIsNamedAfterClip) {
  EXPECT_EQ(metric_label("cmmd", "clip"), "cmmd");
  EXPECT_EQ(metric_label("cmmd", "none"), "cmmd");
  EXPECT_EQ(metric_label("cmmd", "inception"), "mmd_inception");
  EXPECT_EQ(metric_of_label("mmd_cifar", "cifar"), "cmmd");
}

TEST(Metrics, CmmdAgreesWithItsDefinition) {
  const MetricBatch all = everything();
  const auto cmmd = metric_registry().make("cmmd", config::Node::dict(), MetricSource{});
  cmmd->add(all);
  const auto kernel = [](const at::Tensor& x, const at::Tensor& y) {
    const auto squares = (x.unsqueeze(1) - y.unsqueeze(0)).square().sum(2);
    return (squares / -200).exp().mean().item<double>();  // sigma 10
  };
  const at::Tensor x = all.generated.features.to(at::kDouble);
  const at::Tensor y = all.reference.features.to(at::kDouble);
  const double expected = 1000 * (kernel(x, x) + kernel(y, y) - 2 * kernel(x, y));
  EXPECT_NEAR(cmmd->result().value, expected, 1e-8);
  EXPECT_EQ(cmmd->result().protocol["embeddings"], "as given");
  MetricSource clip;
  clip.features = {{"network", "clip"}};
  const auto directions = metric_registry().make("cmmd", config::Node::dict(), clip);
  MetricBatch longer = all;
  longer.generated.features = all.generated.features * 3;
  directions->add(longer);
  const auto unit = [](const at::Tensor& z) {
    return z / z.square().sum(at::IntArrayRef{1}, true).sqrt();
  };
  EXPECT_NEAR(
      directions->result().value,
      1000 * (kernel(unit(x), unit(x)) + kernel(unit(y), unit(y)) - 2 * kernel(unit(x), unit(y))),
      1e-6);
}

TEST(Metrics, ClipScoreByHand) {
  MetricBatch batch;
  batch.generated.features = at::zeros({2, 2});
  batch.generated.text = at::zeros({2, 2});
  batch.generated.features[0][0] = batch.generated.text[0][0] = 2;
  batch.generated.features[1][1] = 1;
  batch.generated.text[1][0] = 3;
  batch.generated.text[1][1] = -4;  // cosines 1 and -0.8
  for (const auto& [variant, expected] :
       {std::pair("percent", 10.0), std::pair("raw", 0.1), std::pair("clamped", 0.5)}) {
    config::Node params = config::Node::dict();
    params.put("variant", config::Node(std::string(variant)));
    const auto score = metric_registry().make("clip_score", params, MetricSource{});
    score->add(batch);
    EXPECT_NEAR(score->result().value, expected, 1e-12) << variant;
    EXPECT_EQ(score->result().protocol["variant"], variant);
  }
}

TEST(Jackknife, GivesTheErrorOfAShare) {
  // The delete-one jackknife of a mean is its standard error, with divisor n - 1.
  const auto make = [] {
    return metric_registry().make("accuracy", config::Node::dict(), MetricSource{});
  };
  MetricBatch batch;
  batch.generated.logits = at::zeros({40, 2});
  for (int64_t i = 0; i < 40; ++i) batch.generated.logits[i][i < 30 ? 0 : 1] = 1;
  batch.generated.labels = at::zeros({40}, at::kLong);
  MetricResult result;
  result.value = 0.75;
  add_interval(result, make, batch, 20);
  EXPECT_THROW(add_interval(result, make, batch, 21), UsageError);
  // The wrong rows come first in order of content; numpy.random.RandomState(2020).permutation(40)
  // % 20 puts none of them into 11 of the parts, one into 8 and two into 1: leaving one out gives
  // 28/38, 29/38 and 30/38.
  const double expected = std::sqrt(19.0) * std::sqrt(0.35) / 38;
  EXPECT_NEAR(*result.std, expected, 1e-12);
  EXPECT_NEAR(result.interval->high, 0.75 + 1.959963984540054 * expected, 1e-12);
  EXPECT_NEAR(result.interval->low, 0.75 - 1.959963984540054 * expected, 1e-12);
  MetricBatch backwards = batch;
  backwards.generated.logits = batch.generated.logits.flip(0);
  MetricResult again;
  again.value = 0.75;
  add_interval(again, make, backwards, 20);
  EXPECT_EQ(*again.std, *result.std);
}

}  // namespace
}  // namespace cq
