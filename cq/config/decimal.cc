#include "cq/config/decimal.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace cq::config {

namespace {

constexpr std::size_t kDigits = 28;

/// a and b with the same length, zeros in front.
void align(std::string& a, std::string& b) {
  const std::size_t size = std::max(a.size(), b.size());
  a.insert(0, size - a.size(), '0');
  b.insert(0, size - b.size(), '0');
}

std::string sum(std::string a, std::string b) {
  align(a, b);
  int carry = 0;
  for (std::size_t i = a.size(); i-- > 0;) {
    const int digit = (a[i] - '0') + (b[i] - '0') + carry;
    a[i] = static_cast<char>('0' + digit % 10);
    carry = digit / 10;
  }
  return carry > 0 ? "1" + a : a;
}

/// a - b where a >= b.
std::string difference(std::string a, std::string b) {
  align(a, b);
  int borrow = 0;
  for (std::size_t i = a.size(); i-- > 0;) {
    const int digit = a[i] - b[i] - borrow;
    borrow = digit < 0 ? 1 : 0;
    a[i] = static_cast<char>('0' + digit + 10 * borrow);
  }
  return a;
}

/// Half to even; `exponent` grows by the digits that are dropped.
void round_to_digits(std::string& digits, int& exponent) {
  const std::size_t zeros = std::min(digits.find_first_not_of('0'), digits.size());
  digits.erase(0, zeros);
  if (digits.size() <= kDigits) return;
  const std::string rest = digits.substr(kDigits);
  digits.resize(kDigits);
  exponent += static_cast<int>(rest.size());
  const bool half = rest[0] == '5' && rest.find_first_not_of('0', 1) == std::string::npos;
  const bool odd = (digits.back() - '0') % 2 == 1;
  if (half ? odd : rest[0] >= '5') digits = sum(digits, "1");
}

}  // namespace

Decimal::Decimal(double value) {
  // A double has at most 1074 places behind the point.
  std::string text = fmt::format("{:.1074f}", value);
  negative_ = text.starts_with('-');
  if (negative_) text.erase(0, 1);
  const std::size_t point = text.find('.');
  exponent_ = -static_cast<int>(text.size() - point - 1);
  text.erase(point, 1);
  digits_ = std::move(text);
  strip();
}

Decimal::Decimal(std::int64_t value) : negative_(value < 0), digits_(std::to_string(value)) {
  if (negative_) digits_.erase(0, 1);
  strip();
}

Decimal::Decimal(bool negative, std::string digits, int exponent)
    : negative_(negative), digits_(std::move(digits)), exponent_(exponent) {
  round_to_digits(digits_, exponent_);
  strip();
}

void Decimal::strip() {
  digits_.erase(0, std::min(digits_.find_first_not_of('0'), digits_.size()));
  while (!digits_.empty() && digits_.back() == '0') {
    digits_.pop_back();
    ++exponent_;
  }
}

double Decimal::value() const {
  if (digits_.empty()) return 0.0;
  const std::string text = fmt::format("{}{}e{}", negative_ ? "-" : "", digits_, exponent_);
  double out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

Decimal operator+(const Decimal& a, const Decimal& b) {
  const int exponent = std::min(a.exponent_, b.exponent_);
  const std::string x =
      a.digits_ + std::string(static_cast<std::size_t>(a.exponent_ - exponent), '0');
  const std::string y =
      b.digits_ + std::string(static_cast<std::size_t>(b.exponent_ - exponent), '0');
  if (a.negative_ == b.negative_) return {a.negative_, sum(x, y), exponent};
  std::string left = x;
  std::string right = y;
  align(left, right);
  return left >= right ? Decimal(a.negative_, difference(x, y), exponent)
                       : Decimal(b.negative_, difference(y, x), exponent);
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.sign() != b.sign()) return a.sign() < b.sign() ? -1 : 1;
  const int exponent = std::min(a.exponent_, b.exponent_);
  std::string x = a.digits_ + std::string(static_cast<std::size_t>(a.exponent_ - exponent), '0');
  std::string y = b.digits_ + std::string(static_cast<std::size_t>(b.exponent_ - exponent), '0');
  align(x, y);
  const int order = x < y ? -1 : (x == y ? 0 : 1);
  return a.negative_ ? -order : order;
}

}  // namespace cq::config
