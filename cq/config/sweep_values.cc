// The values that a choice, range or glob of the override grammar stands for.
#include <algorithm>
#include <cmath>

#include "cq/config/decimal.h"
#include "cq/config/override.h"
#include "cq/config/override_order.h"

namespace cq::config {

namespace {

/// Python's fnmatch: *, ?, [seq], [!seq] over the whole name.
bool glob_match(std::string_view name, std::string_view pattern) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    const std::string_view behind = pattern.substr(1);
    for (std::size_t i = 0; i <= name.size(); ++i) {
      if (glob_match(name.substr(i), behind)) return true;
    }
    return false;
  }
  if (name.empty()) return false;
  if (pattern[0] == '[') {
    const bool inverted = pattern.size() > 1 && pattern[1] == '!';
    const std::size_t first = inverted ? 2 : 1;
    const std::size_t close = pattern.find(']', first + 1);
    if (close != std::string_view::npos) {
      bool inside = false;
      for (std::size_t i = first; i < close; ++i) {
        const bool span = i + 2 < close && pattern[i + 1] == '-';
        const char last = span ? pattern[i + 2] : pattern[i];
        inside = inside || (name[0] >= pattern[i] && name[0] <= last);
        i += span ? 2 : 0;
      }
      return inside != inverted && glob_match(name.substr(1), pattern.substr(close + 1));
    }
  }
  if (pattern[0] != '?' && pattern[0] != name[0]) return false;
  return glob_match(name.substr(1), pattern.substr(1));
}

constexpr std::size_t kMostValues = 1'000'000;

[[noreturn]] void refuse_range(const std::string& text, std::string_view why) {
  throw UsageError("override '{}': {}", text, why);
}

void put(std::vector<Element>& out, Node value, const std::string& text) {
  if (out.size() >= kMostValues) {
    refuse_range(text, fmt::format("a range of more than {} values", kMostValues));
  }
  out.push_back({std::move(value), '\0'});
}

Decimal decimal(const Node& number) {
  return number.is_int() ? Decimal(number.as_int()) : Decimal(number.as_double());
}

/// Counted in decimals, as Hydra does: with steps of 0.1 the doubles' own sum ends elsewhere.
std::vector<Element> real_range(const Sweep& sweep, const std::string& text) {
  for (const Node* number : {&sweep.start, &sweep.stop, &sweep.step}) {
    if (!std::isfinite(number->as_double())) refuse_range(text, "a range of finite numbers only");
  }
  std::vector<Element> out;
  const Decimal stop = decimal(sweep.stop);
  const Decimal step = decimal(sweep.step);
  Decimal value = decimal(sweep.start);
  while (compare(value, stop) * step.sign() < 0) {
    put(out, Node(value.value()), text);
    value = value + step;
  }
  return out;
}

std::vector<Element> range_values(const Sweep& sweep, const std::string& text) {
  if (sweep.step.as_double() == 0) refuse_range(text, "the step of a range cannot be 0");
  const bool whole = sweep.start.is_int() && sweep.stop.is_int() && sweep.step.is_int();
  if (!whole) return real_range(sweep, text);
  std::vector<Element> out;
  const std::int64_t step = sweep.step.as_int();
  const std::int64_t stop = sweep.stop.as_int();
  std::int64_t value = sweep.start.as_int();
  while (step > 0 ? value < stop : value > stop) {
    put(out, Node(value), text);
    if (__builtin_add_overflow(value, step, &value)) break;
  }
  return out;
}

}  // namespace

std::vector<std::string> sweep_values(const Override& over,
                                      const std::vector<std::string>& options) {
  const Sweep& sweep = over.sweep();
  std::vector<std::string> out;
  if (sweep.kind == Sweep::Kind::interval) {
    throw UsageError("override '{}': an interval has no list of values to sweep over", over.text);
  }
  if (sweep.kind == Sweep::Kind::glob) {
    const auto matches = [](const std::string& name, const std::vector<std::string>& globs) {
      return std::any_of(globs.begin(), globs.end(),
                         [&](const std::string& glob) { return glob_match(name, glob); });
    };
    for (const std::string& name : options) {
      if (matches(name, sweep.include) && !matches(name, sweep.exclude)) out.push_back(name);
    }
    return out;
  }
  std::vector<Element> values =
      sweep.kind == Sweep::Kind::choice ? sweep.choices : range_values(sweep, over.text);
  if (sweep.shuffle) values = shuffled(values);
  for (const Element& value : values) out.push_back(value.text());
  return out;
}

}  // namespace cq::config
