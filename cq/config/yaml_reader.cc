#include "cq/config/yaml_reader.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "cq/config/interpolation.h"
#include "cq/config/scalar.h"
#include "cq/config/yaml_scalars.h"
#include "cq/config/yaml_text.h"
#include "cq/config/yaml_tokens.h"

namespace cq::config {

namespace {

/// Builds the tree from the parser's events, so that nothing is built of what is refused.
class Builder : public YAML::EventHandler {
 public:
  Builder(const std::string& file, const YamlLimits& limits, const std::vector<YamlToken>& tokens)
      : file_(std::make_shared<const std::string>(file)), limits_(limits), tokens_(tokens) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    finish(Node().with_mark(at(mark)), 1, anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(mark, "an alias to the value it is part of");
    const auto [node, weight] = found->second;
    finish(node, weight, 0, &mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string&) override {
    refuse_tag(mark, tag);
    const YamlToken& token = token_at(mark);
    const bool plain = token.plain || token.kind != YamlToken::Kind::scalar;
    Node node;
    try {
      // "=" has a meaning of its own as a value, but as a key it is a string.
      const bool text_alone = !plain || (token.text == "=" && expects_key());
      node = text_alone ? Node(token.text) : read_plain_scalar(token.text);
      if (node.is_interpolation()) check_interpolation(token.text);
    } catch (const UsageError& error) {
      refuse(mark, error.what());
    }
    is_merge_ = plain && token.text == "<<";
    if (is_merge_ && !expects_key())
      refuse(mark, "'<<' merges keys; quote it if its text is meant");
    finish(node.with_mark(at(mark)), 1, anchor, &mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::list());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::dict());
  }
  void OnMapEnd() override { close(); }

  const Node& root() const { return root_; }

 private:
  struct Open {
    YAML::Mark mark;
    YAML::anchor_t anchor;
    bool is_map;
    Node::List list;
    Node::Dict dict;
    Node::Dict merged;
    std::set<std::pair<std::string, KeyKind>> keys;
    std::optional<Key> key;
    bool key_is_merge = false;
    std::size_t weight = 1;
  };

  /// The scalar that begins at `mark`, behind its anchor and tag. Where the tag stands alone, an
  /// empty scalar: the text is taken from the tokens because yaml-cpp folds block scalars in its
  /// own way.
  const YamlToken& token_at(const YAML::Mark& mark) const {
    static const YamlToken empty{YamlToken::Kind::value};
    using Kind = YamlToken::Kind;
    auto token = first_at(mark);
    while (token != tokens_.end() && token->kind != Kind::scalar && token->kind != Kind::end) {
      const bool before = token->kind == Kind::anchor || token->kind == Kind::tag ||
                          static_cast<int>(token->offset) == mark.pos;
      if (!before) return empty;
      ++token;
    }
    return token == tokens_.end() || token->kind == Kind::end ? empty : *token;
  }

  std::vector<YamlToken>::const_iterator first_at(const YAML::Mark& mark) const {
    const auto begins = [](const YamlToken& token, int offset) {
      return static_cast<int>(token.offset) < offset;
    };
    return std::lower_bound(tokens_.begin(), tokens_.end(), mark.pos, begins);
  }

  /// As the tokens have it: in characters of the text as it was written.
  Mark at(const YAML::Mark& mark) const {
    const auto token = first_at(mark);
    const bool found = token != tokens_.end() && static_cast<int>(token->offset) == mark.pos;
    return found ? Mark{file_, token->line, token->column}
                 : Mark{file_, mark.line + 1, mark.column + 1};
  }

