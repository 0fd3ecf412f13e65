// Stages that look at one shard of images through a feature network.
#include <algorithm>

#include "cq/core/io/safetensors.h"
#include "cq/experiments/pipeline/stage_files.h"
#include "cq/experiments/pipeline/stages.h"
#include "cq/experiments/setup/prompts.h"

namespace cq {

namespace {

constexpr int64_t kTextsAtOnce = 64;

using Named = std::vector<std::pair<std::string, at::Tensor>>;

/// Features of the texts that labels [n] number, [n, D].
at::Tensor text_features(const CellSpec& cell, FeatureNetwork& network, const at::Tensor& labels) {
  const auto tokens = prompt_tokens(read_prompts_of(cell.config, *cell.model->shapes), labels);
  std::vector<at::Tensor> parts;
  for (int64_t i = 0; i < tokens.size(0); i += kTextsAtOnce) {
    parts.push_back(
        network.compute_text(tokens.narrow(0, i, std::min(kTextsAtOnce, tokens.size(0) - i))));
  }
  return at::cat(parts, 0);
}

/// features [n, D], and logits and spatial features where the network has them.
Named image_features(FeatureNetwork& network, const at::Tensor& images, StageFolder& folder) {
  constexpr int64_t kPixels = int64_t(1) << 18;  // of a batch: 256 images of 32 x 32
  const int64_t batch =
      std::clamp<int64_t>(kPixels / (images.size(1) * images.size(2)), 8, images.size(0) + 8);
  std::map<std::string, std::vector<at::Tensor>> parts;
  folder.expect(images.size(0), "images");
  for (int64_t i = 0; i < images.size(0); i += batch) {
    const int64_t n = std::min(batch, images.size(0) - i);
    const auto out = network.compute(images.narrow(0, i, n));
    parts["features"].push_back(out.features);
    if (out.logits.defined()) parts["logits"].push_back(out.logits);
    if (out.spatial.defined()) parts["spatial"].push_back(out.spatial);
    folder.bar().add(n);
  }
  Named all;
  for (const auto& [name, tensors] : parts) all.emplace_back(name, at::cat(tensors, 0));
  return all;
}

}  // namespace

Stage feature_stage(const StageContext& context, StageId samples) {
  const auto& data = context.cell->data;
  Stage stage{.kind = "features",
              .params = network_key(context),
              .inputs = {{"samples", samples}},
              .compute = {},
              .cost = weighing(double(context.cell->run.shard))};
  stage.compute = [context, data](StageFolder& folder) {
    const auto network = context.bench->features(data.network, *data.features, data.resize);
    const auto shard = load_samples(folder.input("samples"));
    write_safetensors(folder.path() / "features.safetensors",
                      image_features(*network, shard.images, folder));
  };
  return stage;
}

Stage clip_stage(const StageContext& context, StageId samples) {
  const auto weights = *context.cell->data.clip;
  Stage stage{.kind = "features",
              .params = {{"network", context.bench->hash(weights)}, {"texts", true}},
              .inputs = {{"samples", samples}},
              .compute = {},
              .cost = weighing(double(context.cell->run.shard))};
  stage.compute = [context, weights](StageFolder& folder) {
    const auto network = context.bench->features("clip", weights, {});
    const auto shard = load_samples(folder.input("samples"));
    auto tensors = image_features(*network, shard.images, folder);
    tensors.emplace_back("text", text_features(*context.cell, *network, shard.labels));
    write_safetensors(folder.path() / "features.safetensors", tensors);
  };
  return stage;
}

nlohmann::ordered_json network_key(const StageContext& context) {
  const auto& data = context.cell->data;
  nlohmann::ordered_json key{{"network", context.bench->hash(*data.features)}};
  if (data.resize) key["resize"] = *data.resize;
  return key;
}

}  // namespace cq
