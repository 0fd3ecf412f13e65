#pragma once
#include <utility>
#include <vector>

#include "cq/metrics/evaluation.h"

namespace cq {

/// A metric that was asked for, and what it must be fed.
struct EvaluationJob {
  const RequestedMetric* request = nullptr;
  MetricNeeds needs;
};

/// Whether a file's stored statistics stand for its features in this metric.
bool uses_statistics(const EvaluationInput& input, const MetricNeeds& needs,
                     const EvaluationRequest& request);
/// Whether the metric's logits come from the network.
bool wants_network_logits(const MetricNeeds& needs, const EvaluationRequest& request);

/// Throws UsageError where the inputs do not suit the metric.
void check_job(const EvaluationJob& job, const EvaluationRequest& request);
/// Throws UsageError for files that none of the metrics reads.
void check_all_used(const std::vector<EvaluationJob>& jobs, const EvaluationRequest& request);

/// Which rows of the two sides are pairs: by file name without its ending in two folders, by index
/// in two files. UsageError where an image has no partner.
std::vector<std::pair<int64_t, int64_t>> pair_up(const EvaluationInput& a,
                                                 const EvaluationInput& b);

}  // namespace cq