  [[noreturn]] void refuse(const YAML::Mark& mark, const std::string& what) const {
    throw UsageError("{}: {}", at(mark).text(), what);
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag.empty() || tag == "?" || tag == "!") return;
    refuse(mark, fmt::format("the tag '{}': tags are not supported, the type follows from how the "
                             "value is written",
                             tag));
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            const Node& empty) {
    refuse_tag(mark, tag);
    if (static_cast<int>(stack_.size()) >= limits_.depth) {
      refuse(mark, fmt::format("nested deeper than {} levels", limits_.depth));
    }
    if (expects_key()) refuse(mark, "a list or mapping as a key; keys are scalars");
    Open level;
    level.mark = mark;
    level.anchor = anchor;
    level.is_map = empty.is_dict();
    stack_.push_back(std::move(level));
  }

  void close() {
    Open level = std::move(stack_.back());
    stack_.pop_back();
    Node node;
    if (level.is_map) {
      // Merged keys come first, and the mapping's own win over them.
      Node dict = Node(std::move(level.merged));
      for (auto& [key, value] : level.dict) dict.put(key, value);
      node = std::move(dict);
    } else {
      node = Node(std::move(level.list));
    }
    finish(node.with_mark(at(level.mark)), level.weight, level.anchor, &level.mark);
  }

  bool expects_key() const { return !stack_.empty() && stack_.back().is_map && !stack_.back().key; }

  void finish(Node node, std::size_t weight, YAML::anchor_t anchor,
              const YAML::Mark* mark = nullptr) {
    if (anchor != 0) anchors_[anchor] = {node, weight};
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& level = stack_.back();
    level.weight += weight;
    const YAML::Mark& where = mark != nullptr ? *mark : level.mark;
    if (level.weight > limits_.values) {
      refuse(where, fmt::format("more than {} values once aliases are expanded", limits_.values));
    }
    if (!level.is_map) {
      level.list.push_back(std::move(node));
    } else if (!level.key) {
      take_key(level, node, where);
    } else {
      if (level.key_is_merge) {
        merge(level, node, where);
      } else {
        level.dict.emplace_back(*level.key, std::move(node));
      }
      level.key.reset();
    }
  }

  void take_key(Open& level, const Node& node, const YAML::Mark& where) {
    if (!node.is_scalar()) refuse(where, "a list or mapping as a key; keys are scalars");
    if (node.is_null()) refuse(where, "null as a key; quote it if its text is meant");
    level.key_is_merge = is_merge_ && node.is_string() && node.as_string() == "<<";
    is_merge_ = false;
    Key key = key_of(node);
    if (!level.key_is_merge && !level.keys.emplace(key.text(), key.kind).second) {
      refuse(where, fmt::format("the key '{}' is given twice", key.text()));
    }
    level.key = as_python_has_it(level, node, std::move(key));
  }

  /// In Python's dicts the keys 1, 1.0 and true are one: the first is kept, with the last value.
  static Key as_python_has_it(const Open& level, const Node& node, Key key) {
    if (!node.is_number() && !node.is_bool()) return key;
    const auto number = [](const Node& scalar) {
      return scalar.is_bool() ? (scalar.as_bool() ? 1.0 : 0.0) : scalar.as_double();
    };
    for (const auto& [earlier, value] : level.dict) {
      if (earlier.kind == KeyKind::string || earlier.kind == KeyKind::null) continue;
      if (number(read_plain_scalar(earlier.text())) == number(node)) return earlier;
    }
    return key;
  }

  void merge(Open& level, const Node& node, const YAML::Mark& where) {
    Node all = Node::dict();
    const auto add = [&](const Node& mapping) {
      if (!mapping.is_dict()) refuse(where, "'<<' merges a mapping or a list of mappings");
      for (const auto& [key, value] : mapping.items()) {
        if (all.get(key) == nullptr) all.put(key, value);
      }
    };
    if (node.is_list()) {
      for (const Node& item : node.elements()) add(item);
    } else {
      add(node);
    }
    for (const auto& entry : all.items()) level.merged.push_back(entry);
  }

