#pragma once
#include <string>

#include "cq/core/io/trajectory.h"

namespace cq {

/// Cosine similarity between a layer's features of every two steps, over all samples, channels and
/// positions: float64 [step, step]; NaN where a step is all zero. Reads one sample at a time.
at::Tensor step_similarity(const TrajectoryFile& file, const std::string& layer);

}  // namespace cq
