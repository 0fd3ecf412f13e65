#pragma once
#include <filesystem>
#include <optional>

#include "cq/metrics/evaluation.h"
#include "cq/metrics/image_prompts.h"

namespace cq {

/// What the metrics of an evaluation ask of one side.
struct SideNeeds {
  bool features = false;
  bool spatial = false;
  bool logits = false;
  bool statistics = false;
  bool spatial_statistics = false;

  bool of_images() const { return features || spatial || logits; }
};

/// One side once it was read, rows in its order.
struct EvaluationSide {
  SampleBatch all;
  int64_t skipped = 0;
  std::vector<int64_t> rows;  // of images that were read
};

/// Passes a side's images through the network. Features of a reference are kept in `cache` under
/// the hash of its content, of the weights and of the resize, and read from there the next time.
class SideReader {
 public:
  /// network: null where all features are given.
  SideReader(const EvaluationRequest& request, FeatureNetwork* network)
      : request_(request), network_(network) {}

  /// What is stored: statistics, labels and features that are used as they are.
  EvaluationSide stored(const EvaluationInput& input, const SideNeeds& needs) const;
  /// Adds what the network makes of the images and texts (`prompts`: null where there are none).
  void compute_generated(const SideNeeds& needs, const ImagePrompts* prompts,
                         EvaluationSide& side) const;
  /// `content_hash` of the reference.
  void compute_reference(const SideNeeds& needs, const std::string& content_hash,
                         EvaluationSide& side) const;

 private:
  void compute(const EvaluationInput& input, const SideNeeds& needs, EvaluationSide& side) const;

  const EvaluationRequest& request_;
  FeatureNetwork* network_;
};

}  // namespace cq
