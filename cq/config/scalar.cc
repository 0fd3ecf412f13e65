#include "cq/config/scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "cq/config/emit.h"
#include "cq/config/excerpt.h"

namespace cq::config {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Walks over the text; each step says whether it matched.
struct Cursor {
  std::string_view rest;

  bool done() const { return rest.empty(); }
  bool one_of(std::string_view set) {
    if (rest.empty() || set.find(rest[0]) == std::string_view::npos) return false;
    rest.remove_prefix(1);
    return true;
  }
  std::size_t run(std::string_view set) {
    const std::size_t n = std::min(rest.find_first_not_of(set), rest.size());
    rest.remove_prefix(n);
    return n;
  }
};

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kDigitsAnd_ = "0123456789_";

/// [eE] then a sign (needed or not), then digits; true where there is none at all.
bool optional_exponent(Cursor c, bool sign_needed) {
  if (c.done()) return true;
  if (!c.one_of("eE")) return false;
  const bool sign = c.one_of("+-");
  return (sign || !sign_needed) && c.run(kDigits) > 0 && c.done();
}

/// [0-9]+(_[0-9]+)*
bool digit_groups(Cursor& c) {
  if (c.run(kDigits) == 0) return false;
  while (c.rest.size() > 1 && c.rest[0] == '_' && is_digit(c.rest[1])) {
    c.one_of("_");
    c.run(kDigits);
  }
  return true;
}

/// (:[0-5]?[0-9])+, the base-60 numbers of YAML 1.1.
bool base60_groups(Cursor& c) {
  int groups = 0;
  while (c.one_of(":")) {
    const std::size_t n = std::min(c.rest.find_first_not_of(kDigits), c.rest.size());
    if (n == 0 || n > 2 || (n == 2 && c.rest[0] > '5')) return false;
    c.run(kDigits);
    ++groups;
  }
  return groups > 0;
}

bool is_yaml_real(std::string_view text) {
  static constexpr std::string_view words[] = {".inf", ".Inf", ".INF"};
  static constexpr std::string_view nans[] = {".nan", ".NaN", ".NAN"};
  if (std::find(std::begin(nans), std::end(nans), text) != std::end(nans)) return true;
  Cursor c{text};
  const bool sign = c.one_of("+-");
  if (std::find(std::begin(words), std::end(words), c.rest) != std::end(words)) return true;
  const Cursor start = c;
  if (c.rest.starts_with('.')) {
    if (sign) return false;
    c.one_of(".");
    return !c.done() && is_digit(c.rest[0]) && c.run(kDigitsAnd_) > 0 && optional_exponent(c, true);
  }
  if (c.done() || !is_digit(c.rest[0])) return false;
  // PyYAML's own form: loose underscores, a sign in the exponent, or base 60.
  c.run(kDigitsAnd_);
  if (c.one_of(".")) {
    c.run(kDigitsAnd_);
    if (optional_exponent(c, true)) return true;
  } else if (base60_groups(c) && c.one_of(".")) {
    c.run(kDigitsAnd_);
    if (c.done()) return true;
  }
  // OmegaConf's addition: strict underscores, but the point and the exponent's sign may be left
  // out.
  c = start;
  if (!digit_groups(c)) return false;
  if (c.one_of(".")) {
    c.run(kDigitsAnd_);
    return optional_exponent(c, false);
  }
  return !c.done() && optional_exponent(c, false);
}

bool is_yaml_int(std::string_view text) {
  Cursor c{text};
  c.one_of("+-");
  if (c.rest == "0") return true;
  if (c.rest.starts_with("0b")) {
    c.rest.remove_prefix(2);
    return c.run("01_") > 0 && c.done();
  }
  if (c.rest.starts_with("0x")) {
    c.rest.remove_prefix(2);
    return c.run("0123456789abcdefABCDEF_") > 0 && c.done();
  }
  if (c.one_of("0")) return c.run("01234567_") > 0 && c.done();
  if (!c.one_of("123456789")) return false;
  c.run(kDigitsAnd_);
  return c.done() || (base60_groups(c) && c.done());
}

std::int64_t from_digits(std::string_view digits, int base, bool negative,
                         std::string_view original) {
  std::uint64_t magnitude = 0;
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, magnitude, base);
  const std::uint64_t limit = std::uint64_t{std::numeric_limits<std::int64_t>::max()} + negative;
  if (error == std::errc::result_out_of_range || magnitude > limit) {
    throw UsageError("the integer {} needs more than 64 bits", excerpt(original, 80));
  }
  if (error != std::errc{} || rest != end) {
    throw UsageError("'{}' is no integer", excerpt(original, 80));
  }
  return static_cast<std::int64_t>(negative ? ~magnitude + 1 : magnitude);
}

struct Signed {
  std::string digits;
  bool negative;
};

/// Drops the underscores and takes off the sign.
Signed clean(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '_');
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.erase(0, 1);
  return {std::move(digits), negative};
}

template <class Number, class Read>
Number base60(std::string_view text, Read read) {
  Number total = 0;
  while (true) {
    const std::size_t colon = std::min(text.find(':'), text.size());
    total = total * 60 + read(text.substr(0, colon));
    if (colon == text.size()) return total;
    text.remove_prefix(colon + 1);
  }
}

