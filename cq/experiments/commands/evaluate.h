#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cq/experiments/commands/common.h"
#include "cq/experiments/setup/feature_networks.h"

namespace cq {

struct EvaluateOptions {
  std::optional<std::filesystem::path> generated;
  std::optional<std::filesystem::path> reference;
  std::vector<std::string> metrics;  ///< names of metric_registry(), or their labels ("fd_cifar")
  std::string features = "cifar";    ///< "none" takes .npy features and statistics as they are
  std::filesystem::path weights;     ///< of the feature network; of LPIPS' where there is none
  std::string resize;                ///< how images are brought to the network's size
  std::vector<std::filesystem::path> lpips_weights;
  std::optional<std::filesystem::path> prompts;  ///< texts, or .npy: CLIP tokens, texts' features
  /// Folder that keeps features of references; "none": nothing is kept; empty: the user's cache.
  std::string cache;
  std::optional<std::filesystem::path> logits;  ///< .npy [N, classes], in place of a network's
  std::optional<std::string> kid_subset_size;   ///< a number or "all"
  std::optional<int64_t> kid_subsets;
  std::optional<int64_t> is_splits;
  std::optional<std::string> is_shuffle;  ///< a seed or "none"
  std::optional<int64_t> k;
  std::optional<int64_t> seed;
  /// Above 1: delete-one-split jackknife for the metrics on features and logits.
  int64_t interval_splits = 0;
  int64_t batch = 64;
  bool skip_bad = false;
  std::vector<std::string> expect;  ///< "fid<=12.5"; also <, >=, >
  CommonOptions common;
  FeatureNetworkFactory make_network;
  std::function<std::filesystem::path()> find_tokenizer;  ///< folder of CLIP's
};

/// The document of `--json`: {"metrics": {name: {"value", "std"?, "protocol"}}}. Everything that
/// can be refused beforehand is, before any file is read through. Throws UsageError and RunError.
nlohmann::ordered_json evaluate(const EvaluateOptions& options);

/// `cq-exp evaluate`: prints the document or a table, then throws CheckError where an expectation
/// does not hold. Returns the exit code.
int evaluate_command(const EvaluateOptions& options);

}  // namespace cq