  std::shared_ptr<const std::string> file_;
  YamlLimits limits_;
  const std::vector<YamlToken>& tokens_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, std::pair<Node, std::size_t>> anchors_;
  bool is_merge_ = false;
  Node root_;
};

std::vector<YamlToken> tokens_of(std::string_view text, const std::string& file, int depth) {
  try {
    return scan_yaml(text, depth);
  } catch (const YamlFault& fault) {
    throw UsageError("{}:{}:{}: {}", file, fault.line, fault.column, fault.what);
  }
}

/// In "{a:[1]}" yaml-cpp reads "a:" as a word, YAML 1.1 as a key: a blank goes between. The tokens'
/// offsets follow.
std::string with_blanks(std::string_view text, std::vector<YamlToken>& tokens) {
  std::string out;
  std::size_t copied = 0;
  std::size_t added = 0;
  for (YamlToken& token : tokens) {
    const std::size_t behind = token.offset + 1;
    token.offset += added;
    const bool opens = behind < text.size() && (text[behind] == '[' || text[behind] == '{');
    if (token.kind != YamlToken::Kind::value || !opens) continue;
    out.append(text.substr(copied, behind - copied)).append(1, ' ');
    copied = behind;
    ++added;
  }
  return out.append(text.substr(copied));
}

/// Where a document begins behind another one's content; the last token where none does.
const YamlToken& second_document(const std::vector<YamlToken>& tokens) {
  using Kind = YamlToken::Kind;
  bool content = false;
  for (const YamlToken& token : tokens) {
    if (token.kind == Kind::document_start && content) return token;
    content = content || token.kind != Kind::directive;
  }
  return tokens.back();
}

/// Two values of one name: PyYAML refuses that, and it is a slip more often than not.
void check_anchors(const std::vector<YamlToken>& tokens, const std::string& file) {
  std::set<std::string> names;
  for (const YamlToken& token : tokens) {
    if (token.kind != YamlToken::Kind::anchor || names.insert(token.text).second) continue;
    throw UsageError("{}:{}:{}: the anchor '&{}' is given twice", file, token.line, token.column,
                     token.text);
  }
}

/// "..." ends a document; where none has begun, it does not begin one.
void check_document_end(const std::vector<YamlToken>& tokens, const std::string& file) {
  using Kind = YamlToken::Kind;
  for (const YamlToken& token : tokens) {
    if (token.kind == Kind::directive) continue;
    if (token.kind != Kind::document_end) return;
    throw UsageError("{}:{}:{}: '...' ends a document, but none has begun", file, token.line,
                     token.column);
  }
}

}  // namespace

Node read_yaml(std::string_view text, const std::string& file, const YamlLimits& limits) {
  if (text.size() > limits.bytes) {
    throw UsageError("{}:1:1: {} bytes, more than the {} that a config may have", file, text.size(),
                     limits.bytes);
  }
  check_yaml_text(text, file);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<YamlToken> tokens = tokens_of(text, file, limits.depth);
  check_document_end(tokens, file);
  check_anchors(tokens, file);
  // The line break at the end is for yaml-cpp, which misreads a tag that ends the file.
  std::istringstream stream{with_blanks(text, tokens) + "\n"};
  Builder builder(file, limits, tokens);
  try {
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    Builder second(file, limits, tokens);
    if (parser.HandleNextDocument(second)) {
      const YamlToken& start = second_document(tokens);
      throw UsageError("{}:{}:{}: several documents in one file; a config is one", file, start.line,
                       start.column);
    }
  } catch (const YAML::Exception& error) {
    throw UsageError("{}:{}:{}: {}", file, error.mark.line + 1, error.mark.column + 1, error.msg);
  }
  return builder.root();
}

std::string read_yaml_text(const std::filesystem::path& file, const YamlLimits& limits) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream || std::filesystem::is_directory(file)) {
    throw UsageError("{}: cannot be read", file.string());
  }
  // One byte more than allowed, so that the check sees that there is too much.
  std::string text(limits.bytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > limits.bytes) {
    throw UsageError("{}:1:1: more than the {} bytes that a config may have", file.string(),
                     limits.bytes);
  }
  return text;
}

}  // namespace cq::config
