#pragma once
// What the stages of an experiment compute with, loaded when first needed and then shared.
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "cq/core/models/model.h"
#include "cq/metrics/feature_network.h"

namespace cq {

/// A model of the sweep before its weights are read.
struct ModelChoice {
  std::shared_ptr<const Model> shapes;  ///< no values: for counting and for checks
  config::Node config;                  ///< the composed job that names it
  /// Determines every value of the network: its configuration and the hash of its weights.
  nlohmann::ordered_json key;
};

class Workbench {
 public:
  /// Where networks run from now on; the CPU until this is called.
  void use(const at::Device& device);
  const at::Device& device() const { return device_; }
  /// The job's model. Throws UsageError where its weights are missing.
  std::shared_ptr<const ModelChoice> choose(const config::Node& job);
  /// With its weights. Throws RunError where they do not fit.
  std::shared_ptr<const Model> model(const ModelChoice& choice);
  /// A feature network of metrics: cifar, inception or clip; `resize` null: its default.
  std::shared_ptr<FeatureNetwork> features(const std::string& network, const std::string& weights,
                                           const std::optional<std::string>& resize);
  /// SHA-256 of a file of the program or the user, or of all files of a folder; computed once.
  const std::string& hash(const std::string& file);
  /// Holds on to the last few things that are used again and again.
  void keep(std::shared_ptr<const void> thing);
  /// All hashes so far, by file name: for the record of provenance.
  const std::map<std::string, std::string>& hashes() const { return hashes_; }

 private:
  at::Device device_ = at::kCPU;
  std::map<std::string, std::shared_ptr<const ModelChoice>> choices_;
  std::map<std::string, std::shared_ptr<const Model>> models_;
  std::map<std::string, std::shared_ptr<FeatureNetwork>> networks_;
  std::map<std::string, std::string> hashes_;
  std::deque<std::shared_ptr<const void>> kept_;
};

}  // namespace cq
