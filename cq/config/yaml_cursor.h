#pragma once
// A place in the text of a YAML file, moved character by character.
#include <cstddef>
#include <string>
#include <string_view>

namespace cq::config {

/// Reads code points; behind the last one stands an endless row of zeros, which no text holds.
class YamlCursor {
 public:
  /// `text`: UTF-8 that check_yaml_characters() passed.
  explicit YamlCursor(std::string_view text);

  char32_t peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : U'\0';
  }
  bool done() const { return at_ >= text_.size(); }
  void forward(std::size_t n = 1);

  int line() const { return line_; }
  int column() const { return column_; }
  /// In code points from the start of the text.
  std::size_t index() const { return at_; }
  /// In bytes from the start of the text.
  std::size_t offset() const { return offset_; }

  /// The next `n` characters as UTF-8.
  std::string take(std::size_t n);
  /// Moves over one line break. Returns what it stands for in a value: a line feed, or itself for
  /// the separators U+2028 and U+2029; nothing where there is no break.
  std::string take_break();
  void skip_spaces() {
    while (peek() == U' ') forward();
  }
  void skip_to_break();

  bool at_break() const { return is_break(peek()); }
  /// "---" or "..." with a blank behind it.
  bool at_document_mark() const;

  static bool is_break(char32_t c);
  /// A blank, a tab, a line break or the end.
  static bool is_gap(char32_t c) { return c == U' ' || c == U'\t' || c == U'\0' || is_break(c); }

 private:
  std::u32string text_;
  std::size_t at_ = 0;
  std::size_t offset_ = 0;
  int line_ = 0;
  int column_ = 0;
};

void append_utf8(std::string& out, char32_t code);

}  // namespace cq::config
