#include "cq/metrics/evaluation.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <utility>

#include "cq/base/error.h"
#include "cq/base/hash.h"
#include "cq/metrics/evaluation_checks.h"
#include "cq/metrics/evaluation_sides.h"
#include "cq/metrics/jackknife.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

/// Runs `work`; its errors begin with `files`.
template <class Work>
auto naming(const std::string& files, const Work& work) {
  try {
    return work();
  } catch (const UsageError& error) {
    throw UsageError("{}: {}", files, error.what());
  } catch (const RunError& error) {
    throw RunError("{}: {}", files, error.what());
  }
}

class Evaluation {
 public:
  explicit Evaluation(const EvaluationRequest& request) : request_(request) {}
  std::vector<EvaluatedMetric> run();

 private:
  void plan();
  void plan_sides();
  void plan_prompts();
  void plan_pairs();
  void make_networks();
  void check_network(const EvaluationInput& input, const SideNeeds& needs) const;
  void read();
  EvaluatedMetric finish(const EvaluationJob& job);
  MetricResult paired(const EvaluationJob& job);
  MetricResult unpaired(const EvaluationJob& job);
  void feed(const EvaluationJob& job, Metric& metric, MetricBatch& batch) const;
  std::string files() const;
  void check_widths() const;

  const EvaluationRequest& request_;
  const MetricRegistry registry_ = metric_registry();
  MetricSource source_;
  std::vector<EvaluationJob> jobs_;
  SideNeeds generated_needs_;
  SideNeeds reference_needs_;
  bool images_paired_ = false;
  std::unique_ptr<FeatureNetwork> network_;
  std::optional<ImagePrompts> prompts_;
  std::vector<std::pair<int64_t, int64_t>> pairs_;
  EvaluationSide generated_;
  EvaluationSide reference_;
  std::future<std::string> hashing_;
  std::string reference_hash_;
};

void Evaluation::plan() {
  if (request_.metrics.empty()) throw UsageError("no metric was asked for (--metrics fid,kid)");
  if (request_.batch < 1) throw UsageError("a batch must hold at least 1 image");
  if (request_.interval_splits < 0 || request_.interval_splits == 1) {
    throw UsageError("an interval needs at least 2 splits, got {}", request_.interval_splits);
  }
  for (const RequestedMetric& asked : request_.metrics) {
    for (const EvaluationJob& job : jobs_) {
      if (job.request->name == asked.name) throw UsageError("[{}] is asked for twice", asked.name);
    }
    jobs_.push_back({&asked, registry_.make(asked.name, asked.parameters, source_)->needs()});
    check_job(jobs_.back(), request_);
  }
  check_all_used(jobs_, request_);
  plan_sides();
  plan_prompts();
  make_networks();
}

void Evaluation::plan_sides() {
  for (const EvaluationJob& job : jobs_) {
    const MetricNeeds& needs = job.needs;
    generated_needs_.logits |= wants_network_logits(needs, request_);
    images_paired_ |= needs.images;
    const auto note = [&](const EvaluationInput& input, SideNeeds& side) {
      const bool stored = uses_statistics(input, needs, request_);
      side.statistics |= stored && needs.features;
      side.spatial_statistics |= stored && needs.spatial;
      side.features |= !stored && needs.features;
      side.spatial |= !stored && needs.spatial;
    };
    if (needs.features || needs.spatial) note(*request_.generated, generated_needs_);
    if (needs.reference) note(*request_.reference, reference_needs_);
  }
}

void Evaluation::plan_prompts() {
  if (!request_.prompts) return;
  prompts_.emplace(*request_.prompts, request_.network == "none", request_.find_tokenizer);
  const EvaluationInput& images = *request_.generated;
  if (prompts_->count() != images.count()) {
    throw UsageError("{}: {} texts for {} images in {}", prompts_->file().string(),
                     prompts_->count(), images.count(), images.path().string());
  }
}

void Evaluation::plan_pairs() {
  const EvaluationInput &images = *request_.generated, &references = *request_.reference;
  pairs_ = pair_up(images, references);
  const auto size = images.check_images(request_.skip_bad);
  const auto other = references.check_images(request_.skip_bad);
  if (size && other && (size->height != other->height || size->width != other->width)) {
    throw UsageError("{} and {}: images are {}x{} and {}x{} pixels, they cannot be paired",
                     images.path().string(), references.path().string(), size->width, size->height,
                     other->width, other->height);
  }
}

void Evaluation::check_network(const EvaluationInput& input, const SideNeeds& needs) const {
  const auto size = needs.of_images() ? input.check_images(request_.skip_bad) : std::nullopt;
  naming(input.path().string(), [&] {
    if (size) network_->check_image_size(size->height, size->width);
    if (needs.statistics && input.statistics()->mean.numel() != network_->width()) {
      throw UsageError("statistics are of {} features, the network '{}' has {}",
                       input.statistics()->mean.numel(), network_->name(), network_->width());
    }
  });
}

void Evaluation::make_networks() {
  if (std::any_of(jobs_.begin(), jobs_.end(),
                  [](const EvaluationJob& job) { return job.needs.perceptual; })) {
    source_.perceptual = request_.make_perceptual();
  }
  const bool network =
      request_.network != "none" && (generated_needs_.of_images() || reference_needs_.of_images());
  if (images_paired_) plan_pairs();
  if (!network) return;
  if (!request_.make_network) {
    throw UsageError("--features {}: no such feature network in this program", request_.network);
  }
  network_ = request_.make_network();
  if (request_.generated) check_network(*request_.generated, generated_needs_);
  if (request_.reference) check_network(*request_.reference, reference_needs_);
  const auto lacks = [&](const EvaluationJob& job, const char* what, const char* hint) {
    throw UsageError("[{}] needs {}, the network '{}' has none ({})", job.request->name, what,
                     network_->name(), hint);
  };
  for (const EvaluationJob& job : jobs_) {
    if (wants_network_logits(job.needs, request_) && !network_->has_logits()) {
      lacks(job, "class predictions", "--logits L.npy");
    }
    if (job.needs.spatial && !network_->has_spatial()) {
      lacks(job, "spatial features", "--features inception");
    }
    if (job.needs.text && !network_->has_text()) {
      lacks(job, "text features", "--features clip");
    }
  }
  source_.features = network_->protocol();
}

