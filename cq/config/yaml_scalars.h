#pragma once
// The text of scalars as YAML 1.1 and PyYAML read it: folding, chomping, escapes.
#include <string>

#include "cq/config/yaml_cursor.h"

namespace cq::config {

/// Thrown with the place where a scalar or token goes wrong.
struct YamlFault {
  int line = 0;
  int column = 0;
  std::string what;
};

[[noreturn]] void yaml_fault(const YamlCursor& at, std::string what);

/// At '|' or '>'. `parent_indent`: of the collection that holds the scalar, -1 at the root.
std::string scan_block_scalar(YamlCursor& cursor, int parent_indent);

/// At a quote.
std::string scan_quoted(YamlCursor& cursor);

struct PlainScalar {
  std::string text;
  /// A line break stands behind it, so that a key may follow.
  bool line_ended = false;
};
PlainScalar scan_plain(YamlCursor& cursor, int parent_indent, bool in_flow);

}  // namespace cq::config
