#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <typeinfo>

#include <nlohmann/json.hpp>

#include "cq/config/registry.h"
#include "cq/core/tensor.h"
#include "cq/metrics/numerics/moments.h"
#include "cq/metrics/perceptual_network.h"
#include "cq/metrics/shared_work.h"

namespace cq {

/// One side of a batch of n images, by what is known of them; undefined where it is not.
struct SampleBatch {
  at::Tensor features;  // [n, D], any float type
  at::Tensor spatial;   // [n, S], any float type: Inception's features of sFID
  at::Tensor text;      // [n, D], any float type: features of the texts that were asked for
  at::Tensor logits;    // [n, classes], any float type
  at::Tensor labels;    // [n] int64: the class that was asked for
  at::Tensor images;    // [n, height, width, 3] uint8
  /// Stands for a whole set whose features are not at hand.
  std::shared_ptr<const FeatureStatistics> statistics;
  std::shared_ptr<const FeatureStatistics> spatial_statistics;
};

/// Generated and reference images; paired metrics compare row i with row i.
struct MetricBatch {
  SampleBatch generated;
  SampleBatch reference;
};

/// A range that holds the true value with probability `level`.
struct Interval {
  std::string method;
  double level = 0.95;
  double low = 0;
  double high = 0;
};

/// A value with its uncertainty, where it has one, and everything a reader must know to compare it
/// with another. `protocol` holds nothing that varies between equal runs.
struct MetricResult {
  double value = 0;
  std::optional<double> std;
  std::optional<Interval> interval;
  nlohmann::ordered_json protocol;
};

/// What a metric must be fed, so that a caller can refuse before hours are spent.
struct MetricNeeds {
  bool features = false;    // of the generated side
  bool spatial = false;     // of the generated side
  bool text = false;        // of the generated side
  bool logits = false;      // of the generated side
  bool labels = false;      // of the generated side
  bool images = false;      // of both sides, pair by pair
  bool reference = false;   // the other side as well
  bool statistics = false;  // statistics may stand for a side's features or spatial features
  bool perceptual = false;  // MetricSource::perceptual
  int64_t generated_rows = 1;
  int64_t reference_rows = 0;
};

/// Where the inputs come from; shared by the metrics of one evaluation.
struct MetricSource {
  /// `FeatureNetwork::protocol()`, or {"network": "none"} for features used as they are given.
  nlohmann::ordered_json features = {{"network", "none"}};
  /// What the reference is called: a data set and split, or a file's content hash.
  std::string reference;
  /// Of LPIPS; null where no metric needs it.
  std::shared_ptr<const PerceptualNetwork> perceptual;
  std::shared_ptr<SharedWork> shared = std::make_shared<SharedWork>();
};

/// A figure of merit over sets of images: batches are added, shards merged, and the result does not
/// depend on how the images were cut into them.
class Metric {
 public:
  virtual ~Metric() = default;

  virtual MetricNeeds needs() const = 0;
  /// Takes what it needs of the batch. UsageError for shapes and types that do not fit, RunError
  /// for NaN and infinity.
  virtual void add(const MetricBatch& batch) = 0;
  /// Takes over all that another metric of the same kind was fed.
  virtual void merge(const Metric& other) = 0;
  /// UsageError when too little was fed.
  virtual MetricResult result() const = 0;
};

using MetricRegistry = config::Registry<Metric, const MetricSource&>;

/// For `merge`: `other` as the kind that `self` is of; merging two kinds is a mistake in the
/// program.
template <class Kind>
const Kind& same_kind(const Kind& self, const Metric& other) {
  if (typeid(self) != typeid(other)) {
    throw std::logic_error("metrics of different kinds cannot be merged");
  }
  return static_cast<const Kind&>(other);
}

/// The name that a value is printed under. Figures known by Inception's features carry their
/// network's name when they come from another: `fid` of the network `cifar` is `fd_cifar`.
std::string metric_label(const std::string& metric, const std::string& network);
/// The metric that a user means by a name or by its label.
std::string metric_of_label(const std::string& label, const std::string& network);

}  // namespace cq
