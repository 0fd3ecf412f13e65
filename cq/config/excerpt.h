#pragma once
// Pieces of the user's text as messages show them: whole characters of UTF-8, one line.
#include <string>
#include <string_view>

namespace cq::config {

/// The character that begins at byte `i`, in quotes: "'ä'"; "the end" behind the last one.
std::string shown_character(std::string_view text, std::size_t i);

/// At most `most` bytes, "..." where something was left out, control characters escaped.
std::string excerpt(std::string_view text, std::size_t most);

/// 1-based column, in characters, of byte `i`.
std::size_t character_column(std::string_view text, std::size_t i);

}  // namespace cq::config
