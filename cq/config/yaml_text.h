#pragma once
// What the YAML reader refuses in a file before it looks at its structure.
#include <string>
#include <string_view>

namespace cq::config {

/// Throws UsageError with file:line:column for anything but UTF-8, for control characters, and for
/// tabs where YAML has indentation or separation.
void check_yaml_text(std::string_view text, const std::string& file);

}  // namespace cq::config
