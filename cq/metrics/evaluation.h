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
  /// Of the texts that were asked for, row by row: ImagePrompts.
  std::optional<std::filesystem::path> prompts;
  /// Folder of CLIP's tokenizer, asked for where prompts are texts.
  std::function<std::filesystem::path()> find_tokenizer;
  std::string network = "none";
  /// Called at most once, when all else was found in order and images must pass the network.
  std::function<std::unique_ptr<FeatureNetwork>()> make_network;
  /// Called at most once, where a metric needs it.
  std::function<std::shared_ptr<const PerceptualNetwork>()> make_perceptual;
  /// Folder that keeps features of references; empty: none.
  std::filesystem::path cache;
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
