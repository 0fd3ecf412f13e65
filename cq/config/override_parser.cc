#include <algorithm>

#include "cq/config/excerpt.h"
#include "cq/config/interpolation.h"
#include "cq/config/override.h"
#include "cq/config/tokens.h"
#include "cq/config/yaml_text.h"

namespace cq::config {

namespace {

constexpr int kDeepest = 64;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// Takes the quotes off: backslashes escape only in front of the quote.
std::string unquote(std::string_view text) {
  const char quote = text.front();
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    std::size_t n = 0;
    while (text[i + n] == '\\') ++n;
    out.append(text[i + n] == quote ? n / 2 : n, '\\');
    i += n - 1;
    if (n % 2 == 1 && text[i + 1] == quote && i + 2 < text.size()) out += text[++i];
  }
  return out;
}

class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text) {}

  Override whole_override() {
    Override out;
    out.text = text_;
    if (take('~')) {
      out.kind = Override::Kind::remove;
    } else if (take('+')) {
      out.kind = take('+') ? Override::Kind::force_add : Override::Kind::add;
    }
    key(out);
    if (done() && out.kind == Override::Kind::remove) {
      out.value = Element{Node(), '\0'};
      return out;
    }
    if (!take('=')) fail("'='");
    skip_blanks();
    out.has_value = true;
    out.value = done() ? Argument(Element{Node(""), '\0'}) : whole_value();
    return out;
  }

  Argument whole_value() {
    Argument first = element(true);
    if (!at_comma()) {
      if (!done()) fail("',' or the end");
      return first;
    }
    Sweep sweep;
    sweep.simple = true;
    sweep.choices.push_back(as_element(std::move(first)));
    while (take_spaced(',')) {
      skip_blanks();
      sweep.choices.push_back(as_element(element(true)));
    }
    if (!done()) fail("',' or the end");
    return sweep;
  }

 private:
  [[noreturn]] void fail(std::string_view expected) const {
    throw UsageError("override '{}', column {}: expected {}, got {}", shortened(),
                     character_column(text_, i_), expected, shown_character(text_, i_));
  }
  [[noreturn]] void refuse(const std::string& what) const {
    throw UsageError("override '{}': {}", shortened(), what);
  }
  std::string shortened() const { return excerpt(text_, 200); }

  bool done() const { return i_ >= text_.size(); }
  std::string_view rest() const { return std::string_view(text_).substr(i_); }
  void skip_blanks() {
    while (!done() && is_blank(text_[i_])) ++i_;
  }
  bool take(char c) {
    if (done() || text_[i_] != c) return false;
    ++i_;
    return true;
  }
  std::size_t behind_blanks() const {
    std::size_t j = i_;
    while (j < text_.size() && is_blank(text_[j])) ++j;
    return j;
  }
  bool next_is(char c) const {
    const std::size_t j = behind_blanks();
    return j < text_.size() && text_[j] == c;
  }
  bool at_comma() const { return next_is(','); }
  bool take_spaced(char c) {
    if (!next_is(c)) return false;
    i_ = behind_blanks() + 1;
    return true;
  }

  static std::size_t key_name(std::string_view rest) {
    if (!rest.empty() && rest[0] == '$') {
      std::size_t n = 1;
      while (n < rest.size() && (rest[n] == '$' || tokens::id(rest.substr(n)) > 0 ||
                                 (rest[n] >= '0' && rest[n] <= '9') || rest[n] == '-')) {
        ++n;
      }
      return n;
    }
    std::size_t n = tokens::id(rest);
    while (n > 0 && n < rest.size() &&
           (rest[n] == '$' || rest[n] == '-' || rest[n] == '_' || std::isalnum(rest[n]))) {
      ++n;
    }
    return n;
  }

  /// a, $a, a.b.0.c, or nothing.
  std::string package() {
    const std::size_t start = i_;
    const std::size_t first = std::max(key_name(rest()), tokens::unsigned_int(rest()));
    const bool number = first > 0 && key_name(rest()) == 0;
    i_ += first;
    bool dotted = false;
    while (first > 0 && !done() && text_[i_] == '.') {
      const std::string_view more = rest().substr(1);
      const std::size_t n = std::max(key_name(more), tokens::unsigned_int(more));
      if (n == 0) fail("a key behind '.'");
      i_ += 1 + n;
      dotted = true;
    }
    if (number && !dotted) {
      i_ = start;
      fail("a key");
    }
    return text_.substr(start, i_ - start);
  }

  void key(Override& out) {
    out.key = package();
    const bool plain = tokens::id(out.key) == out.key.size() && !out.key.empty();
    while (plain && take('/')) {
      const std::size_t n = tokens::id(rest());
      if (n == 0) fail("the name of a group");
      out.key.append("/").append(text_, i_, n);
      i_ += n;
    }
    if (take('@')) out.package = package();
  }

  Element as_element(Argument argument) const {
    if (auto* element = std::get_if<Element>(&argument)) return std::move(*element);
    refuse("a sweep inside of another value");
  }

  Argument element(bool function_allowed) {
    if (++depth_ > kDeepest) refuse(fmt::format("nested deeper than {} levels", kDeepest));
    Argument out = element_inside(function_allowed);
    --depth_;
    return out;
  }

  Argument element_inside(bool function_allowed) {
    if (!done() && text_[i_] == '[') return list();
    if (!done() && text_[i_] == '{') return dict();
    if (!done() && (text_[i_] == '\'' || text_[i_] == '"')) return quoted();
    const std::size_t name = tokens::id(rest());
    if (function_allowed && name > 0) {
      const std::size_t start = i_;
      i_ += name;
      if (next_is('(')) return function(text_.substr(start, name));
      i_ = start;
    }
    return primitive(true);
  }

  Element quoted() {
    const std::size_t start = i_;
    const char quote = text_[i_++];
    std::size_t backslashes = 0;
    while (!done() && (text_[i_] != quote || backslashes % 2 == 1)) {
      backslashes = text_[i_] == '\\' ? backslashes + 1 : 0;
      ++i_;
    }
    if (done()) fail(fmt::format("the closing {}", quote));
    ++i_;
    return {Node(unquote(std::string_view(text_).substr(start, i_ - start))), quote};
  }

  Element list() {
    ++i_;
    skip_blanks();
    Element::List items;
    if (take_spaced(']')) return {items, '\0'};
    do {
      skip_blanks();
      items.push_back(as_element(element(true)));
    } while (take_spaced(','));
    if (!take_spaced(']')) fail("',' or ']'");
    return {std::move(items), '\0'};
  }

  Element dict() {
    ++i_;
    skip_blanks();
    Element::Dict items;
    if (take_spaced('}')) return {items, '\0'};
    do {
      skip_blanks();
      Element key = primitive(false);
      if (!take_spaced(':')) fail("':'");
      skip_blanks();
      Element value = as_element(element(true));
      const auto same = [&](const auto& item) { return item.key.node() == key.node(); };
      const auto old = std::find_if(items.begin(), items.end(), same);
      if (old != items.end()) {
        old->value = std::move(value);
      } else {
        items.push_back({std::move(key), std::move(value)});
      }
    } while (take_spaced(','));
    if (!take_spaced('}')) fail("',' or '}'");
    return {std::move(items), '\0'};
  }

  /// Unquoted tokens; a value may hold ":" and interpolations, the key of a dict may not.
  Element primitive(bool is_value) {
    std::vector<tokens::Token> found;
    while (!done()) {
      if (is_value && rest().starts_with("${")) {
        const std::size_t close = rest().find('}');
        if (close == std::string_view::npos || close == 2) fail("'${...}'");
        tokens::Token token;
        token.length = close + 1;
        token.text = rest().substr(0, close + 1);
        token.value = Node(token.text);
        found.push_back(token);
      } else {
        found.push_back(tokens::next(rest(), is_value));
      }
      if (found.back().length == 0) {
        found.pop_back();
        break;
      }
      i_ += found.back().length;
    }
    if (!found.empty() && found.front().blank) found.erase(found.begin());
    if (!found.empty() && found.back().blank) found.pop_back();
    if (found.empty()) fail("a value");
    return {tokens::join(found), '\0'};
  }

  Argument function(const std::string& name) {
    const std::size_t start = i_ - name.size();
    take_spaced('(');
    skip_blanks();
    std::vector<std::pair<std::string, Argument>> arguments;
    if (!take_spaced(')')) {
      do {
        skip_blanks();
        std::string named;
        const std::size_t n = tokens::id(rest());
        const std::size_t before = i_;
        i_ += n;
        if (n > 0 && take_spaced('=')) {
          named = text_.substr(before, n);
          skip_blanks();
        } else {
          i_ = before;
        }
        if (named.empty() && !arguments.empty() && !arguments.back().first.empty()) {
          fail("named arguments only, behind the first named one");
        }
        arguments.emplace_back(named, element(true));
      } while (take_spaced(','));
      if (!take_spaced(')')) fail("',' or ')'");
    }
    try {
      return call_override_function(name, arguments);
    } catch (const UsageError& error) {
      throw UsageError("override '{}', column {}: {}", shortened(), start + 1, error.what());
    }
  }

  const std::string& text_;
  std::size_t i_ = 0;
  int depth_ = 0;
};

/// Throws where a string holds an interpolation that does not parse.
void check_strings(const Element& element) {
  if (element.is_scalar()) {
    if (element.scalar().is_interpolation()) check_interpolation(element.scalar().as_string());
  } else if (element.is_list()) {
    for (const Element& item : element.list()) check_strings(item);
  } else {
    for (const auto& [key, value] : element.dict()) check_strings(value);
  }
}

}  // namespace

Override parse_override(const std::string& text) {
  std::uint32_t code = 0;
  for (std::size_t i = 0, length = 0; i < text.size(); i += length) {
    length = decode_utf8(text, i, code);
    if (length == 0) {
      throw UsageError("override '{}': byte {} is not UTF-8", excerpt(text.substr(0, i), 200),
                       i + 1);
    }
  }
  Override out = Parser(text).whole_override();
  if (!out.is_sweep()) {
    try {
      check_strings(out.element());
    } catch (const UsageError& error) {
      throw UsageError("override '{}': {}", text, error.what());
    }
  }
  return out;
}

Argument parse_override_value(const std::string& text) {
  return Parser(text).whole_value();
}

}  // namespace cq::config
