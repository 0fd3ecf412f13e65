#pragma once
// What the YAML reader refuses in a file before it looks at its structure.
#include <cstdint>
#include <string>
#include <string_view>

namespace cq::config {

/// Length of the UTF-8 sequence that begins at byte `i`, and its code point; 0 where it is none.
std::size_t decode_utf8(std::string_view text, std::size_t i, std::uint32_t& code);

/// Throws UsageError with file:line:column for anything but UTF-8, for control characters, and for
/// tabs where YAML has indentation or separation.
void check_yaml_text(std::string_view text, const std::string& file);

}  // namespace cq::config
