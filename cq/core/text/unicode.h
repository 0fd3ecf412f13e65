#pragma once
// Unicode as Python's `str` has it, over code points.
#include <string>
#include <string_view>

namespace cq {

/// Code points of UTF-8. Throws UsageError naming the byte where the text is none.
std::u32string decode_utf8(std::string_view text);
std::string encode_utf8(std::u32string_view text);

/// General categories L*, N*; the property White_Space.
bool is_letter(char32_t c);
bool is_number(char32_t c);
bool is_space(char32_t c);

/// str.lower(): one character may become two, and a capital sigma at the end of a word is final.
std::u32string to_lower(std::u32string_view text);

/// Normalization forms C and KC.
std::u32string to_nfc(std::u32string_view text);
std::u32string to_nfkc(std::u32string_view text);

}  // namespace cq
