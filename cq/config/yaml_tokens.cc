#include "cq/config/yaml_tokens.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "cq/config/yaml_cursor.h"
#include "cq/config/yaml_scalars.h"

namespace cq::config {

namespace {

using Kind = YamlToken::Kind;

bool is_name(char32_t c) {
  return (c >= U'0' && c <= U'9') || (c >= U'A' && c <= U'Z') || (c >= U'a' && c <= U'z') ||
         c == U'-' || c == U'_';
}

class Scanner {
 public:
  Scanner(std::string_view text, int depth) : cursor_(text), depth_(depth) {}

  std::vector<YamlToken> scan() {
    do {
      next();
    } while (tokens_.back().kind != Kind::end);
    return std::move(tokens_);
  }

 private:
  /// A scalar or collection that turns out to be a key if ':' follows on the same line.
  struct SimpleKey {
    std::size_t token;
    /// Where nothing but a key can stand.
    bool required;
    std::size_t index;
    int line, column;
    YamlToken place;
  };
  static constexpr std::size_t kLongestKey = 1024;

  YamlToken here(Kind kind) const {
    return {kind, cursor_.line() + 1, cursor_.column() + 1, cursor_.offset()};
  }
  void add(Kind kind) { tokens_.push_back(here(kind)); }
  void add_indicator(Kind kind, std::size_t length = 1) {
    add(kind);
    cursor_.forward(length);
  }
  [[noreturn]] void fail(std::string what) const { yaml_fault(cursor_, std::move(what)); }

  void next() {
    to_next_token();
    drop_stale_keys();
    unwind(cursor_.column());
    const char32_t c = cursor_.peek();
    if (cursor_.done()) return finish();
    if (cursor_.column() == 0 && c == U'%') return directive();
    if (cursor_.column() == 0 && cursor_.at_document_mark()) {
      begin_document_part();
      return add_indicator(c == U'-' ? Kind::document_start : Kind::document_end, 3);
    }
    switch (c) {
      case U'[':
        return open_flow(Kind::flow_list);
      case U'{':
        return open_flow(Kind::flow_dict);
      case U']':
        return close_flow(Kind::flow_list_end);
      case U'}':
        return close_flow(Kind::flow_dict_end);
      case U',':
        check_entry();
        key_allowed_ = true;
        forget_key();
        return add_indicator(Kind::flow_entry);
      case U'*':
        return node([this] { return name(Kind::alias); });
      case U'&':
        return node([this] { return name(Kind::anchor); });
      case U'!':
        return node([this] { return tag(); });
      case U'\'':
      case U'"':
        return node([this] {
          YamlToken token = here(Kind::scalar);
          token.text = scan_quoted(cursor_);
          return token;
        });
      default:
        return ambiguous(c);
    }
  }

  /// What is an indicator or the start of a plain scalar.
  void ambiguous(char32_t c) {
    const bool gap = YamlCursor::is_gap(cursor_.peek(1));
    if (c == U'-' && gap) return block_entry();
    if (c == U'?' && (gap || flow_level_ > 0)) return explicit_key();
    if (c == U':' && (gap || flow_level_ > 0)) return value();
    if ((c == U'|' || c == U'>') && flow_level_ == 0) {
      key_allowed_ = true;
      forget_key();
      YamlToken token = here(Kind::scalar);
      token.text = scan_block_scalar(cursor_, indent_);
      tokens_.push_back(std::move(token));
      return;
    }
    constexpr std::u32string_view never = U",[]{}#&*!|>'\"%@`";
    if (c == U'\t') fail("a tab where a token may begin; YAML separates with spaces");
    const bool starts =
        never.find(c) == std::u32string_view::npos && c != U'-' && c != U'?' && c != U':';
    if (!starts && (gap || (c != U'-' && (flow_level_ > 0 || (c != U'?' && c != U':'))))) {
      std::string shown;
      append_utf8(shown, c);
      fail(fmt::format("'{}' cannot begin a value: quote it", shown));
    }
    save_key();
    YamlToken token = here(Kind::scalar);
    PlainScalar plain = scan_plain(cursor_, indent_, flow_level_ > 0);
    token.text = std::move(plain.text);
    token.plain = true;
    key_allowed_ = plain.line_ended;
    tokens_.push_back(std::move(token));
  }

  template <class Scan>
  void node(Scan scan) {
    save_key();
    key_allowed_ = false;
    tokens_.push_back(scan());
  }

  void to_next_token() {
    while (true) {
      cursor_.skip_spaces();
      if (cursor_.peek() == U'#') cursor_.skip_to_break();
      if (cursor_.take_break().empty()) return;
      if (flow_level_ == 0) key_allowed_ = true;
    }
  }

  [[noreturn]] static void fail_key(const SimpleKey& key) {
    throw YamlFault{key.place.line, key.place.column, "expected 'key: value', there is no ':'"};
  }

  void drop_stale_keys() {
    for (auto it = keys_.begin(); it != keys_.end();) {
      const SimpleKey& key = it->second;
      if (key.line == cursor_.line() && cursor_.index() - key.index <= kLongestKey) {
        ++it;
      } else if (key.required) {
        fail_key(key);
      } else {
        it = keys_.erase(it);
      }
    }
  }

  void save_key() {
    if (!key_allowed_) return;
    forget_key();
    const bool required = flow_level_ == 0 && indent_ == cursor_.column();
    keys_[flow_level_] = {tokens_.size(), required,         cursor_.index(),
                          cursor_.line(), cursor_.column(), here(Kind::key)};
  }

  void forget_key() {
    const auto found = keys_.find(flow_level_);
    if (found == keys_.end()) return;
    if (found->second.required) fail_key(found->second);
    keys_.erase(found);
  }

