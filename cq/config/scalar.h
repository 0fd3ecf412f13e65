#pragma once
// Scalars as OmegaConf 2.3 reads them from YAML files (YAML 1.1 without timestamps, and with
// numbers such as 1e-4), and as Python prints them.
#include <optional>
#include <string>
#include <string_view>

#include "cq/config/node.h"

namespace cq::config {

/// The value of a plain (unquoted) scalar. Throws UsageError where an integer needs more than 64
/// bits, or where the scalar is YAML's "=".
Node read_plain_scalar(std::string_view text);

/// Python's repr of a float: "1.0", "1e-05", "inf".
std::string python_real(double value);

/// Python's str() of a scalar: "True", "None", "1.0".
std::string python_text(const Node& scalar);

/// The key that a scalar makes, of the scalar's own kind.
Key key_of(const Node& scalar);

/// Python's int(text) and float(text): surrounding blanks, a sign, single underscores between
/// digits; float also takes inf, infinity and nan in any case.
std::optional<std::int64_t> python_int(std::string_view text);
std::optional<double> python_float(std::string_view text);

/// The number that the digits spell; no checks beyond the range of a double.
double parse_real(std::string_view digits);

/// Lower case of ASCII letters.
std::string lower(std::string_view text);

}  // namespace cq::config
