#include "cq/config/resolve.h"

#include <memory>

#include "cq/config/excerpt.h"
#include "cq/config/interpolation.h"
#include "cq/config/resolvers.h"
#include "cq/config/scalar.h"

namespace cq::config {

namespace {

constexpr int kDeepest = 150;
constexpr int kMostSteps = 200'000;
constexpr std::size_t kLongestText = 1u << 20;

}  // namespace

std::shared_ptr<const Place> Place::child(const std::shared_ptr<const Place>& parent, Node node,
                                          std::string key) {
  return std::make_shared<const Place>(Place{std::move(node), parent, std::move(key)});
}

std::shared_ptr<const Place> Place::plain_child(const std::shared_ptr<const Place>& parent,
                                                Node node, std::string key) {
  return std::make_shared<const Place>(Place{std::move(node), parent, std::move(key), true});
}

std::string Place::path() const {
  if (parent == nullptr) return {};
  const std::string above = parent->path();
  return above.empty() ? key : above + "." + key;
}

PlacePtr Evaluator::child_of(const PlacePtr& place, const std::string& key) const {
  if (place->node.is_list()) {
    const auto index = python_int(key);
    if (!index) fail(place, fmt::format("'{}' is no index of the list", key));
    if (*index < 0 || *index >= static_cast<std::int64_t>(place->node.size())) return nullptr;
    return Place::child(place, place->node.elements()[static_cast<std::size_t>(*index)], key);
  }
  const Node* node = place->node.get(Key(key));
  return node == nullptr ? nullptr : Place::child(place, *node, key);
}

PlacePtr Evaluator::dereference(const PlacePtr& place) {
  if (!place->node.is_interpolation()) return place;
  if (depth_ >= kDeepest) {
    fail(place, fmt::format("more than {} interpolations that lead to one another", kDeepest));
  }
  if (++steps_ > kMostSteps) fail(place, "too many interpolations to resolve");
  for (const Place* open : open_) {
    if (open->parent == place->parent && open->key == place->key) {
      fail(place, "the interpolation leads back to itself");
    }
  }
  open_.push_back(place.get());
  ++depth_;
  PlacePtr result;
  try {
    const Expression expression = parse_interpolation(place->node.as_string());
    result = evaluate(expression, place);
  } catch (const UsageError& error) {
    open_.pop_back();
    --depth_;
    throw;
  }
  open_.pop_back();
  --depth_;
  return result;
}

std::string Evaluator::text_of(const PlacePtr& place) {
  if (place->node.is_scalar()) return python_text(place->node);
  return python_repr(place->node);
}

PlacePtr Evaluator::evaluate(const Expression& expression, const PlacePtr& at) {
  switch (expression.kind) {
    case Expression::Kind::literal:
      return Place::child(at->parent, expression.value, at->key);
    case Expression::Kind::join:
    case Expression::Kind::quoted: {
      std::string text;
      for (const Expression& part : expression.parts) {
        text += text_of(evaluate(part, at));
        if (text.size() > kLongestText) fail(at, "a string that grows beyond 1 MiB");
      }
      return Place::child(at->parent, Node(std::move(text)).with_mark(at->node.mark()), at->key);
    }
    case Expression::Kind::node:
      return reference(expression, at);
    case Expression::Kind::resolver:
      return call(expression, at);
    case Expression::Kind::list: {
      Node list = Node::list();
      for (const Expression& part : expression.parts) list.append(evaluate(part, at)->node);
      return Place::plain_child(at->parent, list, at->key);
    }
    case Expression::Kind::dict: {
      Node dict = Node::dict();
      for (std::size_t i = 0; i < expression.parts.size(); ++i) {
        dict.put(expression.keys[i], evaluate(expression.parts[i], at)->node);
      }
      return Place::plain_child(at->parent, dict, at->key);
    }
  }
  return at;
}

PlacePtr Evaluator::reference(const Expression& expression, const PlacePtr& at) {
  std::string key(expression.dots, '.');
  for (std::size_t i = 0; i < expression.parts.size(); ++i) {
    const Node part = evaluate(expression.parts[i], at)->node;
    if (!part.is_string()) {
      fail(at, fmt::format("a key must be a string, got {}", part.describe()));
    }
    const bool bracket = expression.brackets[i];
    if (i > 0 && !bracket) key += '.';
    key += bracket ? "[" + part.as_string() + "]" : part.as_string();
  }
  const PlacePtr target = find(key, at, true);
  if (target == nullptr) fail(at, fmt::format("the interpolation key '{}' is not there", key));
  for (const Place* above = at->parent.get(); above != nullptr; above = above->parent.get()) {
    if (above->key == target->key && above->parent == target->parent) {
      fail(at, "the interpolation leads to a mapping that it is part of");
    }
  }
  return target;
}

PlacePtr Evaluator::find(const std::string& key, const PlacePtr& at, bool missing_fails) {
  PlacePtr place = at->parent != nullptr ? at->parent : at;
  std::size_t dots = std::min(key.find_first_not_of('.'), key.size());
  if (dots == 0) {
    while (place->parent != nullptr) place = place->parent;
  }
  for (std::size_t i = 1; i < dots; ++i) {
    place = place->parent;
    if (place == nullptr) fail(at, fmt::format("'{}' points above the root", key));
  }
  const std::vector<std::string> steps = split_path(std::string_view(key).substr(dots));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (place->node.is_scalar() || place->plain) {
      if (!missing_fails || place->node.is_null()) return nullptr;
      fail(at, fmt::format("'{}': '{}' is no mapping{}", key, steps[i - 1],
                           place->plain ? " of the config" : ""));
    }
    place = child_of(place, steps[i]);
    if (place == nullptr) return nullptr;
    if (place->node.is_missing()) {
      if (!missing_fails) return nullptr;
      fail(at, fmt::format("'{}' is a mandatory value that is not set", key));
    }
    place = dereference(place);
  }
  return place;
}

