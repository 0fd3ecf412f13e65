#include "cq/config/interpolation.h"

#include "cq/config/excerpt.h"
#include "cq/config/scalar.h"
#include "cq/config/tokens.h"

namespace cq::config {

namespace {

constexpr int kDeepest = 64;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

Expression literal(Node value) {
  Expression out;
  out.value = std::move(value);
  return out;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  /// A whole string: text and interpolations in any order.
  Expression whole() {
    Expression out = text_until(Quote::none);
    if (out.parts.size() == 1) return std::move(out.parts[0]);
    return out;
  }

  Expression single_element() {
    Expression out = element();
    if (i_ != text_.size()) fail("the end");
    return out;
  }

 private:
  enum class Quote { none, single_, double_ };

  [[noreturn]] void fail(std::string_view expected) const {
    throw UsageError("in '{}', column {}: expected {}, got {}", excerpt(text_, 120),
                     character_column(text_, i_), expected, shown_character(text_, i_));
  }

  bool at(std::string_view what) const { return text_.substr(i_).starts_with(what); }
  bool done() const { return i_ >= text_.size(); }
  void skip_blanks() {
    while (!done() && is_blank(text_[i_])) ++i_;
  }
  /// Takes `what` with the blanks before it, or leaves everything where it is.
  bool take_spaced(char what) {
    std::size_t j = i_;
    while (j < text_.size() && is_blank(text_[j])) ++j;
    if (j >= text_.size() || text_[j] != what) return false;
    i_ = j + 1;
    return true;
  }

  struct Deeper {
    explicit Deeper(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > kDeepest) {
        throw UsageError("interpolations nested deeper than {} levels", kDeepest);
      }
    }
    ~Deeper() { --parser_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    Parser& parser_;
  };

  /// Text up to the closing quote (left in place), or to the end outside of quotes.
  Expression text_until(Quote quote) {
    Expression out;
    out.kind = quote == Quote::none ? Expression::Kind::join : Expression::Kind::quoted;
    std::string plain;
    const auto flush = [&] {
      if (!plain.empty()) out.parts.push_back(literal(Node(plain)));
      plain.clear();
    };
    const char close = quote == Quote::single_ ? '\'' : quote == Quote::double_ ? '"' : '\0';
    while (!done()) {
      if (close != '\0' && text_[i_] == close) break;
      if (text_[i_] == '\\') {
        backslashes(close, plain);
      } else if (at("${")) {
        flush();
        out.parts.push_back(interpolation());
      } else {
        plain += text_[i_++];
      }
    }
    flush();
    return out;
  }

  /// Backslashes escape only in front of "${" and of the quote that would close the string.
  void backslashes(char close, std::string& plain) {
    std::size_t n = 0;
    while (i_ < text_.size() && text_[i_] == '\\') {
      ++i_;
      ++n;
    }
    const bool before_quote = close != '\0' && !done() && text_[i_] == close;
    if (!at("${") && !before_quote) {
      plain.append(n, '\\');
      return;
    }
    plain.append(n / 2, '\\');
    if (n % 2 == 0) return;
    const std::size_t escaped = before_quote ? 1 : 2;
    plain += text_.substr(i_, escaped);
    i_ += escaped;
  }

  Expression interpolation() {
    const Deeper deeper(*this);
    i_ += 2;
    skip_blanks();
    Expression out;
    out.kind = Expression::Kind::node;
    while (at(".")) {
      ++out.dots;
      ++i_;
    }
    bool only_names = true;
    component(out, only_names, false);
    while (at(".") || at("[")) {
      const bool dot = at(".");
      if (dot) ++i_;
      component(out, only_names, dot);
    }
    if (take_spaced('}')) return out;
    if (!take_spaced(':')) fail("'.', '[', ':' or '}'");
    if (out.dots > 0 || !only_names) fail("'}' behind a key (only a resolver's name has ':')");
    skip_blanks();
    out.kind = Expression::Kind::resolver;
    out.names = out.parts.size();
    if (take_spaced('}')) return out;
    sequence(out, '}');
    return out;
  }

  void component(Expression& out, bool& only_names, bool after_dot) {
    const bool bracket = !after_dot && at("[");
    if (bracket) {
      ++i_;
      only_names = false;
    }
    out.brackets.push_back(bracket);
    if (at("${")) {
      out.parts.push_back(interpolation());
    } else {
      const std::size_t end = std::min(text_.find_first_of("\\{}()[]:. \t'\"", i_), text_.size());
      if (end == i_) fail("a key");
      const std::string_view name = text_.substr(i_, end - i_);
      only_names = only_names && tokens::id(name) == name.size();
      out.parts.push_back(literal(Node(std::string(name))));
      i_ = end;
    }
    if (bracket) {
      if (!at("]")) fail("']'");
      ++i_;
    }
  }

  /// Elements with commas between them up to and with `close`; a missing one is "".
  void sequence(Expression& out, char close) {
    bool expects_value = true;
    while (true) {
      if (take_spaced(close)) {
        if (expects_value) out.parts.push_back(literal(Node("")));
        return;
      }
      if (take_spaced(',')) {
        skip_blanks();
        if (expects_value) out.parts.push_back(literal(Node("")));
        expects_value = true;
      } else if (expects_value) {
        out.parts.push_back(element());
        expects_value = false;
      } else {
        fail(fmt::format("',' or '{}'", close));
      }
    }
  }

  Expression element() {
    const Deeper deeper(*this);
    if (at("[")) return list();
    if (at("{")) return dict();
    if (at("'") || at("\"")) return quoted();
    return primitive(true);
  }

  Expression quoted() {
    const char quote = text_[i_++];
    Expression out = text_until(quote == '\'' ? Quote::single_ : Quote::double_);
    if (done()) fail(fmt::format("the closing {}", quote));
    ++i_;
    return out;
  }

  Expression list() {
    ++i_;
    skip_blanks();
    Expression out;
    out.kind = Expression::Kind::list;
    if (!take_spaced(']')) sequence(out, ']');
    return out;
  }

  Expression dict() {
    ++i_;
    skip_blanks();
    Expression out;
    out.kind = Expression::Kind::dict;
    if (take_spaced('}')) return out;
    while (true) {
      const Expression key = primitive(false);
      if (!take_spaced(':')) fail("':'");
      skip_blanks();
      out.keys.push_back(key_of(key.value));
      out.parts.push_back(element());
      if (take_spaced('}')) return out;
      if (!take_spaced(',')) fail("',' or '}'");
      skip_blanks();
    }
  }

  /// Unquoted tokens up to a separator. One token keeps its type, several make a string.
  Expression primitive(bool is_value) {
    Expression out;
    out.kind = Expression::Kind::join;
    Node alone;
    while (!done()) {
      if (is_value && at("${")) {
        out.parts.push_back(interpolation());
        continue;
      }
      const tokens::Token token = tokens::next(text_.substr(i_), is_value);
      if (token.length == 0) break;
      i_ += token.length;
      alone = token.value;
      out.parts.push_back(literal(Node(token.text)));
    }
    if (out.parts.empty()) fail("a value");
    if (out.parts.size() > 1) {
      if (is_value) return out;
      std::string text;
      for (const Expression& part : out.parts) text += part.value.as_string();
      return literal(Node(text));
    }
    // One token alone keeps its type; several are the text that was written.
    return out.parts[0].kind == Expression::Kind::literal ? literal(alone) : out.parts[0];
  }

  std::string_view text_;
  std::size_t i_ = 0;
  int depth_ = 0;
};

}  // namespace

Expression parse_interpolation(std::string_view text) {
  return Parser(text).whole();
}

Expression parse_element(std::string_view text) {
  return Parser(text).single_element();
}

}  // namespace cq::config
