#pragma once
#include <filesystem>
#include <optional>

#include "cq/metrics/evaluation.h"

namespace cq {

/// What the metrics of an evaluation ask of one side.
struct SideNeeds {
  bool features = false;
  bool spatial = false;
  bool logits = false;
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

  EvaluationSide generated(const SideNeeds& needs) const;
  /// `content_hash` of the reference.
  EvaluationSide reference(const SideNeeds& needs, const std::string& content_hash) const;

 private:
  EvaluationSide read(const EvaluationInput& input, const SideNeeds& needs) const;
  void compute(const EvaluationInput& input, const SideNeeds& needs, EvaluationSide& side) const;
  at::Tensor texts(const EvaluationSide& side) const;

  const EvaluationRequest& request_;
  FeatureNetwork* network_;
};

}  // namespace cq