void Evaluation::read() {
  const SideReader reader(request_, network_.get());
  const bool reference = std::any_of(jobs_.begin(), jobs_.end(),
                                     [](const EvaluationJob& job) { return job.needs.reference; });
  if (reference) {
    source_.reference = request_.reference->name();
    hashing_ =
        std::async(std::launch::async, [this] { return request_.reference->content_hash(); });
    // The cache asks for the hash at once; otherwise it is taken beside the metrics.
    if (network_ && !request_.cache.empty()) reference_hash_ = hashing_.get();
  }
  // What can be refused at once comes before a network's hours.
  if (reference) reference_ = reader.stored(*request_.reference, reference_needs_);
  if (request_.generated) generated_ = reader.stored(*request_.generated, generated_needs_);
  if (request_.logits) generated_.all.logits = read_float_rows(*request_.logits, "logits");
  if (reference) reader.compute_reference(reference_needs_, reference_hash_, reference_);
  if (request_.generated) {
    reader.compute_generated(generated_needs_, prompts_ ? &*prompts_ : nullptr, generated_);
  }
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
  if (request_.prompts) name(*request_.prompts);
  return text;
}

MetricResult Evaluation::paired(const EvaluationJob& job) {
  const auto metric = registry_.make(job.request->name, job.request->parameters, source_);
  const auto left = request_.generated->image_reader();
  const auto right = request_.reference->image_reader();
  int64_t skipped = 0;
  for (const auto& [mine, theirs] : pairs_) {
    MetricBatch pair;
    try {
      pair.generated.images = left(mine).unsqueeze(0);
      pair.reference.images = right(theirs).unsqueeze(0);
    } catch (const RunError& error) {
      if (!request_.skip_bad) throw RunError("{} (--skip-bad leaves such pairs out)", error.what());
      ++skipped;
      continue;
    }
    naming(fmt::format("{}, image {}", request_.generated->path().string(), mine),
           [&] { metric->add(pair); });
  }
  MetricResult result = naming(files(), [&] { return metric->result(); });
  if (skipped > 0) result.protocol["skipped_pairs"] = skipped;
  if (request_.interval_splits > 0 && result.std) {
    add_normal_interval(result, "normal, pairs independent");
  }
  return result;
}

void Evaluation::feed(const EvaluationJob& job, Metric& metric, MetricBatch& batch) const {
  // A side is known by its features or by its statistics, not by both.
  const auto choose = [&](const EvaluationInput& input, SampleBatch& side) {
    if (uses_statistics(input, job.needs, request_)) {
      side.features = side.spatial = at::Tensor();
    } else {
      side.statistics = side.spatial_statistics = nullptr;
    }
  };
  batch.generated = generated_.all;
  if (request_.generated) choose(*request_.generated, batch.generated);
  // One side after the other, so that a message can name the file.
  MetricBatch mine;
  mine.generated = batch.generated;
  const std::filesystem::path& file =
      job.needs.logits && request_.logits ? *request_.logits : request_.generated->path();
  naming(file.string(), [&] { metric.add(mine); });
  if (!job.needs.reference) return;
  batch.reference = reference_.all;
  choose(*request_.reference, batch.reference);
  MetricBatch theirs;
  theirs.reference = batch.reference;
  naming(request_.reference->path().string(), [&] { metric.add(theirs); });
}

MetricResult Evaluation::unpaired(const EvaluationJob& job) {
  MetricSource source = source_;
  if (job.needs.logits && request_.logits) source.features = {{"network", "none"}};
  const auto make = [&] {
    return registry_.make(job.request->name, job.request->parameters, source);
  };
  const auto metric = make();
  MetricBatch batch;
  feed(job, *metric, batch);
  MetricResult result = naming(files(), [&] { return metric->result(); });
  if (request_.interval_splits > 0) {
    add_interval(result, make, batch, request_.interval_splits);
  }
  return result;
}

EvaluatedMetric Evaluation::finish(const EvaluationJob& job) {
  const bool from_logits = job.needs.logits && request_.logits;
  EvaluatedMetric done{metric_label(job.request->name, from_logits ? "none" : request_.network),
                       job.needs.images ? paired(job) : unpaired(job)};
  if (hashing_.valid()) reference_hash_ = hashing_.get();
  if (job.needs.reference) {
    done.result.protocol["reference"] = source_.reference;
    done.result.protocol["reference_sha256"] = reference_hash_;
  }
  if (job.needs.text) {
    done.result.protocol["prompts"] = prompts_->file().filename().string();
    done.result.protocol["prompts_sha256"] = sha256_file(prompts_->file());
  }
  const int64_t skipped = generated_.skipped + reference_.skipped;
  if (skipped > 0 && !job.needs.images) done.result.protocol["skipped_images"] = skipped;
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
  for (const EvaluationJob& job : jobs_) results.push_back(finish(job));
  return results;
}

}  // namespace

std::vector<EvaluatedMetric> evaluate_metrics(const EvaluationRequest& request) {
  return Evaluation(request).run();
}

}  // namespace cq
