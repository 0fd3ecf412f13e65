#include "cq/config/yaml_text.h"

#include "cq/base/error.h"

namespace cq::config {

namespace {

struct Position {
  int line = 1;
  int column = 1;
};

Position position_of(std::string_view text, std::size_t offset) {
  Position position;
  for (std::size_t i = 0; i < offset; ++i) {
    if (text[i] == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
      ++position.column;
    }
  }
  return position;
}

[[noreturn]] void refuse(std::string_view text, std::size_t offset, const std::string& file,
                         const std::string& what) {
  const Position at = position_of(text, offset);
  throw UsageError("{}:{}:{}: {}", file, at.line, at.column, what);
}

void check_characters(std::string_view text, const std::string& file) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    throw UsageError("{}:1:1: the file is UTF-16; save it as UTF-8", file);
  }
  for (std::size_t i = 0; i < text.size();) {
    std::uint32_t code = 0;
    const std::size_t length = decode_utf8(text, i, code);
    if (length == 0) refuse(text, i, file, "this is not UTF-8; save the file as UTF-8");
    const bool control = (code < 0x20 && code != '\t' && code != '\n' && code != '\r') ||
                         (code >= 0x7f && code < 0xa0 && code != 0x85) || code == 0xfffe ||
                         code == 0xffff;
    if (control) {
      refuse(text, i, file,
             code == 0 ? "a NUL byte; is this a text file?"
                       : fmt::format("the control character U+{:04X} must be written as an escape "
                                     "in double quotes",
                                     code));
    }
    i += length;
  }
}

/// Walks over what may hold tabs (quoted text, block scalars, comments) and refuses all others.
class TabCheck {
 public:
  TabCheck(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  void run() {
    bool token_start = true;
    while (i_ < text_.size()) {
      const char c = text_[i_];
      if (c == '\t') {
        refuse(text_, i_, file_, "a tab outside quotes; YAML indents and separates with spaces");
      } else if (c == '\n') {
        token_start = true;
        ++i_;
      } else if (c == '#' && (i_ == 0 || text_[i_ - 1] == ' ' || text_[i_ - 1] == '\n')) {
        to_line_end();
      } else if (token_start && (c == '"' || c == '\'')) {
        quoted(c);
        token_start = false;
      } else if (token_start && flow_ == 0 && (c == '|' || c == '>')) {
        block_scalar();
      } else {
        token_start = plain(c, token_start);
      }
    }
  }

 private:
  /// One character outside of everything special; says whether a token may start behind it.
  bool plain(char c, bool token_start) {
    const char next = i_ + 1 < text_.size() ? text_[i_ + 1] : '\n';
    ++i_;
    if (c == ' ') return token_start;
    if (c == '[' || c == '{') {
      flow_ += token_start ? 1 : 0;
      return token_start;
    }
    if (flow_ > 0 && (c == ']' || c == '}')) --flow_;
    if (flow_ > 0 && c == ',') return true;
    const bool blank = next == ' ' || next == '\n' || next == '\t' || next == '\r';
    if (c == ':') return blank || flow_ > 0;
    return token_start && blank && (c == '-' || c == '?');
  }

  void to_line_end() { i_ = std::min(text_.find('\n', i_), text_.size()); }

  void quoted(char quote) {
    for (++i_; i_ < text_.size(); ++i_) {
      if (quote == '"' && text_[i_] == '\\') {
        ++i_;
      } else if (text_[i_] == quote) {
        const bool doubled = quote == '\'' && i_ + 1 < text_.size() && text_[i_ + 1] == quote;
        if (!doubled) break;
        ++i_;
      }
    }
    ++i_;
  }

  std::size_t indent_at(std::size_t line) const {
    return std::min(text_.find_first_not_of(' ', line), text_.size()) - line;
  }

  void block_scalar() {
    const std::size_t start = text_.rfind('\n', i_);
    const std::size_t parent = indent_at(start == std::string_view::npos ? 0 : start + 1);
    to_line_end();
    std::size_t indent = 0;
    while (i_ < text_.size()) {
      const std::size_t line = i_ + 1;
      const std::size_t width = indent_at(line);
      const std::size_t first = line + width;
      const bool blank = first >= text_.size() || text_[first] == '\n' || text_[first] == '\r';
      if (!blank) {
        if (indent == 0) indent = width;
        // A scalar at the root may stand at the margin; inside a mapping it is indented.
        if (width < indent || (width <= parent && parent > 0) || width == 0) return;
      }
      i_ = line;
      to_line_end();
    }
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t i_ = 0;
  int flow_ = 0;
};

}  // namespace

std::size_t decode_utf8(std::string_view text, std::size_t i, std::uint32_t& code) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char first = byte(i);
  if (first < 0x80) {
    code = first;
    return 1;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || i + length > text.size()) return 0;
  code = first & (0x7fu >> length);
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xc0) != 0x80) return 0;
    code = (code << 6) | (byte(i + k) & 0x3fu);
  }
  const std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return 0;
  return length;
}

void check_yaml_text(std::string_view text, const std::string& file) {
  check_characters(text, file);
  if (text.find('\t') != std::string_view::npos) TabCheck(text, file).run();
}

}  // namespace cq::config
