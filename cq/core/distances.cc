#include "cq/core/distances.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include <ATen/ops/tensor.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/core/distances_kernel.h"
#include "cq/core/parallel.h"

namespace cq {
namespace {

constexpr int64_t kLongestBlock = 1024;
constexpr int64_t kMostBins = 64;
constexpr int64_t kRowValues = 3;

int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

kernels::PairSum pair_sum(DistanceMetric metric) {
  if (metric == DistanceMetric::affine) return kernels::PairSum::moments;
  return metric == DistanceMetric::l2 ? kernels::PairSum::squared : kernels::PairSum::absolute;
}

at::ScalarType scalar_type(FeatureStorage storage) {
  if (storage == FeatureStorage::float16) return at::kHalf;
  return storage == FeatureStorage::bfloat16 ? at::kBFloat16 : at::kFloat;
}

int64_t max_lag(const DistanceOptions& options) {
  return std::min(options.window, options.steps) - 1;
}

int64_t pair_values(const DistanceOptions& options) {
  return kernels::pair_values(pair_sum(options.metric));
}

}  // namespace

DistanceMetric parse_distance_metric(const std::string& name) {
  if (name == "l1") return DistanceMetric::l1;
  if (name == "rel_l1") return DistanceMetric::rel_l1;
  if (name == "l2") return DistanceMetric::l2;
  if (name == "affine") return DistanceMetric::affine;
  throw UsageError("[distances] unknown metric '{}' (known: l1, rel_l1, l2, affine)", name);
}

FeatureStorage parse_feature_storage(const std::string& name) {
  if (name == "float32") return FeatureStorage::float32;
  if (name == "float16") return FeatureStorage::float16;
  if (name == "bfloat16") return FeatureStorage::bfloat16;
  throw UsageError("[distances] unknown storage '{}' (known: float32, float16, bfloat16)", name);
}

DistanceWindow::DistanceWindow(const DistanceOptions& options) : options_(options) {
  if (options.steps < 1 || options.window < 1 || options.lookahead < 1) {
    throw UsageError(
        "[distances] steps, window and lookahead must be at least 1, got {} steps, window {}, "
        "lookahead {}",
        options.steps, options.window, options.lookahead);
  }
  options_.lookahead = std::min(options.lookahead, options.steps);
  slots_ = max_lag(options_) + options_.lookahead;
}

// Sample-major and dense; `affine` wants the channels next to the samples.
at::Tensor DistanceWindow::arranged(const at::Tensor& feature) const {
  at::Tensor values = feature.detach().to(at::kCPU);
  if (options_.metric == DistanceMetric::affine) {
    values = values.movedim(options_.channel_axis, 1);
  }
  return values.to(scalar_type(options_.storage)).contiguous();
}

void DistanceWindow::begin_batch(const at::Tensor& feature) {
  const auto sizes = feature.sizes();
  const bool by_channel = options_.metric == DistanceMetric::affine;
  if (by_channel && (options_.channel_axis < 1 || options_.channel_axis >= feature.dim())) {
    throw UsageError("[distances] channel axis {} of features of shape [{}]", options_.channel_axis,
                     fmt::join(sizes, ", "));
  }
  if (feature.dim() < 1 || feature.numel() == 0 || !feature.is_floating_point()) {
    throw UsageError("[distances] expected float features [samples, ...], got shape [{}]",
                     fmt::join(sizes, ", "));
  }
  const int64_t channels = by_channel ? feature.size(options_.channel_axis) : 1;
  if (sum_bins_ != 0 && sum_bins_ != channels) {
    throw RunError("[distances] a batch with {} channels after batches with {}", channels,
                   sum_bins_);
  }
  if (sum_bins_ == 0) {
    sum_bins_ = channels;
    row_sums_.assign(static_cast<size_t>(channels * options_.steps * kRowValues), 0.0);
    pair_sums_.assign(
        static_cast<size_t>(channels * options_.steps * max_lag(options_) * pair_values(options_)),
        0.0);
  }
  if (ring_.defined() && sizes.vec() == shape_) return;
  shape_ = sizes.vec();
  runs_ = feature.size(0) * channels;
  run_length_ = feature.numel() / runs_;
  blocks_per_run_ = ceil_div(run_length_, kLongestBlock);
  block_length_ =
      ceil_div(ceil_div(run_length_, blocks_per_run_), kernels::kBlockUnit) * kernels::kBlockUnit;
  blocks_per_run_ = ceil_div(run_length_, block_length_);
  bins_ = by_channel ? channels : std::min(kMostBins, runs_ * blocks_per_run_);
  ring_ = at::Tensor();  // frees the old one first
  ring_ = at::zeros({runs_ * blocks_per_run_, slots_, block_length_},
                    at::TensorOptions().dtype(scalar_type(options_.storage)));
}

void DistanceWindow::add(int64_t step, const at::Tensor& feature) {
  if (step != next_step_) {
    throw RunError("[distances] expected the feature of step {}, got that of step {}", next_step_,
                   step);
  }
  if (step == 0) begin_batch(feature);
  if (feature.sizes() != at::IntArrayRef(shape_)) {
    throw RunError("[distances] step {} has a feature of shape [{}], earlier steps had [{}]", step,
                   fmt::join(feature.sizes(), ", "), fmt::join(shape_, ", "));
  }
  store(step % slots_, arranged(feature));
  ++next_step_;
  const bool complete = next_step_ == options_.steps;
  if (complete || next_step_ - first_pending_ == options_.lookahead) flush();
  if (!complete) return;
  next_step_ = first_pending_ = 0;
  samples_ += shape_[0];
  bin_elements_ += runs_ / sum_bins_ * run_length_;
}

void DistanceWindow::store(int64_t slot, const at::Tensor& feature) {
  const int64_t width = feature.element_size();
  const auto* from = static_cast<const char*>(feature.const_data_ptr());
  auto* to = static_cast<char*>(ring_.mutable_data_ptr());
  parallel_for(0, runs_ * blocks_per_run_, 16, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; ++block) {
      const int64_t start = block % blocks_per_run_ * block_length_;
      const int64_t count = std::min(block_length_, run_length_ - start);
      std::memcpy(to + (block * slots_ + slot) * block_length_ * width,
                  from + (block / blocks_per_run_ * run_length_ + start) * width,
                  static_cast<size_t>(count * width));
    }
  });
}

