#pragma once
// Real images as metrics see them.
#include <memory>
#include <string>

#include "cq/experiments/pipeline/stages.h"
#include "cq/metrics/numerics/moments.h"

namespace cq {

struct Reference {
  std::string name;  ///< data set and split, or the file's
  std::shared_ptr<const FeatureStatistics> statistics, spatial_statistics;
  at::Tensor features;  ///< [n, D] for metrics on neighbours and kernels; undefined: none asked
};

/// The cell's reference: what comes with the embedded classifier, or what the input `reference` of
/// `folder` (reference_stage) holds. Throws RunError where classifier and file do not belong
/// together.
Reference read_reference(const StageContext& context, const StageFolder& folder);

}  // namespace cq
