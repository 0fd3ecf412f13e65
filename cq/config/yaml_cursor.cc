#include "cq/config/yaml_cursor.h"

namespace cq::config {

namespace {

std::size_t utf8_length(char32_t code) {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

}  // namespace

void append_utf8(std::string& out, char32_t code) {
  const std::size_t length = utf8_length(code);
  if (length == 1) {
    out += static_cast<char>(code);
    return;
  }
  constexpr unsigned leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(leads[length] | (code >> (6 * (length - 1))));
  for (std::size_t k = length - 1; k-- > 0;) {
    out += static_cast<char>(0x80 | ((code >> (6 * k)) & 0x3f));
  }
}

YamlCursor::YamlCursor(std::string_view text) {
  text_.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    char32_t code = length == 1 ? first : first & (0x7fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      code = (code << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3fu);
    }
    text_ += code;
    i += length;
  }
}

bool YamlCursor::is_break(char32_t c) {
  return c == U'\n' || c == U'\r' || c == U'\x85' || c == U'\u2028' || c == U'\u2029';
}

void YamlCursor::forward(std::size_t n) {
  for (; n > 0 && !done(); --n) {
    const char32_t c = text_[at_++];
    offset_ += utf8_length(c);
    if (is_break(c) && !(c == U'\r' && peek() == U'\n')) {
      ++line_;
      column_ = 0;
    } else if (c != U'\ufeff') {
      ++column_;
    }
  }
}

std::string YamlCursor::take(std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) append_utf8(out, peek(i));
  forward(n);
  return out;
}

std::string YamlCursor::take_break() {
  const char32_t c = peek();
  if (!is_break(c)) return {};
  if (c == U'\u2028' || c == U'\u2029') return take(1);
  forward(c == U'\r' && peek(1) == U'\n' ? 2 : 1);
  return "\n";
}

void YamlCursor::skip_to_break() {
  while (!done() && !at_break()) forward();
}

bool YamlCursor::at_document_mark() const {
  const char32_t c = peek();
  return (c == U'-' || c == U'.') && peek(1) == c && peek(2) == c && is_gap(peek(3));
}

}  // namespace cq::config