const float* DistanceWindow::row(int64_t block, int64_t step, float* scratch) const {
  const int64_t offset = (block * slots_ + step % slots_) * block_length_;
  if (options_.storage == FeatureStorage::float32) {
    return static_cast<const float*>(ring_.const_data_ptr()) + offset;
  }
  const auto* from = static_cast<const uint16_t*>(ring_.const_data_ptr()) + offset;
  if (options_.storage == FeatureStorage::float16) {
    kernels::widen_float16(from, block_length_, scratch);
  } else {
    kernels::widen_bfloat16(from, block_length_, scratch);
  }
  return scratch;
}

// rows [pending][3] and pairs [pending][max_lag][values], over the blocks of one bin.
void DistanceWindow::sum_bin(int64_t bin, double* rows, double* pairs) const {
  const int64_t oldest = std::max<int64_t>(0, first_pending_ - max_lag(options_));
  const int64_t row_count = next_step_ - oldest;
  const int64_t pending = next_step_ - first_pending_;
  const int64_t pair_count = pending * max_lag(options_) * pair_values(options_);
  std::vector<const float*> pointers(static_cast<size_t>(row_count));
  std::vector<float> scratch(options_.storage == FeatureStorage::float32
                                 ? 0
                                 : static_cast<size_t>(row_count * block_length_));
  std::vector<float> sums(static_cast<size_t>(pair_count), 0.0f);
  const auto add_block = [&](int64_t block) {
    for (int64_t r = 0; r < row_count; ++r) {
      pointers[static_cast<size_t>(r)] =
          row(block, oldest + r, scratch.data() + (scratch.empty() ? 0 : r * block_length_));
    }
    for (int64_t p = 0; p < pending; ++p) {
      float one[kRowValues];
      kernels::row_sums(pointers[static_cast<size_t>(row_count - pending + p)], block_length_, one);
      for (int64_t k = 0; k < kRowValues; ++k) rows[p * kRowValues + k] += one[k];
    }
    kernels::pair_sums(
        pair_sum(options_.metric),
        {pointers.data(), row_count, row_count - pending, max_lag(options_), block_length_},
        sums.data());
    for (int64_t k = 0; k < pair_count; ++k) pairs[k] += sums[static_cast<size_t>(k)];
  };
  if (options_.metric == DistanceMetric::affine) {
    for (int64_t run = bin; run < runs_; run += bins_) {
      for (int64_t b = 0; b < blocks_per_run_; ++b) add_block(run * blocks_per_run_ + b);
    }
  } else {
    const int64_t blocks = runs_ * blocks_per_run_;
    for (int64_t b = bin * blocks / bins_; b < (bin + 1) * blocks / bins_; ++b) add_block(b);
  }
}

