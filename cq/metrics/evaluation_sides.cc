#include "cq/metrics/evaluation_sides.h"

#include "cq/base/error.h"
#include "cq/base/log.h"
#include "cq/metrics/feature_cache.h"
#include "cq/metrics/numerics/frechet.h"

namespace cq {

EvaluationSide SideReader::stored(const EvaluationInput& input, const SideNeeds& needs) const {
  EvaluationSide side;
  const std::string file = input.path().string();
  if (needs.statistics) {
    side.all.statistics = input.statistics();
    check_statistics(*side.all.statistics, file);
  }
  if (needs.spatial_statistics) {
    side.all.spatial_statistics = input.spatial_statistics();
    check_statistics(*side.all.spatial_statistics, file);
  }
  if (input.has_labels()) side.all.labels = input.labels();
  if (network_ == nullptr && input.has_features()) {
    // Features that are used as they are serve whatever metric asks for some.
    if (needs.features) side.all.features = input.features();
    if (needs.spatial) side.all.spatial = input.features();
  }
  return side;
}

void SideReader::compute_generated(const SideNeeds& needs, const ImagePrompts* prompts,
                                   EvaluationSide& side) const {
  if (prompts != nullptr) side.all.text = prompts->features(network_);
  if (network_ == nullptr || !needs.of_images()) return;
  compute(*request_.generated, needs, side);
  if (side.skipped == 0) return;
  const at::Tensor rows = at::from_blob(side.rows.data(), {std::ssize(side.rows)},
                                        at::TensorOptions().dtype(at::kLong));
  for (at::Tensor* of_images : {&side.all.text, &side.all.labels}) {
    if (of_images->defined()) *of_images = of_images->index_select(0, rows);
  }
}

void SideReader::compute_reference(const SideNeeds& needs, const std::string& content_hash,
                                   EvaluationSide& side) const {
  if (network_ == nullptr || !needs.of_images()) return;
  const EvaluationInput& input = *request_.reference;
  const FeatureCache cache(request_.cache, content_hash, *network_);
  if (cache.find(needs.features, needs.spatial, side.all)) {
    log_info("{}: features of the same content and network from {}", input.path().string(),
             cache.file().string());
    return;
  }
  compute(input, needs, side);
  if (side.skipped == 0) cache.keep(side.all);
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

}  // namespace cq
