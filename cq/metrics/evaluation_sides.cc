#include "cq/metrics/evaluation_sides.h"

#include "cq/base/error.h"
#include "cq/base/log.h"
#include "cq/metrics/feature_cache.h"

namespace cq {
namespace {

constexpr int64_t kTextsAtOnce = 64;

}  // namespace

EvaluationSide SideReader::generated(const SideNeeds& needs) const {
  const EvaluationInput& input = *request_.generated;
  EvaluationSide side = read(input, needs);
  if (network_ != nullptr && (needs.features || needs.spatial || needs.logits)) {
    compute(input, needs, side);
  }
  if (input.has_labels()) {
    side.all.labels = input.labels();
  }
  if (request_.prompts) side.all.text = texts(side);
  return side;
}

EvaluationSide SideReader::reference(const SideNeeds& needs,
                                     const std::string& content_hash) const {
  const EvaluationInput& input = *request_.reference;
  EvaluationSide side = read(input, needs);
  if (network_ == nullptr || !(needs.features || needs.spatial)) return side;
  const FeatureCache cache(request_.cache, content_hash, *network_);
  if (cache.find(needs.features, needs.spatial, side.all)) {
    log_info("{}: features of the same content and network from {}", input.path().string(),
             cache.file().string());
    return side;
  }
  compute(input, needs, side);
  if (side.skipped == 0) cache.keep(side.all);
  return side;
}

EvaluationSide SideReader::read(const EvaluationInput& input, const SideNeeds& needs) const {
  EvaluationSide side;
  if (input.has_statistics()) side.all.statistics = input.statistics();
  if (input.has_spatial_statistics()) side.all.spatial_statistics = input.spatial_statistics();
  if (network_ == nullptr && input.has_features()) {
    // Features that are used as they are serve whatever metric asks for some.
    if (needs.features) side.all.features = input.features();
    if (needs.spatial) side.all.spatial = input.features();
  }
  return side;
}

void SideReader::compute(const EvaluationInput& input, const SideNeeds& needs,
                         EvaluationSide& side) const {
  std::vector<at::Tensor> features, spatial, logits;
  side.skipped =
      input.each_batch(request_.batch, request_.skip_bad, [&](const EvaluationInput::Batch& batch) {
        const Features made = network_->compute(batch.images);
        if (needs.features) features.push_back(made.features);
        if (needs.spatial) spatial.push_back(made.spatial);
        if (needs.logits) logits.push_back(made.logits);
        side.rows.insert(side.rows.end(), batch.rows.begin(), batch.rows.end());
      });
  if (side.rows.empty()) {
    throw RunError("{}: none of the images could be read", input.path().string());
  }
  const auto join = [](const std::vector<at::Tensor>& parts) {
    return parts.empty() ? at::Tensor() : at::cat(parts);
  };
  side.all.features = join(features);
  side.all.spatial = join(spatial);
  side.all.logits = join(logits);
  if (side.skipped > 0) {
    log_warning("{}: {} unreadable images were skipped", input.path().string(), side.skipped);
  }
}

at::Tensor SideReader::texts(const EvaluationSide& side) const {
  const std::string file = request_.prompts->string();
  at::Tensor all = read_prompt_file(*request_.prompts, network_ == nullptr);
  if (all.size(0) != request_.generated->count()) {
    throw UsageError("{}: {} texts for {} images in {}", file, all.size(0),
                     request_.generated->count(), request_.generated->path().string());
  }
  if (network_ == nullptr) return all;
  std::vector<at::Tensor> parts;
  for (int64_t begin = 0; begin < all.size(0); begin += kTextsAtOnce) {
    try {
      parts.push_back(network_->compute_text(all.slice(0, begin, begin + kTextsAtOnce)));
    } catch (const UsageError& error) {
      throw UsageError("{}: {}", file, error.what());
    }
  }
  const at::Tensor features = at::cat(parts);
  std::vector<int64_t> rows = side.rows;
  return features.index_select(0, at::from_blob(rows.data(), {static_cast<int64_t>(rows.size())},
                                                at::TensorOptions().dtype(at::kLong)));
}

}  // namespace cq
