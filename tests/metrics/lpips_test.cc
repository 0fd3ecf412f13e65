#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/io/safetensors.h"
#include "cq/metrics/lpips_network.h"
#include "tests/core/golden_weights.h"
#include "tests/io/temp_folder.h"
#include "tests/metrics/golden.h"

namespace cq {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct Layer {
  int stage, index;
  int64_t in, out, kernel;
};

std::vector<Layer> layers(const std::string& net) {
  if (net == "alex") {
    return {{1, 0, 3, 64, 11},
            {2, 3, 64, 192, 5},
            {3, 6, 192, 384, 3},
            {4, 8, 384, 256, 3},
            {5, 10, 256, 256, 3}};
  }
  return {{1, 0, 3, 64, 3},     {1, 2, 64, 64, 3},    {2, 5, 64, 128, 3},   {2, 7, 128, 128, 3},
          {3, 10, 128, 256, 3}, {3, 12, 256, 256, 3}, {3, 14, 256, 256, 3}, {4, 17, 256, 512, 3},
          {4, 19, 512, 512, 3}, {4, 21, 512, 512, 3}, {5, 24, 512, 512, 3}, {5, 26, 512, 512, 3},
          {5, 28, 512, 512, 3}};
}

using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

/// The network of the `lpips` package: trunk and heads under its names.
struct Weights {
  Tensors trunk, torchvision, heads;
};

Weights weights(const std::string& net) {
  Weights result;
  int64_t widths[5] = {};
  for (const Layer& layer : layers(net)) {
    const std::vector<int64_t> shape{layer.out, layer.in, layer.kernel, layer.kernel};
    for (const std::string kind : {"weight", "bias"}) {
      const auto name = fmt::format("net.slice{}.{}.{}", layer.stage, layer.index, kind);
      const auto value =
          test::weight(name, kind == "bias" ? std::vector<int64_t>{layer.out} : shape);
      result.trunk.emplace_back(name, value);
      result.torchvision.emplace_back(fmt::format("features.{}.{}", layer.index, kind), value);
    }
    widths[layer.stage - 1] = layer.out;
  }
  for (int stage = 0; stage < 5; ++stage) {
    const auto name = fmt::format("lin{}.model.1.weight", stage);
    result.heads.emplace_back(name, test::weight(name, {1, widths[stage], 1, 1}).abs());
  }
  return result;
}

at::Tensor images(const std::string& name) {
  return test::uniform(name, {3, 67, 67, 3}).add(1).mul(127.5).floor().to(at::kByte);
}

class LpipsNetworks : public ::testing::TestWithParam<std::string> {
 protected:
  at::Tensor expected() const {
    std::ifstream file(testing::golden_path("lpips.json"));
    const auto golden = nlohmann::json::parse(file)[GetParam()].get<std::vector<double>>();
    return at::from_blob(const_cast<double*>(golden.data()), {3}, at::kDouble).clone();
  }
  static double error(const at::Tensor& got, const at::Tensor& wanted) {
    return ((got - wanted) / wanted).abs().max().item<double>();
  }
  test::TempFolder folder_;
};

TEST_P(LpipsNetworks, AgreeWithThePackage) {
  const Weights all = weights(GetParam());
  Tensors whole = all.trunk;
  whole.insert(whole.end(), all.heads.begin(), all.heads.end());
  write_safetensors(folder_ / "whole.safetensors", whole);
  const auto network = make_lpips_network({folder_ / "whole.safetensors"});
  EXPECT_EQ(network->name(), GetParam());
  EXPECT_LT(error(network->distance(images("images"), images("references")), expected()), 1e-5);
  const auto same = network->distance(images("images"), images("images"));
  EXPECT_EQ(same.abs().max().item<double>(), 0);
}

TEST_P(LpipsNetworks, TakeTorchvisionsTrunkAndThePackagesHeads) {
  const Weights all = weights(GetParam());
  write_safetensors(folder_ / "trunk.safetensors", all.torchvision);
  write_safetensors(folder_ / "heads.safetensors", all.heads);
  const auto network =
      make_lpips_network({folder_ / "trunk.safetensors", folder_ / "heads.safetensors"});
  EXPECT_LT(error(network->distance(images("images"), images("references")), expected()), 1e-5);
  EXPECT_THAT([&] { make_lpips_network({folder_ / "trunk.safetensors"}); },
              ThrowsMessage<RunError>(HasSubstr("lin0.model.1.weight")));
  EXPECT_THAT([&] { make_lpips_network({folder_ / "heads.safetensors"}); },
              ThrowsMessage<RunError>(HasSubstr("features.0.weight")));
}

INSTANTIATE_TEST_SUITE_P(Nets, LpipsNetworks, ::testing::Values("alex", "vgg"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace cq
