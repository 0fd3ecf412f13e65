#include "cq/config/yaml_scalars.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

namespace cq::config {

namespace {

enum class Chomping { clip, strip, keep };

struct BlockHeader {
  Chomping chomping = Chomping::clip;
  std::optional<int> indent;
};

BlockHeader block_header(YamlCursor& cursor) {
  BlockHeader header;
  bool chomped = false;
  for (int i = 0; i < 2; ++i) {
    const char32_t c = cursor.peek();
    if ((c == U'+' || c == U'-') && !chomped) {
      header.chomping = c == U'+' ? Chomping::keep : Chomping::strip;
      chomped = true;
      cursor.forward();
    } else if (c >= U'0' && c <= U'9' && !header.indent) {
      if (c == U'0') yaml_fault(cursor, "a block scalar's indentation is 1 to 9, not 0");
      header.indent = static_cast<int>(c - U'0');
      cursor.forward();
    }
  }
  const char32_t next = cursor.peek();
  if (next != U' ' && !cursor.done() && !cursor.at_break()) {
    yaml_fault(cursor, "behind '|' or '>' stand +, -, a digit or a line break");
  }
  cursor.skip_spaces();
  if (cursor.peek() == U'#') cursor.skip_to_break();
  if (!cursor.done() && !cursor.at_break()) {
    yaml_fault(cursor, "the text of a block scalar begins on the next line");
  }
  cursor.take_break();
  return header;
}

/// Blank lines; on the line behind them at most `indent` spaces are skipped.
std::string blank_lines(YamlCursor& cursor, int indent) {
  std::string breaks;
  while (true) {
    while (cursor.column() < indent && cursor.peek() == U' ') cursor.forward();
    if (!cursor.at_break()) return breaks;
    breaks += cursor.take_break();
  }
}

/// The blank lines that begin a block scalar; `indent` is what its widest line of them has.
std::string leading_lines(YamlCursor& cursor, int& indent) {
  std::string breaks;
  while (cursor.peek() == U' ' || cursor.at_break()) {
    if (cursor.at_break()) {
      breaks += cursor.take_break();
    } else {
      cursor.forward();
      indent = std::max(indent, cursor.column());
    }
  }
  return breaks;
}

bool is_blank(char32_t c) {
  return c == U' ' || c == U'\t';
}

/// The folding of line breaks inside quotes and plain scalars: one break is a space.
std::string folded(const std::string& first, const std::string& more) {
  if (first != "\n") return first + more;
  return more.empty() ? " " : more;
}

int hex_digit(char32_t c) {
  if (c >= U'0' && c <= U'9') return static_cast<int>(c - U'0');
  if (c >= U'a' && c <= U'f') return static_cast<int>(c - U'a') + 10;
  if (c >= U'A' && c <= U'F') return static_cast<int>(c - U'A') + 10;
  return -1;
}

class Quoted {
 public:
  explicit Quoted(YamlCursor& cursor)
      : cursor_(cursor), line_(cursor.line()), column_(cursor.column()), quote_(cursor.peek()) {}

  std::string scan() {
    cursor_.forward();
    text();
    while (cursor_.peek() != quote_) {
      gap();
      text();
    }
    cursor_.forward();
    return std::move(out_);
  }

 private:
  /// Up to a blank, a break, the closing quote or the end.
  void text() {
    const bool is_double = quote_ == U'"';
    while (!YamlCursor::is_gap(cursor_.peek())) {
      const char32_t c = cursor_.peek();
      if (c == quote_) {
        if (is_double || cursor_.peek(1) != quote_) return;
        cursor_.forward();
      } else if (c == U'\\' && is_double) {
        escape();
        continue;
      }
      out_ += cursor_.take(1);
    }
  }

  void gap() {
    std::size_t n = 0;
    while (is_blank(cursor_.peek(n))) ++n;
    const std::string blanks = cursor_.take(n);
    if (cursor_.done()) {
      not_closed("");
    } else if (cursor_.at_break()) {
      const std::string first = cursor_.take_break();
      out_ += folded(first, breaks());
    } else {
      out_ += blanks;
    }
  }

  std::string breaks() {
    std::string out;
    while (true) {
      if (cursor_.column() == 0 && cursor_.at_document_mark()) {
        not_closed(" before the end of the document");
      }
      while (is_blank(cursor_.peek())) cursor_.forward();
      if (!cursor_.at_break()) return out;
      out += cursor_.take_break();
    }
  }

  [[noreturn]] void not_closed(std::string_view when) const {
    throw YamlFault{line_ + 1, column_ + 1, fmt::format("this quote is not closed{}", when)};
  }