Node Evaluator::tree(const PlacePtr& start) {
  if (++steps_ > kMostSteps) fail(start, "too many values once interpolations are resolved");
  PlacePtr place = start;
  if (place->node.is_interpolation()) {
    place = dereference(place);
    if (place->node.is_scalar()) return place->node.with_mark(start->node.mark());
  }
  if (place->node.is_scalar()) return place->node;
  if (++depth_ > kDeepest) fail(place, "interpolations that lead back to themselves");
  Node out = Node::dict();
  if (place->node.is_dict()) {
    for (const auto& [key, value] : place->node.items()) {
      out.put(key, tree(Place::child(place, value, key)));
    }
  } else {
    out = Node::list();
    for (std::size_t i = 0; i < place->node.size(); ++i) {
      out.append(tree(Place::child(place, place->node.elements()[i], std::to_string(i))));
    }
  }
  --depth_;
  return out.with_mark(place->node.mark());
}

void Evaluator::fail(const PlacePtr& at, const std::string& what) const {
  const std::string mark = at->node.mark().text();
  const std::string path = at->path();
  const std::string text =
      at->node.is_string() ? fmt::format(" in '{}'", excerpt(at->node.as_string(), 120)) : "";
  throw UsageError("{}{}{}: {}{}", mark, mark.empty() || path.empty() ? "" : ": ", path, what,
                   text);
}

Node resolve(const Node& root) {
  Evaluator evaluator;
  return evaluator.tree(Place::child(nullptr, root, "")).with_paths();
}

Node resolve_at(const Node& root, const std::string& path, const Node& value) {
  Evaluator evaluator;
  PlacePtr place = Place::child(nullptr, root, "");
  const std::vector<std::string> steps = split_path(path);
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
    const Node* node = place->node.find(steps[i]);
    place = Place::child(place, node != nullptr ? *node : Node::dict(), steps[i]);
  }
  return evaluator.tree(Place::child(place, value, steps.empty() ? "" : steps.back()));
}

Node select(const Node& root, const std::string& path) {
  Evaluator evaluator;
  const PlacePtr place = evaluator.find(path, Place::child(nullptr, root, ""), false);
  return place == nullptr ? Node() : place->node;
}

std::string place_of(const Node& root, const std::string& path) {
  Evaluator evaluator;
  const PlacePtr place = evaluator.find(path, Place::child(nullptr, root, ""), false);
  return place == nullptr ? path : place->path();
}

}  // namespace cq::config
