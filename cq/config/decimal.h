#pragma once
// Decimal arithmetic as Python's decimal module does it by default, which Hydra counts float ranges
// with: numbers are exact when they are read, sums are rounded to 28 significant digits.
#include <cstdint>
#include <string>

namespace cq::config {

class Decimal {
 public:
  /// The exact value of a finite double.
  explicit Decimal(double value);
  explicit Decimal(std::int64_t value);

  /// The nearest double.
  double value() const;
  int sign() const { return digits_.empty() ? 0 : (negative_ ? -1 : 1); }

  /// Rounded half to even at 28 significant digits.
  friend Decimal operator+(const Decimal& a, const Decimal& b);
  /// Exact: negative, zero or positive as a is below, equal to or above b.
  friend int compare(const Decimal& a, const Decimal& b);

 private:
  Decimal(bool negative, std::string digits, int exponent);
  void strip();

  bool negative_ = false;
  std::string digits_;  // most significant first, no zero in front; empty: 0
  int exponent_ = 0;    // value: digits_ * 10^exponent_
};

}  // namespace cq::config
