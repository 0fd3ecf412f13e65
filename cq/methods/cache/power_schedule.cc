#include "cq/methods/cache/power_schedule.h"

#include <cmath>
#include <complex>
#include <set>

#include "cq/base/error.h"
#include "cq/methods/cache/uniform_schedule.h"

namespace cq {
namespace {

using Complex = std::complex<double>;

constexpr double kLargestPower = 99;

void check_power(double power, const std::string& who) {
  if (power > 1 && power <= kLargestPower) return;
  throw UsageError("[{}] expected a power p above 1 and at most {}, got p={}", who, kLargestPower,
                   power);
}

// x^p as numpy computes it, whose roundings decide where a value is truncated: real arithmetic as
// long as both ends of the range are real, and products where a complex number meets a whole p.
Complex power_of(Complex base, double exponent, bool real) {
  if (real) return std::pow(base.real(), exponent);
  if (exponent != std::trunc(exponent)) return std::pow(base, Complex(exponent));
  Complex result = 1;
  for (auto rest = static_cast<int64_t>(exponent); rest > 0; rest /= 2, base *= base) {
    if (rest % 2 == 1) result *= base;
  }
  return result;
}

// base^(1/p) of a Python float or int: a negative base gives the principal complex root.
Complex root(double base, double power) {
  const double length = std::pow(std::abs(base), 1 / power);
  if (base >= 0) return length;
  const double phase = std::atan2(0.0, base) * (1 / power);
  return {length * std::cos(phase), length * std::sin(phase)};
}

// unique(trunc(linspace(first, last, count + 1)^p)), ascending.
std::set<int64_t> truncated_powers(Complex first, Complex last, int64_t count, double power) {
  const bool real = first.imag() == 0 && last.imag() == 0;
  const auto parts = static_cast<double>(count);
  // numpy divides complex numbers by multiplying with the reciprocal.
  const Complex step = real ? (last - first) / parts : (last - first) * (1 / parts);
  std::set<int64_t> values;
  for (int64_t k = 0; k <= count; ++k) {
    const Complex x = k == count ? last : static_cast<double>(k) * step + first;
    values.insert(static_cast<int64_t>(std::trunc(power_of(x, power, real).real())));
  }
  return values;
}

}  // namespace

Schedule deepcache_quad_schedule(int64_t steps, int64_t interval, const CentredPower& params) {
  const std::string who = "deepcache-quad";
  const int64_t count = group_count(steps, interval, who);
  check_power(params.power, who);
  if (params.center < 0 || params.center > steps) {
    throw UsageError("[{}] expected a centre c in 0..{} (T={} steps), got c={}", who, steps, steps,
                     params.center);
  }
  const auto center = static_cast<double>(params.center);
  for (double power = params.power; power > 1; power -= 0.02) {
    const std::set<int64_t> values = truncated_powers(
        root(-center, power), root(static_cast<double>(steps) - center, power), count, power);
    Schedule schedule{steps, {0}};
    if (values.size() > 2) {
      for (auto v = std::next(values.begin()); v != std::prev(values.end()); ++v) {
        schedule.recompute.push_back(*v + params.center);
      }
    }
    if (static_cast<int64_t>(schedule.recompute.size()) == count) {
      schedule.validate(who);
      return schedule;
    }
  }
  throw UsageError(
      "[{}] no power between 1 and p={} gives K={} groups for T={} steps (interval {}, centre "
      "c={}); lower the centre or choose another interval",
      who, params.power, count, steps, interval, params.center);
}

Schedule ldm_quad_schedule(int64_t steps, int64_t interval, double power) {
  const std::string who = "ldm-quad";
  const int64_t count = group_count(steps, interval, who);
  check_power(power, who);
  std::set<int64_t> values =
      truncated_powers(0, root(static_cast<double>(steps), power), count, power);
  values.erase(std::prev(values.end()));
  Schedule schedule{steps, {values.begin(), values.end()}};
  schedule.validate(who);
  return schedule;
}

}  // namespace cq
