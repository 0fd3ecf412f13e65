#include "cq/config/node.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "cq/config/excerpt.h"
#include "cq/config/nearest.h"

namespace cq::config {

namespace {

std::optional<std::size_t> parse_index(std::string_view step, std::size_t size) {
  std::int64_t index = 0;
  const char* end = step.data() + step.size();
  const auto [rest, error] = std::from_chars(step.data(), end, index);
  if (error != std::errc{} || rest != end) return std::nullopt;
  if (index < 0) index += static_cast<std::int64_t>(size);
  if (index < 0 || index >= static_cast<std::int64_t>(size)) return std::nullopt;
  return static_cast<std::size_t>(index);
}

std::vector<std::string> key_names(const Node::Dict& items) {
  std::vector<std::string> names;
  names.reserve(items.size());
  for (const auto& [key, value] : items) names.push_back(key);
  return names;
}

}  // namespace

Mark Mark::in_file(const std::string& file, int line, int column) {
  return {std::make_shared<const std::string>(file), line, column};
}

Mark Mark::in_override(const std::string& text) {
  return {std::make_shared<const std::string>(fmt::format("override '{}'", text)), 0, 0};
}

std::string Mark::text() const {
  if (!known()) return {};
  return line == 0 ? *file : fmt::format("{}:{}:{}", *file, line, column);
}

Node::Node() : data_(std::make_shared<Data>()) {}
Node::Node(bool value) : data_(std::make_shared<Data>(Data{value, {}, {}})) {}
Node::Node(int value) : Node(std::int64_t{value}) {}
Node::Node(std::int64_t value) : data_(std::make_shared<Data>(Data{value, {}, {}})) {}
Node::Node(double value) : data_(std::make_shared<Data>(Data{value, {}, {}})) {}
Node::Node(std::string value) : data_(std::make_shared<Data>(Data{std::move(value), {}, {}})) {}
Node::Node(List items) : data_(std::make_shared<Data>(Data{std::move(items), {}, {}})) {}
Node::Node(Dict items) : data_(std::make_shared<Data>(Data{std::move(items), {}, {}})) {}

Node::Kind Node::kind() const {
  return static_cast<Kind>(data_->value.index());
}

bool Node::is_missing() const {
  const auto* text = std::get_if<std::string>(&data_->value);
  return text != nullptr && *text == "???";
}

bool Node::is_interpolation() const {
  const auto* text = std::get_if<std::string>(&data_->value);
  return text != nullptr && text->find("${") != std::string::npos;
}

bool Node::as_bool() const {
  if (const auto* value = std::get_if<bool>(&data_->value)) return *value;
  wrong_kind("true or false");
}

std::int64_t Node::as_int() const {
  if (const auto* value = std::get_if<std::int64_t>(&data_->value)) return *value;
  wrong_kind("an integer");
}

double Node::as_double() const {
  if (const auto* value = std::get_if<double>(&data_->value)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&data_->value)) {
    return static_cast<double>(*value);
  }
  wrong_kind("a number");
}

const std::string& Node::as_string() const {
  if (const auto* value = std::get_if<std::string>(&data_->value)) return *value;
  wrong_kind("a string");
}

std::size_t Node::size() const {
  if (is_dict()) return std::get<Dict>(data_->value).size();
  if (is_list()) return std::get<List>(data_->value).size();
  return 0;
}

const Node& Node::at(std::string_view key) const {
  if (const Node* value = get(key)) return *value;
  throw UsageError("{}no key '{}'{}", where(), key, did_you_mean(key, key_names(items())));
}

const Node& Node::at(std::size_t index) const {
  const List& list = elements();
  if (index < list.size()) return list[index];
  throw UsageError("{}no item {} in a list of {}", where(), index, list.size());
}

const Node* Node::get(std::string_view key) const {
  const auto* dict = std::get_if<Dict>(&data_->value);
  if (dict == nullptr) return nullptr;
  for (const auto& [name, value] : *dict) {
    if (name.text() == key) return &value;
  }
  return nullptr;
}

const Node* Node::get(const Key& key) const {
  const auto* dict = std::get_if<Dict>(&data_->value);
  if (dict == nullptr) return nullptr;
  for (const auto& [name, value] : *dict) {
    if (name.same(key)) return &value;
  }
  return nullptr;
}

const Node* Node::find(std::string_view path) const {
  const Node* node = this;
  for (const std::string& step : split_path(path)) {
    if (node->is_list()) {
      const auto index = parse_index(step, node->size());
      node = index ? &node->elements()[*index] : nullptr;
    } else {
      node = node->get(std::string_view(step));
    }
    if (node == nullptr) return nullptr;
  }
  return node;
}

const Node::Dict& Node::items() const {
  if (const auto* dict = std::get_if<Dict>(&data_->value)) return *dict;
  wrong_kind("a mapping");
}

const Node::List& Node::elements() const {
  if (const auto* list = std::get_if<List>(&data_->value)) return *list;
  wrong_kind("a list");
}

Node::Data& Node::own() {
  if (data_.use_count() > 1) data_ = std::make_shared<Data>(*data_);
  return *data_;
}