void DistanceWindow::flush() {
  const int64_t pending = next_step_ - first_pending_;
  const int64_t row_count = pending * kRowValues;
  const int64_t count = row_count + pending * max_lag(options_) * pair_values(options_);
  std::vector<double> sums(static_cast<size_t>(bins_ * count), 0.0);
  parallel_for(0, bins_, 1, [&](int64_t first, int64_t last) {
    for (int64_t bin = first; bin < last; ++bin) {
      sum_bin(bin, sums.data() + bin * count, sums.data() + bin * count + row_count);
    }
  });
  // One order of addition, whatever the number of threads.
  for (int64_t bin = 0; bin < bins_; ++bin) {
    collect(bin, sums.data() + bin * count, sums.data() + bin * count + row_count);
  }
  check_finite();
  first_pending_ = next_step_;
}

void DistanceWindow::collect(int64_t bin, const double* rows, const double* pairs) {
  const int64_t to = sum_bins_ == 1 ? 0 : bin;
  const int64_t lags = max_lag(options_), values = pair_values(options_);
  for (int64_t step = first_pending_; step < next_step_; ++step) {
    const int64_t p = step - first_pending_;
    for (int64_t k = 0; k < kRowValues; ++k) {
      row_sums_[static_cast<size_t>((to * options_.steps + step) * kRowValues + k)] +=
          rows[p * kRowValues + k];
    }
    for (int64_t lag = 1; lag <= std::min(lags, step); ++lag) {
      for (int64_t k = 0; k < values; ++k) {
        pair_sums_[static_cast<size_t>(
            ((to * options_.steps + step - lag) * lags + lag - 1) * values + k)] +=
            pairs[(p * lags + lag - 1) * values + k];
      }
    }
  }
}

void DistanceWindow::check_finite() const {
  for (int64_t step = first_pending_; step < next_step_; ++step) {
    for (int64_t bin = 0; bin < sum_bins_; ++bin) {
      const double sum = row_sums_[static_cast<size_t>((bin * options_.steps + step) * kRowValues)];
      if (std::isfinite(sum)) continue;
      throw RunError("[distances] the feature of step {} holds NaN, infinity{}", step,
                     options_.storage == FeatureStorage::float16
                         ? " or values beyond float16's 65504 (store float32 or bfloat16)"
                         : " or values too large to add up");
    }
  }
}

