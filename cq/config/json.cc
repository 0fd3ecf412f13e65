// Node <-> JSON, in the order of the keys.
#include <cmath>

#include "cq/config/node.h"

namespace cq::config {

nlohmann::ordered_json Node::to_json() const {
  switch (kind()) {
    case Kind::null:
      return nullptr;
    case Kind::boolean:
      return as_bool();
    case Kind::integer:
      return as_int();
    case Kind::real:
      if (!std::isfinite(as_double())) {
        throw UsageError("{}{} has no form in JSON", where(), as_double());
      }
      return as_double();
    case Kind::string:
      return as_string();
    case Kind::list: {
      auto json = nlohmann::ordered_json::array();
      for (const Node& item : elements()) json.push_back(item.to_json());
      return json;
    }
    case Kind::dict: {
      auto json = nlohmann::ordered_json::object();
      for (const auto& [key, value] : items()) json[key.text()] = value.to_json();
      return json;
    }
  }
  return nullptr;
}

Node Node::from_json(const nlohmann::ordered_json& json) {
  if (json.is_boolean()) return Node(json.get<bool>());
  if (json.is_number_integer()) return Node(json.get<std::int64_t>());
  if (json.is_number_float()) return Node(json.get<double>());
  if (json.is_string()) return Node(json.get<std::string>());
  if (json.is_array()) {
    Node list = Node::list();
    for (const auto& item : json) list.append(from_json(item));
    return list;
  }
  if (json.is_object()) {
    Dict dict;
    for (const auto& [key, value] : json.items()) dict.emplace_back(Key(key), from_json(value));
    return Node(std::move(dict));
  }
  return Node();
}

}  // namespace cq::config
