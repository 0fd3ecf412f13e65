#include "cq/core/text/clean.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <sstream>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/core/text/unicode.h"

namespace cq {

namespace {

using Text = std::u32string;

// Windows-1252 from 0x80 on; what it leaves undefined stays.
constexpr std::array<char32_t, 32> kWindows1252 = {
    0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
    0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};

bool is_c1(char32_t c) {
  return c >= 0x80 && c < 0xa0;
}

bool is_alphanumeric(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// What HTML 5 gives a number in a character reference; nothing for one that stands for no
/// character.
std::optional<Text> referenced(uint64_t number) {
  if (number == 0 || (number >= 0xd800 && number <= 0xdfff) || number > 0x10ffff) {
    return Text(1, 0xfffd);
  }
  const auto c = char32_t(number);
  if (c == 0x0d) return Text(1, c);
  if (is_c1(c)) return Text(1, kWindows1252[c - 0x80]);
  const bool none = (c < 9) || c == 0x0b || (c >= 0x0e && c < 0x20) || c == 0x7f ||
                    (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
  return none ? Text() : Text(1, c);
}

/// `#123`, `#x7b`: a number, all of it.
std::optional<Text> numeric_reference(const std::string& name) {
  const bool hex = name.size() > 2 && (name[1] == 'x' || name[1] == 'X');
  const char *first = name.data() + (hex ? 2 : 1), *last = name.data() + name.size();
  uint64_t number = 0;
  const auto [stop, error] = std::from_chars(first, last, number, hex ? 16 : 10);
  if (stop != last || first == last) return std::nullopt;
  const auto text = error == std::errc() ? referenced(number) : Text(1, 0xfffd);
  if (text == U";") return std::nullopt;
  return text;
}

std::u32string_view ligature(char32_t c) {
  switch (c) {
    case 0x132:
      return U"IJ";
    case 0x133:
      return U"ij";
    case 0x149:
      return U"\u02bcn";
    case 0x1f1:
      return U"DZ";
    case 0x1f2:
      return U"Dz";
    case 0x1f3:
      return U"dz";
    case 0x1c4:
      return U"D\u017d";
    case 0x1c5:
      return U"D\u017e";
    case 0x1c6:
      return U"d\u017e";
    case 0x1c7:
      return U"LJ";
    case 0x1c8:
      return U"Lj";
    case 0x1c9:
      return U"lj";
    case 0x1ca:
      return U"NJ";
    case 0x1cb:
      return U"Nj";
    case 0x1cc:
      return U"nj";
    case 0xfb00:
      return U"ff";
    case 0xfb01:
      return U"fi";
    case 0xfb02:
      return U"fl";
    case 0xfb03:
      return U"ffi";
    case 0xfb04:
      return U"ffl";
    case 0xfb05:
      return U"\u017ft";
    case 0xfb06:
      return U"st";
    default:
      return {};
  }
}

/// C1 controls, ligatures and full-width forms.
Text replace_characters(const Text& text) {
  Text result;
  for (char32_t c : text) {
    if (is_c1(c)) c = kWindows1252[c - 0x80];
    if (const auto parts = ligature(c); !parts.empty()) {
      result += parts;
    } else if (c == 0x3000) {
      result += U' ';
    } else if (c >= 0xff01 && c < 0xfff0) {
      result += to_nfkc(Text(1, c));
    } else {
      result += c;
    }
  }
  return result;
}

char32_t straight_quote(char32_t c) {
  if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b)) return U'\'';
  if (c >= 0x201c && c <= 0x201f) return U'"';
  return c;
}

/// Straight quotes, and one kind of line end.
Text replace_quotes_and_breaks(const Text& text) {
  Text result;
  for (size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    const bool line_end = c == '\r' || c == 0x2028 || c == 0x2029 || c == 0x85;
    result += line_end ? U'\n' : straight_quote(c);
  }
  return result;
}

/// Length of ESC [ digits and semicolons, letter at `at`; 0 where there is none.
size_t terminal_escape(const Text& text, size_t at) {
  if (text[at] != 0x1b || at + 1 >= text.size() || text[at + 1] != '[') return 0;
  size_t end = at + 2;
  while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == ';')) ++end;
  const bool letter = end < text.size() && is_alphanumeric(text[end]) && text[end] > '9';
  return letter ? end + 1 - at : 0;
}

bool is_unwanted(char32_t c) {
  return c <= 8 || c == 0x0b || (c >= 0x0e && c < 0x20) || c == 0x7f ||
         (c >= 0x206a && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffc);
}

Text remove_controls(const Text& text) {
  Text without_escapes, result;
  for (size_t i = 0; i < text.size();) {
    const size_t length = terminal_escape(text, i);
    if (length == 0) without_escapes += text[i];
    i += std::max<size_t>(length, 1);
  }
  std::copy_if(without_escapes.begin(), without_escapes.end(), std::back_inserter(result),
               [](char32_t c) { return !is_unwanted(c); });
  return result;
}

}  // namespace

TextCleaner::TextCleaner(const std::filesystem::path& html_entities) {
  std::istringstream lines(read_text(html_entities));
  std::string name, codes;
  while (std::getline(lines, name, '\t') && std::getline(lines, codes)) {
    std::istringstream words(codes);
    words >> std::hex;
    Text& text = entities_[name];
    for (uint32_t code = 0; words >> code;) text += char32_t(code);
    if (text.empty()) {
      throw RunError("{}: no code points after '{}'", html_entities.string(), name);
    }
  }
}

Text TextCleaner::unescape(const Text& text) const {
  constexpr size_t kLongest = 24;
  Text result;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string name;
    size_t end = i + 1;
    if (text[i] == '&') {
      if (end < text.size() && text[end] == '#') name += char(text[end++]);
      const size_t first = end;
      while (end < text.size() && end - first < kLongest && is_alphanumeric(text[end])) {
        name += char(text[end++]);
      }
      if (end == first || end >= text.size() || text[end] != ';') name.clear();
    }
    std::optional<Text> found;
    if (name.starts_with('#')) {
      found = numeric_reference(name);
    } else if (const auto entity = entities_.find(name); entity != entities_.end()) {
      found = entity->second;
    }
    result += found ? *found : Text(1, text[i]);
    if (found) i = end;
  }
  return result;
}

Text TextCleaner::clean_line(Text line, bool escapes) const {
  while (true) {
    const Text before = line;
    if (escapes) line = unescape(line);
    line = to_nfc(remove_controls(replace_quotes_and_breaks(replace_characters(line))));
    if (line == before) return line;
  }
}

Text TextCleaner::clean(std::u32string_view text) const {
  Text result;
  bool escapes = true;
  for (size_t begin = 0; begin < text.size();) {
    const size_t stop = text.find(U'\n', begin);
    const size_t end = stop == std::u32string_view::npos ? text.size() : stop + 1;
    const auto line = text.substr(begin, end - begin);
    escapes = escapes && line.find(U'<') == std::u32string_view::npos;
    result += clean_line(Text(line), escapes);
    begin = end;
  }
  return result;
}

}  // namespace cq
