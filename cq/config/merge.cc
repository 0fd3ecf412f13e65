#include "cq/config/merge.h"

#include "cq/config/nearest.h"
#include "cq/config/resolve.h"
#include "cq/config/scalar.h"

namespace cq::config {

namespace {

/// As in a file, see YamlLimits.
constexpr std::size_t kDeepest = 100;

std::string below(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

std::string place(const Node& node, const std::string& path) {
  const std::string mark = node.mark().text();
  return mark.empty() ? path : mark + ": " + path;
}

/// A mapping or list that an interpolation stands for takes part in the merge as its copy.
Node follow(const Node& node, const Node& root, const std::string& path) {
  if (!node.is_interpolation()) return node;
  try {
    const Node target = select(root, path);
    return target.is_scalar() ? node : target;
  } catch (const UsageError&) {
    // What it refers to may be composed only later.
    return node;
  }
}

std::vector<std::string> names_of(const Node& dict) {
  std::vector<std::string> names;
  for (const auto& [key, value] : dict.items()) names.push_back(key);
  return names;
}

Node merge_value(const Node& old, const Node& from, const Node& root, const std::string& path,
                 bool closed) {
  const Node into = follow(old, root, path);
  if (!into.is_scalar() && !from.is_scalar() && into.kind() != from.kind()) {
    throw UsageError("{}: a {} cannot be merged into the {} that is there", place(from, path),
                     to_string(from.kind()), to_string(into.kind()));
  }
  if (into.is_dict() && from.is_dict()) return merge(into, from, root, path, closed);
  return from.is_missing() ? into : from;
}

/// Python's ==, for which 1, 1.0 and true are equal.
bool python_equal(const Node& a, const Node& b) {
  const auto number = [](const Node& n) {
    return n.is_bool() ? (n.as_bool() ? 1.0 : 0.0) : n.as_double();
  };
  const bool a_number = a.is_number() || a.is_bool();
  if (a_number && (b.is_number() || b.is_bool())) return number(a) == number(b);
  return a == b;
}

/// Walks to the container that holds the last step, and changes it in place.
class Update {
 public:
  Update(Node& root, const Override& over, bool open)
      : root_(root), over_(over), open_(open), steps_(split_path(over.key)) {}

  void run(const Node& value) {
    if (steps_.empty()) refuse("a key in front of '='");
    if (steps_.size() > kDeepest) refuse(fmt::format("nested deeper than {} levels", kDeepest));
    root_ = at(root_, 0, "", value);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw UsageError("override '{}': {}", over_.text, what);
  }

  [[noreturn]] void no_such_key(const Node& dict, const std::string& key) const {
    refuse(fmt::format("there is no key '{}'{} (+{} adds it)", key,
                       did_you_mean(steps_.back(), names_of(dict)), over_.text));
  }

  Node at(const Node& node, std::size_t depth, const std::string& path, const Node& value) {
    const std::string& step = steps_[depth];
    const std::string here = below(path, step);
    const bool last = depth + 1 == steps_.size();
    if (node.is_list()) {
      const auto index = python_int(step);
      if (!index || *index < 0 || *index >= static_cast<std::int64_t>(node.size())) {
        refuse(fmt::format("'{}' is no item of a list of {}", here, node.size()));
      }
      Node out = node;
      const auto i = static_cast<std::size_t>(*index);
      out.replace(i, inside(node.elements()[i], depth, here, last, value));
      return out;
    }
    const Node* child = node.get(Key(step));
    if (child == nullptr && !open_) no_such_key(node, here);
    Node out = node;
    out.put(Key(step), inside(child != nullptr ? *child : Node(), depth, here, last, value));
    return out;
  }

  Node inside(const Node& old, std::size_t depth, const std::string& here, bool last,
              const Node& value) {
    if (!last) {
      // A scalar on the way gives way to a mapping.
      return at(old.is_scalar() ? Node::dict() : old, depth + 1, here, value);
    }
    if (value.is_scalar() || old.is_scalar()) return value;
    if (old.kind() != value.kind()) {
      refuse(fmt::format("a {} cannot be merged into the {} at '{}'", to_string(value.kind()),
                         to_string(old.kind()), here));
    }
    return old.is_dict() ? merge(old, value, root_, here, !open_) : value;
  }

  Node& root_;
  const Override& over_;
  bool open_;
  std::vector<std::string> steps_;
};

Node marked(const Node& node, const Mark& mark) {
  Node out = node;
  if (node.is_dict()) {
    for (const auto& [key, value] : node.items()) out.put(key, marked(value, mark));
  } else if (node.is_list()) {
    for (std::size_t i = 0; i < node.size(); ++i) {
      out.replace(i, marked(node.elements()[i], mark));
    }
  }
  return out.with_mark(mark);
}

void remove(Node& config, const Override& over) {
  const Node old = select(config, over.key);
  if (old.is_null()) {
    throw UsageError("override '{}': there is no '{}' to delete", over.text, over.key);
  }
  const Node value = over.node();
  if (!value.is_null() && !python_equal(value, old)) {
    throw UsageError("override '{}': the value of '{}' is {}, not {}", over.text, over.key,
                     old.describe(), value.describe());
  }
  const std::size_t dot = over.key.rfind('.');
  // Where the parent is an interpolation, the mapping it leads to loses the key.
  const std::string parent =
      dot == std::string::npos ? "" : place_of(config, over.key.substr(0, dot));
  const std::string last = dot == std::string::npos ? over.key : over.key.substr(dot + 1);
  const Node* holder = config.find(parent);
  if (holder == nullptr || !holder->is_dict()) {
    throw UsageError("override '{}': '{}' is no mapping to delete from", over.text, parent);
  }
  Node changed = *holder;
  changed.erase(Key(last));
  if (parent.empty()) {
    config = changed;
  } else {
    config.set(parent, changed);
  }
}

}  // namespace

Node merge(const Node& into, const Node& from, const Node& root, const std::string& path,
           bool closed) {
  Node out = into;
  for (const auto& [key, value] : from.items()) {
    const Node* old = into.get(key);
    const std::string here = below(path, key);
    if (old == nullptr && closed) {
      throw UsageError("{}: there is no key '{}'{}", place(value, path), here,
                       did_you_mean(key, names_of(into)));
    }
    out.put(key, old == nullptr ? value : merge_value(*old, value, root, here, closed));
  }
  return out;
}

Node embed(const Node& config, const std::string& package) {
  Node out = config;
  const std::vector<std::string> steps = split_path(package);
  if (steps.size() > kDeepest) {
    throw UsageError("a package of {} keys, nested deeper than {} levels", steps.size(), kDeepest);
  }
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    out = Node::dict({{Key(*step), out}});
  }
  return out;
}

void apply_override(Node& config, const Override& over) {
  if (over.package) {
    throw UsageError("override '{}': there is no config group '{}'", over.text, over.key);
  }
  const Node value =
      marked(over.node(), over.mark.known() ? over.mark : Mark::in_override(over.text));
  if (has_null_key(value)) throw UsageError("override '{}': null cannot be a key", over.text);
  try {
    if (over.kind == Override::Kind::remove) {
      remove(config, over);
      return;
    }
    if (over.kind == Override::Kind::add && value.is_scalar() &&
        !select(config, over.key).is_null()) {
      throw UsageError(
          "override '{}': '{}' is there already; without the + it is changed, with ++ "
          "it is changed or added",
          over.text, over.key);
    }
    Update(config, over, over.kind != Override::Kind::change).run(value);
  } catch (const UsageError& error) {
    const std::string message = error.what();
    if (message.starts_with("override '")) throw;
    throw UsageError("override '{}': {}", over.text, message);
  }
}

}  // namespace cq::config
