#include "cq/config/excerpt.h"

#include <algorithm>

#include <fmt/format.h>

namespace cq::config {

namespace {

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string shown_character(std::string_view text, std::size_t i) {
  if (i >= text.size()) return "the end";
  std::size_t end = i + 1;
  while (end < text.size() && continues(text[end])) ++end;
  return fmt::format("'{}'", escaped(text.substr(i, end - i)));
}

std::string excerpt(std::string_view text, std::size_t most) {
  if (text.size() <= most) return escaped(text);
  std::size_t end = most - 3;
  while (end > 0 && continues(text[end])) --end;
  return escaped(text.substr(0, end)) + "...";
}

std::size_t character_column(std::string_view text, std::size_t i) {
  const std::string_view before = text.substr(0, i);
  return before.size() -
         static_cast<std::size_t>(std::count_if(before.begin(), before.end(), continues)) + 1;
}

}  // namespace cq::config