void Node::set(std::string_view path, Node value) {
  const std::vector<std::string> steps = split_path(path);
  value = value.with_paths(std::string(path));
  if (steps.empty()) {
    *this = std::move(value);
    return;
  }
  Node* node = this;
  std::string walked;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool last = i + 1 == steps.size();
    Data& data = node->own();
    walked += (i == 0 ? "" : ".") + steps[i];
    if (auto* list = std::get_if<List>(&data.value)) {
      const auto index = parse_index(steps[i], list->size());
      if (!index) throw UsageError("{}: no such item in a list of {}", walked, list->size());
      node = &(*list)[*index];
    } else {
      if (!std::holds_alternative<Dict>(data.value)) data.value = Dict{};
      auto& dict = std::get<Dict>(data.value);
      auto entry = dict.begin();
      while (entry != dict.end() && entry->first.text() != steps[i]) ++entry;
      if (entry == dict.end()) {
        Node fresh = last ? Node() : Node::dict();
        fresh.own().path = walked;
        entry = dict.insert(dict.end(), Entry(Key(steps[i]), std::move(fresh)));
      }
      node = &entry->second;
    }
  }
  *node = std::move(value);
}

void Node::put(const Key& key, Node value) {
  items();
  auto& dict = std::get<Dict>(own().value);
  for (auto& [name, old] : dict) {
    if (!name.same(key)) continue;
    old = std::move(value);
    return;
  }
  dict.emplace_back(key, std::move(value));
}

void Node::append(Node value) {
  elements();
  std::get<List>(own().value).push_back(std::move(value));
}

void Node::replace(std::size_t index, Node value) {
  at(index);
  std::get<List>(own().value)[index] = std::move(value);
}

bool Node::erase(const Key& key) {
  if (get(key) == nullptr) return false;
  auto& dict = std::get<Dict>(own().value);
  std::erase_if(dict, [&](const Entry& entry) { return entry.first.same(key); });
  return true;
}

bool Node::erase(std::size_t index) {
  if (!is_list() || index >= size()) return false;
  auto& list = std::get<List>(own().value);
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
  return true;
}

Node Node::with_mark(Mark mark) const {
  Node copy = *this;
  copy.own().mark = std::move(mark);
  return copy;
}

Node Node::with_paths(const std::string& prefix) const {
  Node copy = *this;
  Data& data = copy.own();
  data.path = prefix;
  const std::string start = prefix.empty() ? "" : prefix + ".";
  if (auto* dict = std::get_if<Dict>(&data.value)) {
    for (auto& [key, value] : *dict) value = value.with_paths(start + key);
  } else if (auto* list = std::get_if<List>(&data.value)) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      (*list)[i] = (*list)[i].with_paths(start + std::to_string(i));
    }
  }
  return copy;
}

std::string Node::where() const {
  std::string text = mark().text();
  if (!path().empty()) text += (text.empty() ? "" : ": ") + path();
  return text.empty() ? text : text + ": ";
}

std::string Node::describe() const {
  switch (kind()) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return std::get<bool>(data_->value) ? "true" : "false";
    case Kind::integer:
      return std::to_string(std::get<std::int64_t>(data_->value));
    case Kind::real:
      return fmt::format("{:#}", std::get<double>(data_->value));
    case Kind::string: {
      const auto& text = std::get<std::string>(data_->value);
      return fmt::format("'{}'", excerpt(text, 80));
    }
    case Kind::list:
      return fmt::format("a list of {}", size());
    case Kind::dict:
      return fmt::format("a mapping of {}", size());
  }
  return {};
}

void Node::wrong_kind(std::string_view expected) const {
  throw UsageError("{}expected {}, got {}{}", where(), expected,
                   is_scalar() && !is_null() ? fmt::format("{} ", to_string(kind())) : "",
                   describe());
}

bool operator==(const Node& a, const Node& b) {
  if (a.data_ == b.data_) return true;
  if (a.kind() != b.kind()) return false;
  if (!a.is_dict()) return a.data_->value == b.data_->value;
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a.items()) {
    const Node* other = b.get(key);
    if (other == nullptr || !(value == *other)) return false;
  }
  return true;
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> steps;
  std::size_t i = 0;
  const auto step = [&] {
    const std::size_t start = i;
    i = std::min(path.find_first_of(".[", i), path.size());
    steps.emplace_back(path.substr(start, i - start));
  };
  if (!path.empty() && path[0] != '.' && path[0] != '[') step();
  while (i < path.size()) {
    const char c = path[i++];
    const std::size_t close = c == '[' ? path.find(']', i) : std::string_view::npos;
    if (c == '.') {
      step();
    } else if (close != std::string_view::npos) {
      steps.emplace_back(path.substr(i, close - i));
      i = close + 1;
    }
  }
  return steps;
}

bool has_null_key(const Node& node) {
  if (node.is_list())
    return std::any_of(node.elements().begin(), node.elements().end(), has_null_key);
  if (!node.is_dict()) return false;
  return std::any_of(node.items().begin(), node.items().end(), [](const auto& entry) {
    return entry.first.kind == KeyKind::null || has_null_key(entry.second);
  });
}

std::string_view to_string(Node::Kind kind) {
  constexpr std::string_view names[] = {"null",   "boolean", "integer", "real",
                                        "string", "list",    "mapping"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace cq::config
