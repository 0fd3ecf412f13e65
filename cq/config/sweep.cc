#include "cq/config/sweep.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "cq/config/nearest.h"
#include "cq/config/tokens.h"

namespace cq::config {

namespace {

constexpr std::size_t kMostCells = 1'000'000;

/// A word that overrides read as the same string without quotes; cells are named by it.
bool is_plain_word(const std::string& text) {
  static const std::set<std::string> values{"true", "false", "null", "nan", "inf"};
  std::string lower;
  for (const char c : text) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-') return false;
    lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return !text.empty() && std::isalpha(static_cast<unsigned char>(text[0])) &&
         !values.contains(lower);
}

/// A value of a YAML file as the override grammar writes it.
Element element_of(const Node& node) {
  if (node.is_list()) {
    Element::List items;
    for (const Node& item : node.elements()) items.push_back(element_of(item));
    return {std::move(items), '\0'};
  }
  if (node.is_dict()) {
    Element::Dict items;
    for (const auto& [key, value] : node.items()) {
      items.push_back({Element{Node(key.text()), '\0'}, element_of(value)});
    }
    return {std::move(items), '\0'};
  }
  return {node, node.is_string() && !is_plain_word(node.as_string()) ? '\'' : '\0'};
}

Axis yaml_axis(const Key& key, const Node& value, const Repository& repository) {
  try {
    if (value.is_string()) {
      Axis axis = axis_of(parse_override(key + "=" + value.as_string()), repository);
      if (axis.points.empty()) throw UsageError("no option matches '{}'", value.as_string());
      axis.mark = value.mark();
      for (const auto& point : axis.points) axis.places.emplace(point[0], value.mark());
      return axis;
    }
    if (value.is_list() && value.empty()) throw UsageError("expected one value or more, got []");
    Axis axis;
    axis.mark = value.mark();
    axis.keys = {key.text()};
    const Node::List one = {value};
    for (const Node& item : value.is_list() ? value.elements() : one) {
      const std::string text = key + "=" + element_of(item).text();
      parse_override(text);
      axis.points.push_back({text});
      axis.places.emplace(text, item.mark());
    }
    return axis;
  } catch (const UsageError& error) {
    throw UsageError("{}sweep: {}{}", value.where(), error.what(), block_key_hint(key));
  }
}

/// Axes of the same length become one.
Axis zipped(const std::vector<Axis>& axes, const std::string& what) {
  if (axes.empty()) throw UsageError("{}: nothing to step together", what);
  Axis out;
  out.mark = axes[0].mark;
  out.points.resize(axes[0].points.size());
  for (const Axis& axis : axes) {
    if (axis.points.size() != out.points.size()) {
      throw UsageError("{}: '{}' has {} values and '{}' has {}; they step together", what,
                       axes[0].keys[0], out.points.size(), axis.keys[0], axis.points.size());
    }
    if (std::find(out.keys.begin(), out.keys.end(), axis.keys[0]) != out.keys.end()) {
      throw UsageError("{}: '{}' is given twice", what, axis.keys[0]);
    }
    out.keys.push_back(axis.keys[0]);
    out.places.insert(axis.places.begin(), axis.places.end());
    for (std::size_t i = 0; i < axis.points.size(); ++i) {
      out.points[i].push_back(axis.points[i][0]);
    }
  }
  return out;
}

Axis zip_of(const Node& mapping, const Repository& repository) {
  if (mapping.is_string()) {
    Axis axis = zip_axis(mapping.as_string(), repository);
    for (const auto& point : axis.points) {
      for (const std::string& text : point) axis.places.emplace(text, mapping.mark());
    }
    return axis;
  }
  std::vector<Axis> axes;
  for (const auto& [key, value] : mapping.items()) {
    axes.push_back(yaml_axis(key, value, repository));
  }
  return zipped(axes, mapping.where() + "zip");
}

/// Splits "a=1,2, b=[3,4]" where a comma stands outside of brackets and a key follows.
std::vector<std::string> zip_parts(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != '\0') {
      if (c == '\\' && i + 1 < text.size()) {
        parts.back() += text[i++];
      } else if (c == quote) {
        quote = '\0';
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (std::string_view("([{").find(c) != std::string_view::npos) {
      ++depth;
    } else if (std::string_view(")]}").find(c) != std::string_view::npos) {
      --depth;
    } else if (c == ',' && depth == 0) {
      const std::size_t start = std::min(text.find_first_not_of(' ', i + 1), text.size());
      const std::size_t end = text.find_first_of("=,([{'\"", start);
      if (end != std::string_view::npos && text[end] == '=') {
        parts.emplace_back();
        i = start - 1;
        continue;
      }
    }
    parts.back() += text[i];
  }
  return parts;
}

}  // namespace

Axis axis_of(const Override& over, const Repository& repository) {
  Axis axis;
  const std::string key = over.key_element();
  axis.keys = {key};
  if (!over.is_sweep()) {
    const bool bare = over.kind == Override::Kind::remove && !over.has_value;
    axis.points = {{bare ? key : key + "=" + over.element().text()}};
    return axis;
  }
  if (over.for_hydra()) {
    throw UsageError("override '{}': Hydra's own keys cannot be swept", over.text);
  }
  for (const std::string& value : sweep_values(over, repository.options(over.key))) {
    axis.points.push_back({key + "=" + value});
  }
  return axis;
}

namespace {

/// Inside of zip() a list is its items.
Axis listed_axis(const Override& over, const Repository& repository) {
  if (over.is_sweep() || !over.element().is_list()) return axis_of(over, repository);
  Axis axis;
  axis.keys = {over.key_element()};
  for (const Element& item : over.element().list()) {
    axis.points.push_back({over.key_element() + "=" + item.text()});
  }
  return axis;
}

}  // namespace

Axis zip_axis(const std::string& text, const Repository& repository) {
  if (!text.starts_with("zip(") || !text.ends_with(")")) {
    throw UsageError("'{}': expected zip(a=1,2, b=3,4)", text);
  }
  std::vector<Axis> axes;
  for (const std::string& part : zip_parts(std::string_view(text).substr(4, text.size() - 5))) {
    try {
      axes.push_back(listed_axis(parse_override(part), repository));
    } catch (const UsageError& error) {
      throw UsageError("'{}': {}", text, error.what());
    }
  }
  return zipped(axes, text);
}

std::string block_key_hint(const std::string& key) {
  return did_you_mean(key, {"where", "zip"});
}

SweepBlock read_sweep_block(const Node& block, const Repository& repository) {
  SweepBlock out;
  const auto put = [&](const Node& node, Axis axis) {
    try {
      put_axis(out.axes, std::move(axis));
    } catch (const UsageError& error) {
      throw UsageError("{}{}", node.where(), error.what());
    }
  };
  for (const auto& [key, value] : block.items()) {
    if (key == "where") {
      out.where = value.as_string();
      out.where_mark = value.mark();
    } else if (key == "zip") {
      if (value.is_list()) {
        for (const Node& item : value.elements()) put(item, zip_of(item, repository));
      } else {
        put(value, zip_of(value, repository));
      }
    } else {
      put(value, yaml_axis(key, value, repository));
    }
  }
  return out;
}

void put_axis(std::vector<Axis>& axes, Axis axis) {
  for (Axis& old : axes) {
    for (const std::string& key : axis.keys) {
      if (std::find(old.keys.begin(), old.keys.end(), key) == old.keys.end()) continue;
      if (old.keys != axis.keys) {
        throw UsageError("'{}' is part of zip({}) and given alone as well", key,
                         fmt::join(old.keys.size() > 1 ? old.keys : axis.keys, ", "));
      }
      old = std::move(axis);
      return;
    }
  }
  axes.push_back(std::move(axis));
}

std::size_t combination_count(const std::vector<Axis>& axes) {
  std::size_t count = 1;
  for (const Axis& axis : axes) {
    count *= axis.points.size();
    if (count > kMostCells) throw UsageError("the sweep has more than {} cells", kMostCells);
  }
  return count;
}

std::vector<std::string> combination(const std::vector<Axis>& axes, std::size_t number) {
  std::vector<std::string> overrides;
  std::size_t below = 1;
  for (const Axis& axis : axes) below *= axis.points.size();
  for (const Axis& axis : axes) {
    below /= axis.points.size();
    const auto& point = axis.points[number / below % axis.points.size()];
    overrides.insert(overrides.end(), point.begin(), point.end());
  }
  return overrides;
}

}  // namespace cq::config
