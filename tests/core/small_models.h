#pragma once
// Networks small enough for tests, with random weights in which no parameter is zero.
#include <ATen/ops/randn.h>

#include "cq/core/correction.h"
#include "cq/core/executor.h"
#include "cq/core/models/model.h"
#include "cq/core/noise.h"

namespace cq::test {

inline Model small_unet(uint64_t seed = 0) {
  const nlohmann::ordered_json config = {
      {"name", "small-unet"},
      {"network",
       {{"name", "unet"},
        {"in_channels", 3},
        {"out_channels", 3},
        {"model_channels", 32},
        {"channel_mult", {1, 2}},
        {"num_res_blocks", 1},
        {"attention_resolutions", {2}},
        {"num_head_channels", 32},
        {"context_dim", 16}}},
      {"diffusion", {{"prediction", "v"}}},
      {"latent", {{"channels", 3}, {"size", 8}}},
      {"conditioning", {{"kind", "class_context"}, {"classes", 10}, {"width", 16}}},
      {"first_stage", {{"kind", "patch"}, {"patch", 1}}}};
  return {config::Node::from_json(config), nullptr, InitMode::random, seed};
}

inline nlohmann::ordered_json small_dit_config() {
  return {{"name", "small-dit"},
          {"network",
           {{"name", "dit"},
            {"input_size", 4},
            {"patch_size", 1},
            {"in_channels", 3},
            {"hidden_size", 32},
            {"depth", 4},
            {"num_heads", 2},
            {"num_classes", 10},
            {"learn_sigma", false}}},
          {"diffusion", {{"prediction", "eps"}}},
          {"latent", {{"channels", 3}, {"size", 4}}},
          {"conditioning", {{"kind", "class_label"}, {"classes", 10}}},
          {"first_stage", {{"kind", "patch"}, {"patch", 1}}}};
}

inline Model small_dit(uint64_t seed = 0) {
  return {config::Node::from_json(small_dit_config()), nullptr, InitMode::random, seed};
}

/// a2, b2 of some size on the units that read the cached feature.
inline Corrections some_corrections(const Model& model, const CachePoint& point, int64_t steps) {
  Corrections c;
  for (const auto id : point.consumers) {
    const int64_t outputs = model.network().weights().units()[size_t(id)].out_channels();
    c.outputs[id] = {at::randn({steps, outputs}) * 0.1 + 1, at::randn({steps, outputs}) * 0.1};
  }
  return c;
}

/// One network call of two images.
inline at::Tensor call(const Model& model, const Executor& executor, PointHandler& points,
                       int64_t step = 0, uint64_t seed = 0) {
  const auto& l = model.latent();
  const auto x = NoiseSource(seed, 0).draw(2, {l.channels, l.size, l.size}, 0);
  const auto labels = at::arange(2, at::kLong);
  const auto t = at::full({2}, 500, at::kLong);
  return model.network().forward(model.input(x, t, labels), Step(executor, points, step));
}

}  // namespace cq::test
