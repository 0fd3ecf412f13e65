#pragma once
// Hydra 1.3's override grammar: key=value, +key=value, ++key=value, ~key, group@package=option,
// with sweeps (a,b / choice / range / glob), casts, sort and shuffle.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cq/config/node.h"

namespace cq::config {

/// A value of the grammar. Strings remember their quotes, because a sweep writes its values out
/// again, and because only unquoted text is ever read as something else.
struct Element {
  using List = std::vector<Element>;
  struct Entry;
  using Dict = std::vector<Entry>;

  std::variant<Node, List, Dict> value;  // Node: scalars only
  char quote = '\0';                     // ' or " where the text was quoted

  bool is_scalar() const { return value.index() == 0; }
  bool is_list() const { return value.index() == 1; }
  bool is_dict() const { return value.index() == 2; }
  const Node& scalar() const { return std::get<0>(value); }
  const List& list() const { return std::get<1>(value); }
  const Dict& dict() const { return std::get<2>(value); }

  /// The plain value, quotes gone.
  Node node() const;
  /// As the grammar writes it; parses back to the same element.
  std::string text() const;
};

struct Element::Entry {
  Element key, value;
};

/// What stands behind "=" where it is more than one value.
struct Sweep {
  enum class Kind { choice, range, interval, glob };
  Kind kind = Kind::choice;
  bool simple = false;  // a,b,c rather than choice(a,b,c)
  bool shuffle = false;
  std::vector<Element> choices;
  Node start, stop, step;                     // range and interval: numbers
  std::vector<std::string> include, exclude;  // glob: patterns over a group's options
};

using Argument = std::variant<Element, Sweep>;

struct Override {
  enum class Kind { change, add, force_add, remove };
  Kind kind = Kind::change;
  std::string key;                     // dotted key or group
  std::optional<std::string> package;  // behind @
  bool has_value = false;
  Argument value;
  std::string text;  // as it was given
  Mark mark;         // of a sweep block's value; unknown for what the command line gave

  bool is_sweep() const { return value.index() == 1; }
  const Element& element() const { return std::get<0>(value); }
  const Sweep& sweep() const { return std::get<1>(value); }
  Node node() const { return element().node(); }
  /// "+group@package": the part before "=".
  std::string key_element() const;
  /// The key without prefix: "group@package".
  std::string group_key() const;
  bool for_hydra() const { return key.starts_with("hydra.") || key.starts_with("hydra/"); }
};

/// Throws UsageError with the override and the column at fault.
Override parse_override(const std::string& text);

/// The value alone, as it may stand behind "=".
Argument parse_override_value(const std::string& text);

/// The values of a discrete sweep in their order, as the grammar writes them. `options`: what a
/// glob selects from. Throws UsageError for an interval and for a range without end.
std::vector<std::string> sweep_values(const Override& over,
                                      const std::vector<std::string>& options);

/// int(...), choice(...), range(...) and so on; named arguments have a non-empty first. Throws
/// UsageError where the function or an argument is wrong.
Argument call_override_function(const std::string& name,
                                const std::vector<std::pair<std::string, Argument>>& arguments);

}  // namespace cq::config
