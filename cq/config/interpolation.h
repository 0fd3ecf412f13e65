#pragma once
// OmegaConf 2.3's interpolation grammar: "${a.b}", "text ${.c} text", "${oc.env:VAR,[1, ${x}]}".
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cq/config/node.h"

namespace cq::config {

/// One parsed expression; which members count depends on the kind.
struct Expression {
  enum class Kind {
    literal,   // `value`
    join,      // the texts of `parts`, one behind the other
    quoted,    // the same, in quotes: always a string
    node,      // ${...}: `dots` leading dots, then `parts` with `brackets`
    resolver,  // ${name:args}: name from the first `names` of `parts`, arguments are the rest
    list,      // `parts`
    dict,      // `keys` and `parts`
  };
  Kind kind = Kind::literal;
  Node value;
  std::vector<Expression> parts;
  std::size_t dots = 0;
  std::size_t names = 0;
  std::vector<bool> brackets;
  std::vector<Key> keys;
};

/// A string value with interpolations in it. Throws UsageError with the column at fault.
Expression parse_interpolation(std::string_view text);

/// One element as oc.decode reads it: a number, a list, a dict, a quoted string, ...
Expression parse_element(std::string_view text);

/// Throws what parse_interpolation throws.
inline void check_interpolation(std::string_view text) {
  parse_interpolation(text);
}

}  // namespace cq::config
