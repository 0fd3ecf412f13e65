#pragma once
// The value tree that YAML files and overrides are read into, and that components take their
// parameters from.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "cq/base/error.h"

namespace cq::config {

/// Where a value was written: a file with 1-based line and column, or an override (line 0).
struct Mark {
  std::shared_ptr<const std::string> file;
  int line = 0;
  int column = 0;

  static Mark in_file(const std::string& file, int line, int column);
  static Mark in_override(const std::string& text);
  bool known() const { return file != nullptr; }
  /// "configs/a.yaml:3:7", "override 'a=1'", or "" where nothing is known.
  std::string text() const;
};

/// YAML keys are not always strings: `1: a` and `'1': a` are different keys.
enum class KeyKind { string, null, boolean, integer, real };

/// A key is used as the text it prints as; the kind keeps apart what prints alike.
struct Key : std::string {
  Key() = default;
  Key(std::string text) : std::string(std::move(text)) {}  // NOLINT(google-explicit-constructor)
  Key(std::string_view text) : std::string(text) {}        // NOLINT(google-explicit-constructor)
  Key(const char* text) : std::string(text) {}             // NOLINT(google-explicit-constructor)
  Key(std::string text, KeyKind key_kind) : std::string(std::move(text)), kind(key_kind) {}

  const std::string& text() const { return *this; }
  bool same(const Key& other) const { return kind == other.kind && text() == other.text(); }

  KeyKind kind = KeyKind::string;
};

/// A value: null, bool, integer, real, string, list or ordered dict, with the place where it was
/// written. Copies are cheap: trees share what they have in common, and `set` copies only the
/// dicts on the way to what it changes.
class Node {
 public:
  enum class Kind { null, boolean, integer, real, string, list, dict };
  using Entry = std::pair<Key, Node>;
  using List = std::vector<Node>;
  using Dict = std::vector<Entry>;

  Node();
  Node(std::nullptr_t) : Node() {}                       // NOLINT(google-explicit-constructor)
  Node(bool value);                                      // NOLINT(google-explicit-constructor)
  Node(int value);                                       // NOLINT(google-explicit-constructor)
  Node(std::int64_t value);                              // NOLINT(google-explicit-constructor)
  Node(double value);                                    // NOLINT(google-explicit-constructor)
  Node(std::string value);                               // NOLINT(google-explicit-constructor)
  Node(const char* value) : Node(std::string(value)) {}  // NOLINT(google-explicit-constructor)
  Node(List items);                                      // NOLINT(google-explicit-constructor)
  Node(Dict items);                                      // NOLINT(google-explicit-constructor)
  static Node list(List items = {}) { return Node(std::move(items)); }
  static Node dict(Dict items = {}) { return Node(std::move(items)); }

  Kind kind() const;
  bool is_null() const { return kind() == Kind::null; }
  bool is_bool() const { return kind() == Kind::boolean; }
  bool is_int() const { return kind() == Kind::integer; }
  bool is_double() const { return kind() == Kind::real; }
  bool is_number() const { return is_int() || is_double(); }
  bool is_string() const { return kind() == Kind::string; }
  bool is_list() const { return kind() == Kind::list; }
  bool is_dict() const { return kind() == Kind::dict; }
  bool is_scalar() const { return !is_list() && !is_dict(); }
  /// The mandatory value `???` that nothing has filled.
  bool is_missing() const;
  /// A string that holds `${`: its value is known only after resolve().
  bool is_interpolation() const;

  /// Each throws UsageError with the place and the dotted key where the value is of another kind.
  /// as_double takes integers, as_int never takes reals.
  bool as_bool() const;
  std::int64_t as_int() const;
  double as_double() const;
  const std::string& as_string() const;

  /// Number of items of a list or dict; a scalar has none.
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  /// Throws UsageError where there is no such key or index; names the nearest key.
  const Node& at(std::string_view key) const;
  const Node& at(std::size_t index) const;
  bool contains(std::string_view key) const { return get(key) != nullptr; }
  /// The value of one key (no dots), or null.
  const Node* get(std::string_view key) const;
  const Node* get(const Key& key) const;
  /// The value at a dotted path such as "a.b.0.c" or "a[0]", or null; "" is the node itself.
  const Node* find(std::string_view path) const;
  /// Items of a dict in their order; throws UsageError on anything else.
  const Dict& items() const;
  /// Items of a list; throws UsageError on anything else.
  const List& elements() const;

  /// Puts a value at a dotted path; dicts on the way are created, list items must exist.
  void set(std::string_view path, Node value);
  /// Puts a value at one key of a dict (no dots).
  void put(const Key& key, Node value);
  void append(Node value);
  /// Puts a value in the place of an existing item of a list.
  void replace(std::size_t index, Node value);
  /// Drops one key of a dict or one item of a list; false where it is not there.
  bool erase(const Key& key);
  bool erase(std::size_t index);

  const Mark& mark() const;
  Node with_mark(Mark mark) const;
  /// The dotted key of this value from the root that with_paths was called on.
  const std::string& path() const;
  /// A copy whose nodes know their dotted keys below `prefix`.
  Node with_paths(const std::string& prefix = "") const;
  /// "configs/a.yaml:3:7: cache.interval" as far as known, to begin a message with.
  std::string where() const;
  /// One line for messages: kind and, for scalars, the value.
  std::string describe() const;

  nlohmann::ordered_json to_json() const;
  static Node from_json(const nlohmann::ordered_json& json);

  /// Equality of values, blind to marks, paths and the order of keys. 1 and 1.0 differ.
  friend bool operator==(const Node& a, const Node& b);
  friend bool operator!=(const Node& a, const Node& b) { return !(a == b); }

 private:
  using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Dict>;
  struct Data;
  Data& own();
  [[noreturn]] void wrong_kind(std::string_view expected) const;

  std::shared_ptr<Data> data_;
};

struct Node::Data {
  Value value;
  Mark mark;
  std::string path;
};

inline const Mark& Node::mark() const {
  return data_->mark;
}
inline const std::string& Node::path() const {
  return data_->path;
}

/// The steps of a dotted path: "a.b[0].c" -> a, b, 0, c. An empty path has no steps.
std::vector<std::string> split_path(std::string_view path);

/// Whether a mapping in it, at any depth, has null as a key.
bool has_null_key(const Node& node);

std::string_view to_string(Node::Kind kind);

}  // namespace cq::config
