#include "cq/core/text/unicode.h"

#include <cstdlib>

#include <utf8proc.h>

#include "cq/base/error.h"

namespace cq {

namespace {

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(utf8proc_int32_t(c));
}

// Properties Cased and Case_Ignorable (Unicode 3.13), as far as general categories tell.
bool is_cased(char32_t c) {
  const auto kind = category(c);
  return kind == UTF8PROC_CATEGORY_LU || kind == UTF8PROC_CATEGORY_LL ||
         kind == UTF8PROC_CATEGORY_LT;
}

bool is_case_ignorable(char32_t c) {
  const auto kind = category(c);
  const std::u32string_view marks = U"'.:^`\u00b7\u2018\u2019\u2024\u2027";
  return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_ME ||
         kind == UTF8PROC_CATEGORY_CF || kind == UTF8PROC_CATEGORY_LM ||
         kind == UTF8PROC_CATEGORY_SK || marks.find(c) != std::u32string_view::npos;
}

// After a cased letter and not before one, whatever can be ignored between (SpecialCasing.txt).
bool is_final_sigma(std::u32string_view text, size_t at) {
  size_t before = at;
  while (before > 0 && is_case_ignorable(text[before - 1])) --before;
  if (before == 0 || !is_cased(text[before - 1])) return false;
  size_t after = at + 1;
  while (after < text.size() && is_case_ignorable(text[after])) ++after;
  return after == text.size() || !is_cased(text[after]);
}

std::u32string normalize(std::u32string_view text, int options) {
  const std::string utf8 = encode_utf8(text);
  utf8proc_uint8_t* mapped = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()),
                   utf8proc_ssize_t(utf8.size()), &mapped, static_cast<utf8proc_option_t>(options));
  if (length < 0) throw RunError("cannot normalize a text: {}", utf8proc_errmsg(length));
  const std::string result(reinterpret_cast<const char*>(mapped), size_t(length));
  std::free(mapped);  // NOLINT: the library's allocation
  return decode_utf8(result);
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
  std::u32string result;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t c = 0;
    const auto used = utf8proc_iterate(bytes + at, utf8proc_ssize_t(text.size() - at), &c);
    if (used <= 0) throw UsageError("byte {} of a text is not UTF-8", at);
    result.push_back(char32_t(c));
    at += size_t(used);
  }
  return result;
}

std::string encode_utf8(std::u32string_view text) {
  std::string result;
  for (const char32_t c : text) {
    utf8proc_uint8_t bytes[4];
    const auto used = utf8proc_encode_char(utf8proc_int32_t(c), bytes);
    result.append(reinterpret_cast<const char*>(bytes), size_t(used));
  }
  return result;
}

bool is_letter(char32_t c) {
  const auto kind = category(c);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_number(char32_t c) {
  const auto kind = category(c);
  return kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO;
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

std::u32string to_lower(std::u32string_view text) {
  std::u32string result;
  for (size_t i = 0; i < text.size(); ++i) {
    constexpr char32_t kDottedI = 0x130, kSigma = 0x3a3, kFinalSigma = 0x3c2;
    if (text[i] == kDottedI) {
      result += U"i\u0307";
    } else if (text[i] == kSigma && is_final_sigma(text, i)) {
      result += kFinalSigma;
    } else {
      result += char32_t(utf8proc_tolower(utf8proc_int32_t(text[i])));
    }
  }
  return result;
}

std::u32string to_nfc(std::u32string_view text) {
  return normalize(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

std::u32string to_nfkc(std::u32string_view text) {
  return normalize(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
}

}  // namespace cq
