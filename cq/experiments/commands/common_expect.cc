#include "cq/experiments/commands/common_expect.h"

#include <charconv>
#include <cmath>

#include "cq/base/error.h"

namespace cq {

bool Expectation::holds(double value) const {
  if (relation == "<=") return value <= bound;
  if (relation == ">=") return value >= bound;
  return relation == "<" ? value < bound : value > bound;
}

Expectation read_expectation(const std::string& text, const std::string& example) {
  const size_t at = text.find_first_of("<>");
  Expectation result;
  result.text = text;
  if (at != std::string::npos) {
    result.name = text.substr(0, at);
    result.relation = text.substr(at, text.compare(at + 1, 1, "=") == 0 ? 2 : 1);
    const std::string number = text.substr(at + result.relation.size());
    const char* last = number.data() + number.size();
    const auto [end, error] = std::from_chars(number.data(), last, result.bound);
    if (!result.name.empty() && error == std::errc() && end == last &&
        std::isfinite(result.bound)) {
      return result;
    }
  }
  throw UsageError("--expect '{}': expected a name, one of <= < >= >, and a number ({})", text,
                   example);
}

void check_expectations(const std::vector<Expectation>& expectations,
                        const std::function<double(const std::string& name)>& value_of) {
  std::string failed;
  for (const Expectation& expectation : expectations) {
    const double value = value_of(expectation.name);
    if (expectation.holds(value)) continue;
    failed += fmt::format("{}{} does not hold: it is {:.10g}", failed.empty() ? "" : "; ",
                          expectation.text, value);
  }
  if (!failed.empty()) throw CheckError(failed);
}

}  // namespace cq
