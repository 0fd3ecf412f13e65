#include "cq/metrics/evaluation.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <map>
#include <utility>

#include "cq/base/error.h"
#include "cq/base/log.h"
#include "cq/metrics/jackknife.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

struct Job {
  const RequestedMetric* request;
  MetricNeeds needs;
};

/// Statistics of Inception's features must not meet another network's.
bool statistics_fit(const EvaluationRequest& request) {
  return request.network == "none" || request.network == "inception";
}

bool uses_statistics(const EvaluationInput& input, const MetricNeeds& needs,
                     const EvaluationRequest& request) {
  return needs.statistics && input.has_statistics() && statistics_fit(request);
}

void check_side(const std::string& metric, const std::optional<EvaluationInput>& input,
                const char* flag, const MetricNeeds& needs, int64_t rows,
                const EvaluationRequest& request) {
  if (!input) throw UsageError("[{}] needs {}", metric, flag);
  const std::string file = input->path().string();
  if (needs.images && !input->has_images()) {
    throw UsageError("[{}] {}: compares images, but this is {}", metric, file, input->describe());
  }
  if (needs.features && !uses_statistics(*input, needs, request)) {
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
  const bool counted = needs.images || !uses_statistics(*input, needs, request);
  if (counted && input->count() < rows) {
    throw UsageError("[{}] {}: needs at least {} samples, got {}{}", metric, file, rows,
                     input->count(), metric == "kid" ? " (--kid-subset-size M or all)" : "");
  }
}

void check(const Job& job, const EvaluationRequest& request) {
  const std::string& metric = job.request->name;
  const MetricNeeds& needs = job.needs;
  if (needs.features || needs.images) {
    check_side(metric, request.generated, "--generated", needs, needs.generated_rows, request);
    if (needs.reference) {
      check_side(metric, request.reference, "--reference", needs, needs.reference_rows, request);
    }
  }
  if (needs.logits && !request.logits) {
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
}

/// Which rows of the two sides are pairs: by file name, or by index for two npz files.
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

/// What one side gives once it was read.
struct Side {
  SampleBatch all;
  int64_t skipped = 0;
};

class Evaluation {
 public:
  explicit Evaluation(const EvaluationRequest& request) : request_(request) {}
  std::vector<EvaluatedMetric> run();

 private:
  void plan();
  void read();
  Side read_side(const EvaluationInput& input, bool features, bool logits);
  EvaluatedMetric finish(const Job& job);
  MetricResult paired(const Job& job);
  MetricResult unpaired(const Job& job);
  MetricResult result_of(const Metric& metric) const;
  std::string files() const;
  void check_widths() const;

  const EvaluationRequest& request_;
  const MetricRegistry registry_ = metric_registry();
  MetricSource source_;
  std::vector<Job> jobs_;
  std::unique_ptr<FeatureNetwork> network_;
  Side generated_;
  Side reference_;
  std::future<std::string> hashing_;
  std::string reference_hash_;
};

void Evaluation::plan() {
  if (request_.metrics.empty()) throw UsageError("no metric was asked for (--metrics fid,kid)");
  if (request_.batch < 1) throw UsageError("a batch must hold at least 1 image");
  if (request_.interval_splits < 0 || request_.interval_splits == 1) {
    throw UsageError("an interval needs at least 2 splits, got {}", request_.interval_splits);
  }
  bool images_to_network = false;
  for (const RequestedMetric& asked : request_.metrics) {
    for (const Job& job : jobs_) {
      if (job.request->name == asked.name) throw UsageError("[{}] is asked for twice", asked.name);
    }
    jobs_.push_back({&asked, registry_.make(asked.name, asked.parameters, source_)->needs()});
    check(jobs_.back(), request_);
    const MetricNeeds& needs = jobs_.back().needs;
    images_to_network |=
        request_.network != "none" && (needs.features || (needs.logits && !request_.logits));
  }
  if (!images_to_network) return;
  if (!request_.make_network) {
    throw UsageError("--features {}: no such feature network in this program", request_.network);
  }
  network_ = request_.make_network();
  for (const Job& job : jobs_) {
    if (job.needs.logits && !request_.logits && !network_->has_logits()) {
      throw UsageError("[{}] needs class predictions, the network '{}' has none (--logits L.npy)",
                       job.request->name, network_->name());
    }
  }
  source_.features = network_->protocol();
}

Side Evaluation::read_side(const EvaluationInput& input, bool features, bool logits) {
  Side side;
  if (input.has_features()) {
    side.all.features = input.features();
    return side;
  }
  if (statistics_fit(request_) && input.has_statistics()) side.all.statistics = input.statistics();
  if (!network_ || !(features || logits)) return side;
  std::vector<at::Tensor> feature_parts;
  std::vector<at::Tensor> logit_parts;
  std::vector<int64_t> rows;
  side.skipped =
      input.each_batch(request_.batch, request_.skip_bad, [&](const EvaluationInput::Batch& batch) {
        const Features made = network_->compute(batch.images);
        if (features) feature_parts.push_back(made.features);
        if (logits) logit_parts.push_back(made.logits);
        rows.insert(rows.end(), batch.rows.begin(), batch.rows.end());
      });
  if (rows.empty()) throw RunError("{}: none of the images could be read", input.path().string());
  if (features) side.all.features = at::cat(feature_parts);
  if (logits) side.all.logits = at::cat(logit_parts);
  if (input.has_labels()) side.all.labels = input.labels();
  if (side.skipped > 0) {
    log_warning("{}: {} unreadable images were skipped", input.path().string(), side.skipped);
  }
  return side;
}

void Evaluation::read() {
  bool generated_features = false;
  bool reference_features = false;
  bool logits = false;
  bool reference = false;
  for (const Job& job : jobs_) {
    logits |= job.needs.logits && !request_.logits;
    reference |= job.needs.reference;
    if (!job.needs.features) continue;
    generated_features |= !uses_statistics(*request_.generated, job.needs, request_);
    reference_features |= !uses_statistics(*request_.reference, job.needs, request_);
  }
  if (request_.generated) {
    generated_ = read_side(*request_.generated, generated_features, logits);
    if (request_.generated->has_labels()) generated_.all.labels = request_.generated->labels();
  }
  if (request_.reference && reference) {
    reference_ = read_side(*request_.reference, reference_features, false);
    source_.reference = request_.reference->name();
    hashing_ =
        std::async(std::launch::async, [this] { return request_.reference->content_hash(); });
  }
  if (request_.logits) generated_.all.logits = read_feature_file(*request_.logits);
  check_widths();
}

void Evaluation::check_widths() const {
  const auto width = [](const SampleBatch& side) -> int64_t {
    if (side.features.defined()) return side.features.size(1);
    return side.statistics ? side.statistics->mean.numel() : 0;
  };
  const int64_t mine = width(generated_.all);
  const int64_t theirs = width(reference_.all);
  if (mine > 0 && theirs > 0 && mine != theirs) {
    throw UsageError("{}: features are {} and {} wide; one network must have made both", files(),
                     mine, theirs);
  }
}

std::string Evaluation::files() const {
  std::string text;
  const auto name = [&](const std::filesystem::path& path) {
    text += (text.empty() ? "" : " and ") + path.string();
  };
  if (request_.generated) name(request_.generated->path());
  if (request_.reference) name(request_.reference->path());
  if (request_.logits) name(*request_.logits);
  return text;
}

MetricResult Evaluation::result_of(const Metric& metric) const {
  try {
    return metric.result();
  } catch (const UsageError& error) {
    throw UsageError("{}: {}", files(), error.what());
  } catch (const RunError& error) {
    throw RunError("{}: {}", files(), error.what());
  }
}

MetricResult Evaluation::paired(const Job& job) {
  const auto pairs = pair_up(*request_.generated, *request_.reference);
  const auto metric = registry_.make(job.request->name, job.request->parameters, source_);
  const auto left = request_.generated->image_reader();
  const auto right = request_.reference->image_reader();
  int64_t skipped = 0;
  for (const auto& [mine, theirs] : pairs) {
    MetricBatch pair;
    try {
      pair.generated.images = left(mine).unsqueeze(0);
      pair.reference.images = right(theirs).unsqueeze(0);
    } catch (const RunError& error) {
      if (!request_.skip_bad) throw RunError("{} (--skip-bad leaves such pairs out)", error.what());
      ++skipped;
      continue;
    }
    try {
      metric->add(pair);
    } catch (const UsageError& error) {
      throw UsageError("{}, image {}: {}", request_.generated->path().string(), mine, error.what());
    }
  }
  MetricResult result = metric->result();
  if (skipped > 0) result.protocol["skipped_pairs"] = skipped;
  return result;
}

MetricResult Evaluation::unpaired(const Job& job) {
  const auto make = [&] {
    return registry_.make(job.request->name, job.request->parameters, source_);
  };
  const auto metric = make();
  // One side after the other, so that a message can name the file.
  const auto add = [&](const MetricBatch& batch, const std::filesystem::path& file) {
    try {
      metric->add(batch);
    } catch (const RunError& error) {
      throw RunError("{}: {}", file.string(), error.what());
    } catch (const UsageError& error) {
      throw UsageError("{}: {}", file.string(), error.what());
    }
  };
  MetricBatch batch;
  batch.generated = generated_.all;
  if (request_.generated && uses_statistics(*request_.generated, job.needs, request_)) {
    batch.generated.features = at::Tensor();
  } else {
    batch.generated.statistics = nullptr;
  }
  if (request_.generated || request_.logits) {
    add(batch, job.needs.logits && request_.logits ? *request_.logits : request_.generated->path());
  }
  MetricBatch other;
  if (job.needs.reference) {
    other.reference = reference_.all;
    if (uses_statistics(*request_.reference, job.needs, request_)) {
      other.reference.features = at::Tensor();
    } else {
      other.reference.statistics = nullptr;
    }
    add(other, request_.reference->path());
  }
  MetricResult result = result_of(*metric);
  if (request_.interval_splits > 0) {
    batch.reference = other.reference;
    add_interval(result, make, batch, request_.interval_splits);
  }
  return result;
}

EvaluatedMetric Evaluation::finish(const Job& job) {
  EvaluatedMetric done{metric_label(job.request->name, request_.network),
                       job.needs.images ? paired(job) : unpaired(job)};
  if (hashing_.valid()) reference_hash_ = hashing_.get();
  if (job.needs.reference) {
    done.result.protocol["reference"] = source_.reference;
    done.result.protocol["reference_sha256"] = reference_hash_;
  }
  const int64_t skipped = generated_.skipped + reference_.skipped;
  if (skipped > 0) done.result.protocol["skipped_images"] = skipped;
  if (!std::isfinite(done.result.value) || (done.result.std && !std::isfinite(*done.result.std))) {
    throw RunError("[{}] the result is not finite: the inputs are too large for float64",
                   job.request->name);
  }
  return done;
}

std::vector<EvaluatedMetric> Evaluation::run() {
  plan();
  read();
  std::vector<EvaluatedMetric> results;
  for (const Job& job : jobs_) results.push_back(finish(job));
  return results;
}

}  // namespace

std::vector<EvaluatedMetric> evaluate_metrics(const EvaluationRequest& request) {
  return Evaluation(request).run();
}

}  // namespace cq