  void escape() {
    using namespace std::string_view_literals;
    static constexpr std::u32string_view codes = U"0abt\tnvfre \"\\/N_LP"sv;
    static constexpr std::u32string_view values =
        U"\0\a\b\t\t\n\v\f\r\x1b \"\\/\x85\xa0\u2028\u2029"sv;
    cursor_.forward();
    const char32_t c = cursor_.peek();
    const std::size_t found = codes.find(c);
    if (c != U'\0' && found != std::u32string_view::npos) {
      append_utf8(out_, values[found]);
      cursor_.forward();
    } else if (c == U'x' || c == U'u' || c == U'U') {
      code_point(c == U'x' ? 2 : c == U'u' ? 4 : 8);
    } else if (cursor_.at_break()) {
      cursor_.take_break();
      out_ += breaks();
    } else {
      yaml_fault(cursor_, "an unknown escape; write \\\\ for a backslash, or use single quotes");
    }
  }

  void code_point(int digits) {
    cursor_.forward();
    std::uint64_t code = 0;
    for (int k = 0; k < digits; ++k) {
      const int digit = hex_digit(cursor_.peek(static_cast<std::size_t>(k)));
      if (digit < 0) {
        yaml_fault(cursor_, fmt::format("this escape takes {} hexadecimal digits", digits));
      }
      code = code * 16 + static_cast<std::uint64_t>(digit);
    }
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      yaml_fault(cursor_, "there is no such character");
    }
    append_utf8(out_, static_cast<char32_t>(code));
    cursor_.forward(static_cast<std::size_t>(digits));
  }

  YamlCursor& cursor_;
  const int line_, column_;
  const char32_t quote_;
  std::string out_;
};

bool is_flow_indicator(char32_t c) {
  return c == U',' || c == U'[' || c == U']' || c == U'{' || c == U'}';
}

bool ends_plain(const YamlCursor& cursor, std::size_t ahead, bool in_flow) {
  const char32_t c = cursor.peek(ahead);
  if (YamlCursor::is_gap(c)) return true;
  if (c == U':') {
    const char32_t next = cursor.peek(ahead + 1);
    return YamlCursor::is_gap(next) || (in_flow && is_flow_indicator(next));
  }
  return in_flow && (is_flow_indicator(c) || c == U'?');
}

/// What stands between two parts of a plain scalar; nothing where it ends here.
std::string plain_gap(YamlCursor& cursor, bool& line_ended) {
  std::size_t n = 0;
  while (cursor.peek(n) == U' ') ++n;
  const std::string blanks = cursor.take(n);
  if (!cursor.at_break()) return blanks;
  const std::string first = cursor.take_break();
  line_ended = true;
  if (cursor.at_document_mark()) return {};
  std::string more;
  while (cursor.peek() == U' ' || cursor.at_break()) {
    if (cursor.peek() == U' ') {
      cursor.forward();
      continue;
    }
    more += cursor.take_break();
    if (cursor.at_document_mark()) return {};
  }
  return folded(first, more);
}

}  // namespace

void yaml_fault(const YamlCursor& at, std::string what) {
  throw YamlFault{at.line() + 1, at.column() + 1, std::move(what)};
}

std::string scan_block_scalar(YamlCursor& cursor, int parent_indent) {
  const bool folds = cursor.peek() == U'>';
  cursor.forward();
  const BlockHeader header = block_header(cursor);
  const int least = std::max(parent_indent + 1, 1);
  std::string breaks;
  int indent = least;
  if (header.indent) {
    indent = least + *header.indent - 1;
    breaks = blank_lines(cursor, indent);
  } else {
    breaks = leading_lines(cursor, indent);
  }
  std::string out, line_break;
  while (cursor.column() == indent && !cursor.done()) {
    out += breaks;
    const bool flush = !is_blank(cursor.peek());
    std::size_t n = 0;
    while (cursor.peek(n) != U'\0' && !YamlCursor::is_break(cursor.peek(n))) ++n;
    out += cursor.take(n);
    line_break = cursor.take_break();
    breaks = blank_lines(cursor, indent);
    if (cursor.column() != indent || cursor.done()) break;
    if (folds && line_break == "\n" && flush && !is_blank(cursor.peek())) {
      if (breaks.empty()) out += ' ';
    } else {
      out += line_break;
    }
  }
  if (header.chomping != Chomping::strip) out += line_break;
  if (header.chomping == Chomping::keep) out += breaks;
  return out;
}

std::string scan_quoted(YamlCursor& cursor) {
  return Quoted(cursor).scan();
}

PlainScalar scan_plain(YamlCursor& cursor, int parent_indent, bool in_flow) {
  PlainScalar out;
  std::string gap;
  while (cursor.peek() != U'#') {
    std::size_t n = 0;
    while (!ends_plain(cursor, n, in_flow)) ++n;
    if (n == 0) break;
    out.line_ended = false;
    out.text += gap + cursor.take(n);
    gap = plain_gap(cursor, out.line_ended);
    if (gap.empty() || (!in_flow && cursor.column() < parent_indent + 1)) break;
  }
  return out;
}

}  // namespace cq::config