std::int64_t yaml_int(std::string_view text) {
  const auto [digits, negative] = clean(text);
  if (digits.find(':') != std::string::npos) {
    // Up to five groups stay inside 64 bits whatever they hold.
    if (digits.size() > 14) throw UsageError("the integer {} is too long for base 60", text);
    const auto total = base60<std::int64_t>(
        digits, [&](std::string_view part) { return from_digits(part, 10, false, text); });
    return negative ? -total : total;
  }
  const std::string_view all = digits;
  if (all.starts_with("0b")) return from_digits(all.substr(2), 2, negative, text);
  if (all.starts_with("0x")) return from_digits(all.substr(2), 16, negative, text);
  return from_digits(all, all.size() > 1 && all[0] == '0' ? 8 : 10, negative, text);
}

double read_yaml_real(std::string_view text) {
  const auto [digits, negative] = clean(lower(text));
  const double sign = negative ? -1.0 : 1.0;
  if (digits == ".inf") return sign * std::numeric_limits<double>::infinity();
  if (digits == ".nan") return std::numeric_limits<double>::quiet_NaN();
  if (digits.find(':') != std::string::npos) {
    return sign * base60<double>(digits, [](std::string_view part) { return parse_real(part); });
  }
  return sign * parse_real(digits);
}

std::string_view strip(std::string_view text) {
  constexpr std::string_view blanks = " \t\n\r\f\v";
  const std::size_t start = std::min(text.find_first_not_of(blanks), text.size());
  text.remove_prefix(start);
  const std::size_t last = text.find_last_not_of(blanks);
  return last == std::string_view::npos ? std::string_view{} : text.substr(0, last + 1);
}

}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

double parse_real(std::string_view digits) {
  double value = 0;
  const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range) {
    // from_chars says neither overflow nor underflow; the exponent's sign does.
    const std::size_t e = digits.find_first_of("eE");
    const bool tiny = e == std::string_view::npos ? digits.starts_with("0.") || digits[0] == '.'
                                                  : digits.substr(e + 1).starts_with('-');
    return tiny ? 0.0 : std::numeric_limits<double>::infinity();
  }
  return value;
}

Node read_plain_scalar(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return Node();
  }
  static constexpr std::string_view yes[] = {"yes",  "Yes", "YES", "true", "True",
                                             "TRUE", "on",  "On",  "ON"};
  static constexpr std::string_view no[] = {"no",    "No",  "NO",  "false", "False",
                                            "FALSE", "off", "Off", "OFF"};
  if (std::find(std::begin(yes), std::end(yes), text) != std::end(yes)) return Node(true);
  if (std::find(std::begin(no), std::end(no), text) != std::end(no)) return Node(false);
  if (text == "=") throw UsageError("'=' alone is a special value in YAML 1.1: quote it");
  if (kDigitsAnd_.find(text[0]) != std::string_view::npos || text[0] == '+' || text[0] == '-' ||
      text[0] == '.') {
    if (is_yaml_real(text)) return Node(read_yaml_real(text));
    if (is_yaml_int(text)) return Node(yaml_int(text));
  }
  return Node(std::string(text));
}

std::string python_real(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto format = [&](std::chars_format style) {
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, style).ptr;
    return std::string(buffer, end);
  };
  const std::string scientific = format(std::chars_format::scientific);
  const int exponent = std::stoi(scientific.substr(scientific.find('e') + 1));
  if (exponent < -4 || exponent >= 16) return scientific;
  const std::string fixed = format(std::chars_format::fixed);
  return fixed.find('.') == std::string::npos ? fixed + ".0" : fixed;
}

std::string python_text(const Node& scalar) {
  switch (scalar.kind()) {
    case Node::Kind::null:
      return "None";
    case Node::Kind::boolean:
      return scalar.as_bool() ? "True" : "False";
    case Node::Kind::integer:
      return std::to_string(scalar.as_int());
    case Node::Kind::real:
      return python_real(scalar.as_double());
    default:
      return scalar.as_string();
  }
}

Key key_of(const Node& scalar) {
  switch (scalar.kind()) {
    case Node::Kind::null:
      return Key("null", KeyKind::null);
    case Node::Kind::boolean:
      return Key(scalar.as_bool() ? "true" : "false", KeyKind::boolean);
    case Node::Kind::integer:
      return Key(std::to_string(scalar.as_int()), KeyKind::integer);
    case Node::Kind::real:
      return Key(yaml_real(scalar.as_double()), KeyKind::real);
    default:
      return Key(scalar.as_string());
  }
}

std::optional<std::int64_t> python_int(std::string_view text) {
  text = strip(text);
  Cursor c{text};
  c.one_of("+-");
  if (!digit_groups(c) || !c.done()) return std::nullopt;
  const auto [digits, negative] = clean(text);
  return from_digits(digits, 10, negative, text);
}

std::optional<double> python_float(std::string_view text) {
  text = strip(text);
  const auto [digits, negative] = clean(lower(text));
  const double sign = negative ? -1.0 : 1.0;
  if (digits == "inf" || digits == "infinity") {
    return sign * std::numeric_limits<double>::infinity();
  }
  if (digits == "nan") return std::numeric_limits<double>::quiet_NaN();
  Cursor c{text};
  c.one_of("+-");
  const bool whole = digit_groups(c);
  const bool fraction = c.one_of(".") && digit_groups(c);
  if (!whole && !fraction) return std::nullopt;
  if (c.one_of("eE")) {
    c.one_of("+-");
    if (!digit_groups(c)) return std::nullopt;
  }
  if (!c.done()) return std::nullopt;
  return sign * parse_real(digits);
}

}  // namespace cq::config