  void unwind(int column) {
    while (flow_level_ == 0 && indent_ > column) {
      indent_ = indents_.back();
      indents_.pop_back();
      add(Kind::block_end);
    }
  }

  /// Here and not only when the tree is built: a million brackets cost time before that.
  void check_depth() const {
    if (flow_level_ + static_cast<int>(indents_.size()) > depth_) {
      fail(fmt::format("nested deeper than {} levels", depth_));
    }
  }

  bool indent_to(int column) {
    if (indent_ >= column) return false;
    indents_.push_back(indent_);
    indent_ = column;
    check_depth();
    return true;
  }

  void begin_document_part() {
    unwind(-1);
    forget_key();
    key_allowed_ = false;
  }

  void finish() {
    begin_document_part();
    add(Kind::end);
  }

  void open_flow(Kind kind) {
    save_key();
    ++flow_level_;
    check_depth();
    key_allowed_ = true;
    add_indicator(kind);
  }

  /// "[," and ",," leave an entry out.
  void check_entry() const {
    const Kind last = tokens_.empty() ? Kind::end : tokens_.back().kind;
    const bool nothing =
        last == Kind::flow_list || last == Kind::flow_dict || last == Kind::flow_entry;
    if (nothing) fail("a comma with no value in front of it");
  }

  void close_flow(Kind kind) {
    if (flow_level_ == 0) fail("nothing is open that this could close");
    forget_key();
    --flow_level_;
    key_allowed_ = false;
    add_indicator(kind);
  }

  void block_entry() {
    if (flow_level_ == 0) {
      if (!key_allowed_) fail("an entry of a list ('- ') cannot stand here");
      if (indent_to(cursor_.column())) add(Kind::block_list);
    }
    key_allowed_ = true;
    forget_key();
    add_indicator(Kind::block_entry);
  }

  void explicit_key() {
    if (flow_level_ == 0) {
      if (!key_allowed_) fail("a key ('? ') cannot stand here");
      if (indent_to(cursor_.column())) add(Kind::block_dict);
    }
    key_allowed_ = flow_level_ == 0;
    forget_key();
    add_indicator(Kind::key);
  }

  void value() {
    const auto found = keys_.find(flow_level_);
    if (found != keys_.end()) {
      const SimpleKey key = found->second;
      keys_.erase(found);
      const auto place = tokens_.begin() + static_cast<std::ptrdiff_t>(key.token);
      tokens_.insert(place, key.place);
      if (flow_level_ == 0 && indent_to(key.column)) {
        YamlToken start = key.place;
        start.kind = Kind::block_dict;
        tokens_.insert(tokens_.begin() + static_cast<std::ptrdiff_t>(key.token), start);
      }
      key_allowed_ = false;
    } else {
      if (flow_level_ == 0) {
        if (!key_allowed_) fail("a second ':' in this line: quote the text that holds it");
        if (indent_to(cursor_.column())) add(Kind::block_dict);
      }
      key_allowed_ = flow_level_ == 0;
      forget_key();
    }
    add_indicator(Kind::value);
  }

  YamlToken name(Kind kind) {
    YamlToken token = here(kind);
    cursor_.forward();
    std::size_t n = 0;
    while (is_name(cursor_.peek(n))) ++n;
    token.text = cursor_.take(n);
    constexpr std::u32string_view behind = U"?:,]}%@`";
    const bool ends =
        YamlCursor::is_gap(cursor_.peek()) || behind.find(cursor_.peek()) != behind.npos;
    if (n == 0 || !ends) fail("the name of an anchor (&) or alias (*) is letters, digits, - and _");
    return token;
  }

  YamlToken tag() {
    YamlToken token = here(Kind::tag);
    std::size_t n = 0;
    while (!YamlCursor::is_gap(cursor_.peek(n))) ++n;
    token.text = cursor_.take(n);
    return token;
  }

  void directive() {
    begin_document_part();
    YamlToken token = here(Kind::directive);
    cursor_.forward();
    std::size_t n = 0;
    while (is_name(cursor_.peek(n))) ++n;
    token.text = cursor_.take(n);
    const char32_t behind = cursor_.peek();
    if (n == 0 || (behind != U' ' && !cursor_.done() && !cursor_.at_break())) {
      fail("a line that begins with '%' is a directive; quote the text if it is none");
    }
    if (token.text == "YAML") {
      version();
    } else if (token.text == "TAG") {
      fail("tags are not supported, the type follows from how the value is written");
    } else {
      cursor_.skip_to_break();
    }
    cursor_.skip_spaces();
    if (cursor_.peek() == U'#') cursor_.skip_to_break();
    if (!cursor_.done() && !cursor_.at_break()) fail("a directive ends with its line");
    cursor_.take_break();
    tokens_.push_back(std::move(token));
  }

  void version() {
    cursor_.skip_spaces();
    const auto digits = [this] {
      std::size_t n = 0;
      while (cursor_.peek(n) >= U'0' && cursor_.peek(n) <= U'9') ++n;
      return cursor_.take(n);
    };
    const std::string major = digits();
    const bool point = cursor_.peek() == U'.';
    if (point) cursor_.forward();
    const bool gap = point && !digits().empty() && YamlCursor::is_gap(cursor_.peek());
    if (major != "1" || !gap || cursor_.peek() == U'\t') fail("expected '%YAML 1.1'");
  }

  YamlCursor cursor_;
  const int depth_;
  std::vector<YamlToken> tokens_;
  std::map<int, SimpleKey> keys_;
  bool key_allowed_ = true;
  int flow_level_ = 0;
  int indent_ = -1;
  std::vector<int> indents_;
};

}  // namespace

std::vector<YamlToken> scan_yaml(std::string_view text, int depth) {
  return Scanner(text, depth).scan();
}

}  // namespace cq::config
