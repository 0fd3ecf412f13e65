#pragma once
// The expressions of `where:` in a sweep block.
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cq/config/node.h"

namespace cq::config {

/// A parsed expression: dotted keys, numbers, quoted strings, true, false, null, lists, == != < <=
/// > >= in, `not in`, and, or, not, parentheses. Keys are looked up for each cell.
class Where {
 public:
  /// The value of a dotted key of the cell; throws UsageError where there is none.
  using Lookup = std::function<Node(const std::string& key)>;

  /// Throws UsageError with the column at fault.
  explicit Where(const std::string& text);
  ~Where();
  Where(Where&&) noexcept;
  Where& operator=(Where&&) noexcept;

  /// Throws UsageError where values cannot be compared or the result is no boolean.
  bool holds(const Lookup& lookup) const;

  /// Each key that ==, !=, in or `not in` compares with strings, and those strings.
  std::vector<std::pair<std::string, std::vector<std::string>>> compared() const;

  struct Term;

 private:
  std::string text_;
  std::unique_ptr<Term> term_;
};

}  // namespace cq::config
