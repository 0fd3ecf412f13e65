#pragma once
// Typed parameters, declared once per component. From the one declaration come parsing, checking
// and the tables of `cq-exp list`.
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "cq/config/node.h"

namespace cq::config {

/// Closed interval that a number, or each number of a list, must lie in.
struct Bounds {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

/// What is known of one parameter, for `cq-exp list`, docs pages and completion.
struct ParamInfo {
  std::string name;
  std::string type;           // "int", "real", "bool", "string", "list of int", "int or null", ...
  std::string default_value;  // as YAML
  Bounds bounds;
  std::string unit;
  std::string doc;
  std::string source;  // paper or equation
  std::vector<std::string> choices;

  /// "1..20", ">= 1", "a | b", or "" where anything goes.
  std::string bounds_text() const;
};

namespace params {

template <class T>
struct TypeName;

/// Reads one value; throws UsageError with place, dotted key, what was expected and what came.
void read(const Node& node, const ParamInfo& info, std::int64_t& out);
void read(const Node& node, const ParamInfo& info, double& out);
void read(const Node& node, const ParamInfo& info, bool& out);
void read(const Node& node, const ParamInfo& info, std::string& out);

template <class T>
void read(const Node& node, const ParamInfo& info, std::vector<T>& out) {
  out.clear();
  for (const Node& item : node.elements()) {
    T value{};
    read(item, info, value);
    out.push_back(std::move(value));
  }
}

template <class T>
void read(const Node& node, const ParamInfo& info, std::optional<T>& out) {
  if (node.is_null()) {
    out.reset();
    return;
  }
  T value{};
  read(node, info, value);
  out = std::move(value);
}

template <class T>
Node to_node(const T& value) {
  return Node(value);
}
template <class T>
Node to_node(const std::vector<T>& values) {
  Node list = Node::list();
  for (const auto& value : values) list.append(Node(T(value)));
  return list;
}
template <class T>
Node to_node(const std::optional<T>& value) {
  return value ? to_node(*value) : Node();
}

template <class T>
std::string type_name() {
  if constexpr (std::is_same_v<T, std::int64_t>) {
    return "int";
  } else if constexpr (std::is_same_v<T, double>) {
    return "real";
  } else if constexpr (std::is_same_v<T, bool>) {
    return "bool";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "string";
  } else {
    return TypeName<T>::get();
  }
}
template <class T>
struct TypeName<std::vector<T>> {
  static std::string get() { return "list of " + type_name<T>(); }
};
template <class T>
struct TypeName<std::optional<T>> {
  static std::string get() { return type_name<T>() + " or null"; }
};

/// The value in one line of YAML.
std::string one_line(const Node& node);
/// Throws UsageError: an unknown key, the keys there are, and the nearest of them.
[[noreturn]] void unknown_key(const Node& dict, const Key& key,
                              const std::vector<ParamInfo>& known);
/// Throws UsageError where `dict` is no mapping, or null is taken for an empty one.
const Node::Dict& entries_of(const Node& dict);

}  // namespace params

/// Parameters of one component, held in the plain struct P whose member initialisers are the
/// defaults.
///
///   Params<Uniform>()
///       .field("interval", &Uniform::interval, "steps in a group", Bounds{1, 1000}, "steps")
///       .field("metric", &Uniform::metric, "distance").choices({"l1", "l2"});
template <class P>
class Params {
 public:
  template <class T>
  Params& field(std::string name, T P::*member, std::string doc, Bounds bounds = {},
                std::string unit = "", std::string source = "") {
    ParamInfo info{std::move(name),
                   params::type_name<T>(),
                   params::one_line(params::to_node(P{}.*member)),
                   bounds,
                   std::move(unit),
                   std::move(doc),
                   std::move(source),
                   {}};
    infos_.push_back(std::move(info));
    readers_.push_back([member](const Node& node, const ParamInfo& about, P& out) {
      params::read(node, about, out.*member);
    });
    return *this;
  }

  /// The strings that the field declared last may take.
  Params& choices(std::vector<std::string> allowed) {
    infos_.back().choices = std::move(allowed);
    return *this;
  }

  /// Unset keys keep their defaults. Throws UsageError with file:line and dotted key for an
  /// unknown key (and the nearest name), a wrong type, a value out of bounds, an unfilled `???`.
  P parse(const Node& dict) const {
    P out{};
    for (const auto& [key, value] : params::entries_of(dict)) {
      std::size_t i = 0;
      while (i < infos_.size() && (infos_[i].name != key.text())) ++i;
      if (i == infos_.size()) params::unknown_key(dict, key, infos_);
      readers_[i](value, infos_[i], out);
    }
    return out;
  }

  const std::vector<ParamInfo>& describe() const { return infos_; }

 private:
  std::vector<ParamInfo> infos_;
  std::vector<std::function<void(const Node&, const ParamInfo&, P&)>> readers_;
};

}  // namespace cq::config
