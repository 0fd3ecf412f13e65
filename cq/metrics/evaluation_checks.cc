#include "cq/metrics/evaluation_checks.h"

#include <algorithm>
#include <map>
#include <string>

#include "cq/base/error.h"

namespace cq {
namespace {

/// Statistics of Inception's features must not meet another network's.
bool statistics_fit(const EvaluationRequest& request) {
  return request.network == "none" || request.network == "inception";
}

void check_side(const std::string& metric, const std::optional<EvaluationInput>& input,
                const char* flag, const MetricNeeds& needs, int64_t rows,
                const EvaluationRequest& request) {
  if (!input) throw UsageError("[{}] needs {}", metric, flag);
  const std::string file = input->path().string();
  if (needs.images && !input->has_images()) {
    throw UsageError("[{}] {}: compares images, but this is {}", metric, file, input->describe());
  }
  const bool stored = uses_statistics(*input, needs, request);
  if ((needs.features || needs.spatial) && !stored) {
    if (request.network == "none" && !input->has_features()) {
      throw UsageError("[{}] {}: --features none takes feature .npy files{}, but this is {}",
                       metric, file, needs.statistics ? " and statistics" : "", input->describe());
    }
    if (request.network != "none" && !input->has_images()) {
      throw UsageError("[{}] {}: --features {} takes images, but this is {}{}", metric, file,
                       request.network, input->describe(),
                       input->has_features() ? " (--features none uses it as it is)" : "");
    }
  }
  if ((needs.images || !stored) && input->count() < rows) {
    throw UsageError("[{}] {}: needs at least {} samples, got {}{}", metric, file, rows,
                     input->count(), metric == "kid" ? " (--kid-subset-size M or all)" : "");
  }
}

/// Every part of a jackknife must do for the metric.
void check_interval(const EvaluationJob& job, const EvaluationRequest& request) {
  const int64_t splits = request.interval_splits;
  const bool from_logits = job.needs.logits && request.logits;
  if (splits == 0 || job.needs.images || from_logits) return;
  const EvaluationInput& input = *request.generated;
  const std::string file = input.path().string();
  if (uses_statistics(input, job.needs, request)) {
    throw UsageError("[{}] {}: an interval needs samples, but this is {}", job.request->name, file,
                     input.describe());
  }
  const int64_t left = input.count() - (input.count() + splits - 1) / splits;
  if (input.count() < 2 * splits || left < job.needs.generated_rows) {
    throw UsageError("[{}] {}: {} samples are too few for an interval of {} splits: each leaves {}",
                     job.request->name, file, input.count(), splits, left);
  }
}

}  // namespace

bool uses_statistics(const EvaluationInput& input, const MetricNeeds& needs,
                     const EvaluationRequest& request) {
  const bool stored = needs.spatial ? input.has_spatial_statistics() : input.has_statistics();
  return needs.statistics && stored && statistics_fit(request);
}

bool wants_network_logits(const MetricNeeds& needs, const EvaluationRequest& request) {
  return needs.logits && !request.logits;
}

void check_job(const EvaluationJob& job, const EvaluationRequest& request) {
  const std::string& metric = job.request->name;
  const MetricNeeds& needs = job.needs;
  if (needs.features || needs.spatial || needs.images) {
    check_side(metric, request.generated, "--generated", needs, needs.generated_rows, request);
    if (needs.reference) {
      check_side(metric, request.reference, "--reference", needs, needs.reference_rows, request);
    }
  }
  if (wants_network_logits(needs, request)) {
    MetricNeeds images;
    images.images = true;
    if (request.network == "none") {
      throw UsageError("[{}] needs --logits L.npy, or a network with --features", metric);
    }
    check_side(metric, request.generated, "--generated or --logits", images, needs.generated_rows,
               request);
  }
  if (needs.labels && (!request.generated || !request.generated->has_labels())) {
    throw UsageError("[{}] needs the classes asked for: an npz of samples with arr_1", metric);
  }
  if (needs.text && !request.prompts) {
    throw UsageError("[{}] needs --prompts P: {}", metric,
                     request.network == "none" ? "text features [N, D] (.npy)"
                                               : "a text a line, or CLIP tokens [N, 77] (.npy)");
  }
  if (needs.perceptual && !request.make_perceptual) {
    throw UsageError("[{}] needs the weights of its network (--lpips-weights)", metric);
  }
  check_interval(job, request);
}

void check_all_used(const std::vector<EvaluationJob>& jobs, const EvaluationRequest& request) {
  const auto check = [&](const std::optional<std::filesystem::path>& file, const char* what,
                         bool MetricNeeds::*need) {
    const auto takes = [&](const EvaluationJob& job) { return job.needs.*need; };
    if (file && std::none_of(jobs.begin(), jobs.end(), takes)) {
      throw UsageError("{}: none of the metrics takes {}", file->string(), what);
    }
  };
  check(request.logits, "logits", &MetricNeeds::logits);
  check(request.prompts, "prompts", &MetricNeeds::text);
}

std::vector<std::pair<int64_t, int64_t>> pair_up(const EvaluationInput& a,
                                                 const EvaluationInput& b) {
  std::vector<std::pair<int64_t, int64_t>> pairs;
  if (a.files().empty() != b.files().empty()) {
    throw UsageError("{} and {}: a folder and an npz cannot be paired", a.path().string(),
                     b.path().string());
  }
  if (a.files().empty()) {
    if (a.count() != b.count()) {
      throw UsageError("{} holds {} images, {} holds {}: they cannot be paired", a.path().string(),
                       a.count(), b.path().string(), b.count());
    }
    for (int64_t i = 0; i < a.count(); ++i) pairs.emplace_back(i, i);
    return pairs;
  }
  const auto by_stem = [](const EvaluationInput& side) {
    std::map<std::string, int64_t> rows;
    for (size_t i = 0; i < side.files().size(); ++i) {
      if (!rows.emplace(side.files()[i].stem().string(), static_cast<int64_t>(i)).second) {
        throw UsageError("{}: another image has the same name, pairs would be ambiguous",
                         side.files()[i].string());
      }
    }
    return rows;
  };
  const auto left = by_stem(a);
  const auto right = by_stem(b);
  for (const auto& [stem, row] : left) {
    const auto other = right.find(stem);
    if (other == right.end()) {
      throw UsageError("{}: no image of that name in {}",
                       a.files()[static_cast<size_t>(row)].string(), b.path().string());
    }
    pairs.emplace_back(row, other->second);
  }
  for (const auto& [stem, row] : right) {
    if (!left.contains(stem)) {
      throw UsageError("{}: no image of that name in {}",
                       b.files()[static_cast<size_t>(row)].string(), a.path().string());
    }
  }
  return pairs;
}

}  // namespace cq
