#include "cq/metrics/numerics/neighbours.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <utility>

#include "cq/base/error.h"
#include "cq/core/parallel.h"

namespace cq {
namespace {

// The other factor of a product is packed anew for every block of rows: large ones.
constexpr int64_t kRowsAtOnce = 2048;
constexpr int64_t kProductsAtOnce = 1 << 26;
constexpr int64_t kLane = 32;
// Radii are found for every k up to this one at a time: precision asks for 3, density for 5.
constexpr int64_t kNearest = 5;
// Narrower features cost little in float64, and their small distances need it.
constexpr int64_t kNarrow = 64;

int64_t rows_at_once(int64_t rows, int64_t columns) {
  return std::min(rows, std::clamp<int64_t>(kProductsAtOnce / columns, 256, kRowsAtOnce));
}

template <class Float>
constexpr at::ScalarType scalar_type() {
  return std::is_same_v<Float, float> ? at::kFloat : at::kDouble;
}

template <class Float>
double difference_sum(const Float* a, const Float* b, int64_t width) {
  // Eight fixed partial sums: vectorisable, the same in every build, and symmetric in a and b.
  double sums[8] = {};
  int64_t d = 0;
  for (; d + 8 <= width; d += 8) {
    for (int lane = 0; lane < 8; ++lane) {
      const double delta = static_cast<double>(a[d + lane]) - static_cast<double>(b[d + lane]);
      sums[lane] += delta * delta;
    }
  }
  for (; d < width; ++d) {
    const double delta = static_cast<double>(a[d]) - static_cast<double>(b[d]);
    sums[0] += delta * delta;
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// The power of two that brings the largest magnitude near 1, where squares would else leave what
/// a float32 holds; 1 for the usual magnitudes.
double safe_scale(const at::Tensor& a, const at::Tensor& b, const at::Tensor& centre) {
  double largest = 0;
  for (const at::Tensor* rows : {&a, &b}) {
    if (rows->numel() == 0) continue;
    // A column less its mean is extreme where its extremes are.
    const auto [least, most] = std::pair(rows->amin(0) - centre, rows->amax(0) - centre);
    largest =
        std::max({largest, least.abs().max().item<double>(), most.abs().max().item<double>()});
  }
  if (largest == 0 || (largest > 0x1p-20 && largest < 0x1p40)) return 1;
  return std::ldexp(1.0, -std::clamp(std::ilogb(largest), -1000, 1000));
}

/// What products too small for a float32 may lose of a screened squared distance.
double underflow_of(const at::Tensor& screen) {
  return static_cast<double>(screen.size(1) + 8) * 0x1p-125;
}

/// norms * factor as a plain array of the products' type.
template <class Float>
std::vector<Float> scaled(const at::Tensor& norms, double factor) {
  const double* values = norms.const_data_ptr<double>();
  std::vector<Float> result(static_cast<size_t>(norms.numel()));
  for (size_t i = 0; i < result.size(); ++i) result[i] = static_cast<Float>(values[i] * factor);
  return result;
}

/// Whether any of `offset[j] - 2 product[j]` over one lane is at most `limit`.
template <class Float>
bool any_within(const Float* offset, const Float* product, Float limit) {
  Float least = std::numeric_limits<Float>::max();
  for (int64_t j = 0; j < kLane; ++j) least = std::min(least, offset[j] - 2 * product[j]);
  return least <= limit;
}

/// The k least upper bounds seen so far, largest last.
template <class Float>
class LeastBounds {
 public:
  explicit LeastBounds(int64_t k)
      : bounds_(static_cast<size_t>(k), std::numeric_limits<Float>::infinity()) {}
  Float limit() const { return bounds_.back(); }
  void offer(Float bound) {
    if (bound >= bounds_.back()) return;
    bounds_.back() = bound;
    for (size_t i = bounds_.size() - 1; i > 0 && bounds_[i] < bounds_[i - 1]; --i) {
      std::swap(bounds_[i], bounds_[i - 1]);
    }
  }

 private:
  std::vector<Float> bounds_;
};

}  // namespace

NeighbourSpace::NeighbourSpace(const at::Tensor& reference, const at::Tensor& generated) {
  if (reference.size(1) != generated.size(1)) {
    throw UsageError(
        "[neighbours] generated features are {} wide, the reference's {}: one network "
        "must have made both",
        generated.size(1), reference.size(1));
  }
  const int64_t width = reference.size(1);
  const bool narrow = width <= kNarrow;
  // Distances do not see a common shift, and short vectors round less.
  const at::Tensor centre = reference.mean(0, false, at::kDouble);
  const double scale = safe_scale(reference, generated, centre);
  const auto prepare = [&](const at::Tensor& given) {
    Set set;
    const bool wide_type = given.scalar_type() == at::kDouble || scale != 1;
    const at::Tensor rows = scale == 1 ? given : given.to(at::kDouble) * scale;
    set.exact = rows.to(wide_type ? at::kDouble : at::kFloat).contiguous();
    set.screen = (rows.to(at::kDouble) - centre * scale).to(narrow ? at::kDouble : at::kFloat);
    set.norms = set.screen.to(at::kDouble).square().sum(1);
    return set;
  };
  reference_ = prepare(reference);
  generated_ = prepare(generated);
  if (reference_.exact.scalar_type() != generated_.exact.scalar_type()) {
    reference_.exact = reference_.exact.to(at::kDouble);
    generated_.exact = generated_.exact.to(at::kDouble);
  }
  // Products are summed in runs of at most some hundred terms; each term rounds once, and so do the
  // norms, the centring and the final sums.
  const double unit = narrow ? 0x1p-53 : 0x1p-24;
  band_ = unit * static_cast<double>(std::min<int64_t>(width, 512) + width / 256 + 16);
}

double NeighbourSpace::exact_distance(const Set& a, int64_t i, const Set& b, int64_t j) const {
  const int64_t width = a.exact.size(1);
  if (a.exact.scalar_type() == at::kFloat) {
    return difference_sum(a.exact.const_data_ptr<float>() + i * width,
                          b.exact.const_data_ptr<float>() + j * width, width);
  }
  return difference_sum(a.exact.const_data_ptr<double>() + i * width,
                        b.exact.const_data_ptr<double>() + j * width, width);
}

std::vector<double> NeighbourSpace::squared_radii(Side side, int64_t k) {
  const Set& rows = set(side);
  if (k < 1 || rows.exact.size(0) < k + 1) {
    throw UsageError("[neighbours] k = {} needs at least {} {} samples, got {}", k, k + 1,
                     side == Side::reference ? "reference" : "generated", rows.exact.size(0));
  }
  Nearest& nearest = side == Side::reference ? reference_nearest_ : generated_nearest_;
  if (nearest.k < k) {
    nearest.k = std::min(std::max(k, kNearest), rows.exact.size(0) - 1);
    nearest.distances.resize(static_cast<size_t>(rows.exact.size(0) * nearest.k));
    if (rows.screen.scalar_type() == at::kFloat) {
      find_nearest<float>(rows, nearest);
    } else {
      find_nearest<double>(rows, nearest);
    }
  }
  std::vector<double> radii;
  for (auto at = static_cast<size_t>(k - 1); at < nearest.distances.size();
       at += static_cast<size_t>(nearest.k)) {
    radii.push_back(nearest.distances[at]);
  }
  return radii;
}

template <class Float>
void NeighbourSpace::find_nearest(const Set& rows, Nearest& nearest) const {
  const int64_t k = nearest.k;
  const int64_t count = rows.screen.size(0);
  const std::vector<Float> lower = scaled<Float>(rows.norms, 1 - band_);
  const std::vector<Float> upper = scaled<Float>(rows.norms, 1 + band_);
  // |x|^2 of the row itself is common to all its distances; only its rounding band matters.
  const std::vector<Float> own_band = scaled<Float>(rows.norms, band_);
  const auto underflow = static_cast<Float>(underflow_of(rows.screen));
  const int64_t step = rows_at_once(count, count);
  at::Tensor products = at::empty({step, count}, scalar_type<Float>());
  for (int64_t begin = 0; begin < count; begin += step) {
    const int64_t block = std::min(step, count - begin);
    at::Tensor target = products.slice(0, 0, block);
    at::mm_out(target, rows.screen.slice(0, begin, begin + block), rows.screen.t());
    const Float* base = target.const_data_ptr<Float>();
    parallel_for(0, block, 16, [&](int64_t first, int64_t last) {
      std::vector<std::pair<Float, int64_t>> candidates;
      std::vector<double> exact;
      for (int64_t r = first; r < last; ++r) {
        const int64_t i = begin + r;
        const Float* product = base + r * count;
        const Float slack = 2 * (own_band[static_cast<size_t>(i)] + underflow);
        LeastBounds<Float> least(k);
        candidates.clear();
        const auto consider = [&](int64_t j) {
          const Float low = lower[static_cast<size_t>(j)] - 2 * product[j];
          if (j == i || low > least.limit() + slack) return;
          candidates.emplace_back(low, j);
          least.offer(upper[static_cast<size_t>(j)] - 2 * product[j]);
        };
        int64_t j = 0;
        for (; j + kLane <= count; j += kLane) {
          if (!any_within(lower.data() + j, product + j, least.limit() + slack)) continue;
          for (int64_t lane = 0; lane < kLane; ++lane) consider(j + lane);
        }
        for (; j < count; ++j) consider(j);
        exact.clear();
        for (const auto& [low, other] : candidates) {
          if (low <= least.limit() + slack) exact.push_back(exact_distance(rows, i, rows, other));
        }
        std::partial_sort_copy(exact.begin(), exact.end(), nearest.distances.begin() + i * k,
                               nearest.distances.begin() + (i + 1) * k);
      }
    });
  }
}

NeighbourSpace::Membership NeighbourSpace::membership(
    const std::vector<double>& reference_radii, const std::vector<double>& generated_radii) const {
  Membership result;
  result.reference_balls.assign(generated_radii.size(), 0);
  result.covered.assign(reference_radii.size(), 0);
  result.recalled.assign(reference_radii.size(), 0);
  if (reference_.screen.scalar_type() == at::kFloat) {
    fill<float>(reference_radii, generated_radii, result);
  } else {
    fill<double>(reference_radii, generated_radii, result);
  }
  return result;
}

template <class Float>
void NeighbourSpace::fill(const std::vector<double>& reference_radii,
                          const std::vector<double>& generated_radii, Membership& result) const {
  const int64_t rows = reference_.screen.size(0);
  const int64_t columns = generated_.screen.size(0);
  const double* row_norms = reference_.norms.const_data_ptr<double>();
  const double* column_norms = generated_.norms.const_data_ptr<double>();
  const std::vector<Float> lower = scaled<Float>(generated_.norms, 1 - band_);
  std::vector<Float> lower_less_radius(lower.size());
  for (size_t j = 0; j < lower.size(); ++j) {
    lower_less_radius[j] = lower[j] - static_cast<Float>(generated_radii[j] * (1 + band_));
  }
  const double underflow = underflow_of(reference_.screen);
  const int64_t step = rows_at_once(rows, columns);
  at::Tensor products = at::empty({step, columns}, scalar_type<Float>());
  for (int64_t begin = 0; begin < rows; begin += step) {
    const int64_t block = std::min(step, rows - begin);
    at::Tensor target = products.slice(0, 0, block);
    at::mm_out(target, reference_.screen.slice(0, begin, begin + block), generated_.screen.t());
    const Float* base = target.const_data_ptr<Float>();
    parallel_for(0, block, 16, [&](int64_t first, int64_t last) {
      for (int64_t r = first; r < last; ++r) {
        const int64_t i = begin + r;
        const auto row = static_cast<size_t>(i);
        const Float* product = base + r * columns;
        const double norm = row_norms[row];
        const double radius = reference_radii[row];
        const auto own = static_cast<Float>(-norm * (1 - 2 * band_) + underflow);
        const auto within = static_cast<Float>(own + radius * (1 + band_));
        const auto decide = [&](int64_t j) {
          const auto column = static_cast<size_t>(j);
          const double sum = norm + column_norms[column];
          const double screened = sum - 2 * static_cast<double>(product[j]);
          const double error = 2 * band_ * sum + underflow;
          double exact = -1;
          const auto inside = [&](double squared_radius) {
            if (screened - error > squared_radius) return false;
            if (screened + error < squared_radius) return true;
            if (exact < 0) exact = exact_distance(reference_, i, generated_, j);
            return exact <= squared_radius;
          };
          if (inside(radius)) {
            std::atomic_ref<int32_t>(result.reference_balls[column])
                .fetch_add(1, std::memory_order_relaxed);
            result.covered[row] = 1;
          }
          if (!result.recalled[row] && inside(generated_radii[column])) result.recalled[row] = 1;
        };
        int64_t j = 0;
        for (; j + kLane <= columns; j += kLane) {
          if (any_within(lower.data() + j, product + j, within) ||
              any_within(lower_less_radius.data() + j, product + j, own)) {
            for (int64_t lane = 0; lane < kLane; ++lane) decide(j + lane);
          }
        }
        for (; j < columns; ++j) decide(j);
      }
    });
  }
}

}  // namespace cq
