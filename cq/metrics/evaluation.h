#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cq/config/node.h"
#include "cq/metrics/feature_network.h"
#include "cq/metrics/inputs.h"
#include "cq/metrics/metric.h"

namespace cq {

struct RequestedMetric {
  std::string name;
  config::Node parameters;
};

/// Metrics over files, as `cq-exp evaluate` takes them.
struct EvaluationRequest {
  std::vector<RequestedMetric> metrics;
  std::optional<EvaluationInput> generated;
  std::optional<EvaluationInput> reference;
  std::optional<std::filesystem::path> logits;
  std::string network = "none";
  /// Called at most once, when all else was found in order and images must pass the network.
  std::function<std::unique_ptr<FeatureNetwork>()> make_network;
  int64_t interval_splits = 0;
  int64_t batch = 64;
  bool skip_bad = false;
};

struct EvaluatedMetric {
  std::string label;  // metric_label of its name
  MetricResult result;
};

/// Checks everything that can be known beforehand, reads each side once, and gives each metric's
/// result in the order asked. UsageError for what does not fit, RunError for damaged data and for
/// values that are not finite; messages name the file.
std::vector<EvaluatedMetric> evaluate_metrics(const EvaluationRequest& request);

}  // namespace cq