void DistanceWindow::merge(const DistanceWindow& other) {
  const DistanceOptions &a = options_, &b = other.options_;
  if (a.steps != b.steps || a.window != b.window || a.metric != b.metric ||
      (sum_bins_ != 0 && other.sum_bins_ != 0 && sum_bins_ != other.sum_bins_)) {
    throw UsageError("[distances] windows of other steps, width, metric or channels do not merge");
  }
  if (next_step_ != 0 || other.next_step_ != 0) {
    throw RunError("[distances] merged within a batch");
  }
  if (other.samples_ == 0) return;
  row_sums_.resize(other.row_sums_.size(), 0.0);
  pair_sums_.resize(other.pair_sums_.size(), 0.0);
  for (size_t k = 0; k < row_sums_.size(); ++k) row_sums_[k] += other.row_sums_[k];
  for (size_t k = 0; k < pair_sums_.size(); ++k) pair_sums_[k] += other.pair_sums_[k];
  sum_bins_ = other.sum_bins_;
  samples_ += other.samples_;
  bin_elements_ += other.bin_elements_;
}

NamedTensors DistanceWindow::state() const {
  if (next_step_ != 0) throw RunError("[distances] state asked for within a batch");
  return {{"rows", at::tensor(row_sums_, at::kDouble)},
          {"pairs", at::tensor(pair_sums_, at::kDouble)},
          {"counts", at::tensor({sum_bins_, samples_, bin_elements_}, at::kLong)}};
}

void DistanceWindow::take_up(const NamedTensors& state) {
  const auto numbers = [&](const char* name) {
    const auto& tensor = state.at(name);
    const auto* first = tensor.const_data_ptr<double>();
    return std::vector<double>(first, first + tensor.numel());
  };
  const auto& counts = state.at("counts");
  DistanceWindow other(options_);
  other.row_sums_ = numbers("rows");
  other.pair_sums_ = numbers("pairs");
  other.sum_bins_ = counts[0].item<int64_t>();
  other.samples_ = counts[1].item<int64_t>();
  other.bin_elements_ = counts[2].item<int64_t>();
  merge(other);
}

// Regressing d = y - x instead of y on x leaves the same residual, without the cancellation
// between two nearly equal features: C_dd - C_dx^2 / C_xx for each channel.
double DistanceWindow::affine_cost(int64_t start, int64_t step) const {
  const auto n = static_cast<double>(bin_elements_);
  const int64_t lags = max_lag(options_);
  double cost = 0;
  for (int64_t bin = 0; bin < sum_bins_; ++bin) {
    const double* x = &row_sums_[static_cast<size_t>((bin * options_.steps + start) * kRowValues)];
    const double* d = &pair_sums_[static_cast<size_t>(
        ((bin * options_.steps + start) * lags + (step - start) - 1) * 3)];
    const double c_dd = d[1] - d[0] * d[0] / n;
    const double c_dx = d[2] - d[0] * x[1] / n;
    const double c_xx = x[2] - x[1] * x[1] / n;
    cost += std::max(0.0, c_xx > 0 ? c_dd - c_dx * c_dx / c_xx : c_dd);
  }
  return cost;
}

CostTable DistanceWindow::costs() const {
  if (next_step_ != 0 || samples_ == 0) {
    throw RunError("[distances] asked for after step {} of {}; a whole batch is needed",
                   next_step_ - 1, options_.steps);
  }
  CostTable table(options_.steps, options_.window);
  const int64_t lags = max_lag(options_);
  for (int64_t start = 0; start < options_.steps; ++start) {
    for (int64_t step = start + 1; step <= std::min(start + lags, options_.steps - 1); ++step) {
      double& cost = table.at(start, step);
      if (options_.metric == DistanceMetric::affine) {
        cost = affine_cost(start, step);
        continue;
      }
      cost = pair_sums_[static_cast<size_t>(start * lags + (step - start) - 1)];
      if (options_.metric != DistanceMetric::rel_l1 || cost == 0) continue;
      const double norm = row_sums_[static_cast<size_t>(step * kRowValues)];
      if (norm == 0) {
        throw RunError("[distances] rel_l1: the feature of step {} is zero everywhere", step);
      }
      cost /= norm;
    }
  }
  return table;
}

int64_t DistanceWindow::window_bytes() const {
  return ring_.defined() ? ring_.numel() * ring_.element_size() : 0;
}

}  // namespace cq
