// The resolvers that OmegaConf brings: oc.env, oc.select, oc.decode, oc.create, oc.dict.*,
// oc.deprecated
#include "cq/config/resolvers.h"

#include <cstdlib>

#include "cq/base/log.h"
#include "cq/config/nearest.h"
#include "cq/config/scalar.h"
#include "cq/config/yaml_reader.h"

namespace cq::config {

namespace {

const std::vector<std::string>& resolver_names() {
  static const std::vector<std::string> names = {"oc.env",       "oc.select",    "oc.decode",
                                                 "oc.create",    "oc.dict.keys", "oc.dict.values",
                                                 "oc.deprecated"};
  return names;
}

std::string python_repr(const std::string& text) {
  const char quote =
      text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out + quote;
}

}  // namespace

std::string python_repr(const Node& node) {
  if (node.is_string()) return python_repr(node.as_string());
  if (node.is_scalar()) return python_text(node);
  std::string out;
  if (node.is_list()) {
    for (const Node& item : node.elements()) out += (out.empty() ? "" : ", ") + python_repr(item);
    return "[" + out + "]";
  }
  for (const auto& [key, value] : node.items()) {
    out += (out.empty() ? "" : ", ");
    out += key.kind == KeyKind::string ? python_repr(key.text())
                                       : python_text(read_plain_scalar(key.text()));
    out += ": " + python_repr(value);
  }
  return "{" + out + "}";
}

PlacePtr Evaluator::call(const Expression& expression, const PlacePtr& at) {
  std::string name;
  for (std::size_t i = 0; i < expression.names; ++i) {
    const Node part = evaluate(expression.parts[i], at)->node;
    if (!part.is_string()) fail(at, "the name of a resolver must be a string");
    name += (i == 0 ? "" : ".") + part.as_string();
  }
  std::vector<PlacePtr> arguments;
  for (std::size_t i = expression.names; i < expression.parts.size(); ++i) {
    arguments.push_back(evaluate(expression.parts[i], at));
  }
  const bool pair = name == "oc.env" || name == "oc.select" || name == "oc.deprecated";
  bool known = false;
  for (const std::string& candidate : resolver_names()) known = known || candidate == name;
  if (!known) {
    fail(at, fmt::format("unknown resolver '{}'{} (known: {})", name,
                         did_you_mean(name, resolver_names()), fmt::join(resolver_names(), ", ")));
  }
  if (arguments.empty() || arguments.size() > (pair ? 2 : 1)) {
    fail(at, fmt::format("{} takes {}, got {}", name,
                         pair ? "one or two arguments" : "one argument", arguments.size()));
  }
  return call_by_name(name, arguments, at);
}

PlacePtr Evaluator::call_by_name(const std::string& name, const std::vector<PlacePtr>& arguments,
                                 const PlacePtr& at) {
  const Node& first = arguments[0]->node;
  const auto result = [&](Node node) { return Place::child(at->parent, std::move(node), at->key); };
  const auto text = [&] {
    if (!first.is_string()) {
      fail(at, fmt::format("{} takes a string, got {}", name, first.describe()));
    }
    return first.as_string();
  };
  if (name == "oc.env") {
    const char* value = std::getenv(text().c_str());
    if (value != nullptr) return result(Node(value));
    if (arguments.size() == 1) {
      fail(at, fmt::format("the environment variable '{}' is not set", text()));
    }
    return arguments[1]->node.is_null() ? result(Node()) : result(Node(text_of(arguments[1])));
  }
  if (name == "oc.select") {
    const PlacePtr found = find(text(), at, false);
    if (found != nullptr) return found;
    return arguments.size() == 2 ? arguments[1] : result(Node());
  }
  if (name == "oc.decode") {
    if (first.is_null()) return result(Node());
    return evaluate(parse_element(text()), at);
  }
  if (name == "oc.create") {
    const Node read = first.is_string() ? read_yaml(first.as_string(), "oc.create") : first;
    if (first.is_string() && read.is_null()) return result(Node::dict());
    if (first.is_string() && read.is_string()) return result(Node::dict({{key_of(read), Node()}}));
    if (read.is_scalar() && !read.is_null()) fail(at, "oc.create takes a list, dict or YAML");
    if (has_null_key(read)) fail(at, "null cannot be a key");
    return result(read);
  }
  if (name == "oc.deprecated") return deprecated(arguments, at);
  return dict_items(arguments[0], at, name == "oc.dict.keys");
}

PlacePtr Evaluator::deprecated(const std::vector<PlacePtr>& arguments, const PlacePtr& at) {
  for (const PlacePtr& argument : arguments) {
    if (!argument->node.is_string()) fail(at, "oc.deprecated takes a key and a message as strings");
  }
  const std::string& key = arguments[0]->node.as_string();
  const PlacePtr found = find(key, at, false);
  if (found == nullptr) fail(at, fmt::format("oc.deprecated: the key '{}' is not there", key));
  std::string message = arguments.size() == 2
                            ? arguments[1]->node.as_string()
                            : "'$OLD_KEY' is deprecated. Change your config to use '$NEW_KEY'";
  const std::pair<std::string_view, std::string> names[] = {{"$OLD_KEY", at->path()},
                                                            {"$NEW_KEY", key}};
  for (const auto& [name, value] : names) {
    for (std::size_t i = message.find(name); i != std::string::npos;
         i = message.find(name, i + value.size())) {
      message.replace(i, name.size(), value);
    }
  }
  log_warning("{}", message);
  return found;
}

PlacePtr Evaluator::dict_items(const PlacePtr& argument, const PlacePtr& at, bool keys) {
  if (!argument->node.is_string()) fail(at, "oc.dict.keys and oc.dict.values take a key");
  const std::string& key = argument->node.as_string();
  const PlacePtr dict = find(key, at, true);
  if (dict == nullptr) fail(at, fmt::format("the key '{}' is not there", key));
  if (!dict->node.is_dict() || dict->plain) {
    fail(at, fmt::format("'{}' is no mapping{}", key, dict->plain ? " of the config" : ""));
  }
  // One level deeper than the interpolation that the list stands for.
  const std::string prefix = key.starts_with('.') ? "." + key : key;
  Node list = Node::list();
  for (const auto& [name, value] : dict->node.items()) {
    const Node as_value =
        name.kind == KeyKind::string ? Node(name.text()) : read_plain_scalar(name.text());
    // Values are references, which shows where the list becomes part of a string.
    list.append(keys ? as_value : Node(fmt::format("${{{}.{}}}", prefix, python_text(as_value))));
  }
  return Place::child(at->parent, std::move(list), at->key);
}

}  // namespace cq::config
