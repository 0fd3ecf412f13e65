// The functions of the override grammar: casts, sweeps, tag, sort, shuffle, glob.
#include <algorithm>
#include <cmath>

#include "cq/config/nearest.h"
#include "cq/config/override.h"
#include "cq/config/override_order.h"
#include "cq/config/scalar.h"

namespace cq::config {

namespace {

using Named = std::vector<std::pair<std::string, Argument>>;

bool is_sweep(const Argument& argument) {
  return argument.index() == 1;
}
const Element& element_of(const Argument& argument) {
  return std::get<0>(argument);
}

std::string shown(const Argument& argument) {
  return is_sweep(argument) ? "a sweep" : element_of(argument).text();
}

/// Arguments by position and by name, each name once.
class Call {
 public:
  Call(const std::string& name, const Named& arguments, std::vector<std::string> names)
      : name_(name), names_(std::move(names)) {
    for (const auto& [key, value] : arguments) {
      if (key.empty()) {
        positional.push_back(value);
        continue;
      }
      if (std::find(names_.begin(), names_.end(), key) == names_.end()) {
        throw UsageError("{}() takes no argument '{}'{}", name, key, did_you_mean(key, names_));
      }
      if (named(key) != nullptr) throw UsageError("{}() got '{}' twice", name, key);
      named_.emplace_back(key, value);
    }
  }

  const Argument* named(const std::string& key) const {
    for (const auto& [name, value] : named_) {
      if (name == key) return &value;
    }
    return nullptr;
  }

  /// For functions whose arguments may be given either way.
  const Argument* get(std::size_t index) const {
    if (positional.size() > names_.size()) {
      throw UsageError("{}() takes at most {} arguments, got {}", name_, names_.size(),
                       positional.size());
    }
    const Argument* by_name = named(names_[index]);
    if (index >= positional.size()) return by_name;
    if (by_name != nullptr) throw UsageError("{}() got '{}' twice", name_, names_[index]);
    return &positional[index];
  }

  /// What list= and sweep= must be.
  const Argument& listed(const Argument& argument) const {
    if (!is_sweep(argument) && element_of(argument).is_list()) return argument;
    throw UsageError("{}(list=...) takes a list, got {}", name_, shown(argument));
  }
  const Argument& swept(const Argument& argument) const {
    if (is_sweep(argument)) return argument;
    throw UsageError("{}(sweep=...) takes a sweep, got {}", name_, shown(argument));
  }

  std::vector<Argument> positional;

 private:
  std::string name_;
  std::vector<std::string> names_;
  Named named_;
};

Node cast_scalar(const std::string& to, const Node& value) {
  const auto refuse = [&]() -> Node {
    throw UsageError("{}() cannot read {}", to, value.describe());
  };
  if (value.is_null()) return refuse();
  if (to == "str") {
    if (value.is_bool()) return Node(value.as_bool() ? "true" : "false");
    return Node(python_text(value));
  }
  if (to == "bool") {
    if (value.is_bool()) return value;
    if (value.is_number()) return Node(value.as_double() != 0);
    const std::string word = lower(value.as_string());
    return word == "true" || word == "false" ? Node(word == "true") : refuse();
  }
  if (to == "int") {
    if (value.is_bool()) return Node(value.as_bool() ? 1 : 0);
    if (value.is_int()) return value;
    if (value.is_double()) {
      const double whole = std::trunc(value.as_double());
      return std::abs(whole) < 9.2e18 ? Node(static_cast<std::int64_t>(whole)) : refuse();
    }
    const auto read = python_int(value.as_string());
    return read ? Node(*read) : refuse();
  }
  if (value.is_bool()) return Node(value.as_bool() ? 1.0 : 0.0);
  if (value.is_number()) return Node(value.as_double());
  const auto read = python_float(value.as_string());
  return read ? Node(*read) : refuse();
}

Element cast_element(const std::string& to, const Element& element) {
  if (element.is_scalar()) return {cast_scalar(to, element.scalar()), '\0'};
  if (element.is_list()) {
    Element::List out;
    for (const Element& item : element.list()) out.push_back(cast_element(to, item));
    return {std::move(out), '\0'};
  }
  Element::Dict out;
  for (const auto& [key, item] : element.dict()) out.push_back({key, cast_element(to, item)});
  return {std::move(out), '\0'};
}

Argument cast(const std::string& to, const Argument& argument) {
  if (!is_sweep(argument)) return cast_element(to, element_of(argument));
  Sweep sweep = std::get<1>(argument);
  if (sweep.kind == Sweep::Kind::choice) {
    for (Element& item : sweep.choices) item = cast_element(to, item);
    sweep.shuffle = false;
    return sweep;
  }
  if (sweep.kind == Sweep::Kind::glob || (to != "int" && to != "float")) {
    throw UsageError("{}() cannot cast this kind of sweep", to);
  }
  sweep.start = cast_scalar(to, sweep.start);
  sweep.stop = cast_scalar(to, sweep.stop);
  if (sweep.kind == Sweep::Kind::range) sweep.step = cast_scalar(to, sweep.step);
  sweep.shuffle = false;
  return sweep;
}

Sweep simple_choice(const std::vector<Argument>& arguments) {
  Sweep sweep;
  sweep.simple = true;
  for (const Argument& argument : arguments) {
    if (is_sweep(argument)) throw UsageError("a sweep inside of another sweep");
    sweep.choices.push_back(element_of(argument));
  }
  return sweep;
}

Argument call_cast(const std::string& to, const Named& arguments) {
  const Call call(to, arguments, {"value"});
  const Argument* value = call.named("value");
  if ((value != nullptr) == !call.positional.empty()) {
    throw UsageError("{}() takes values or value=, one of the two", to);
  }
  if (value != nullptr) return cast(to, *value);
  if (call.positional.size() == 1) return cast(to, call.positional[0]);
  return cast(to, simple_choice(call.positional));
}

Argument call_choice(const Named& arguments) {
  const Call call("choice", arguments, {});
  if (call.positional.empty()) throw UsageError("choice() needs at least one value");
  if (call.positional.size() == 1 && is_sweep(call.positional[0])) {
    Sweep sweep = std::get<1>(call.positional[0]);
    if (sweep.kind != Sweep::Kind::choice || !sweep.simple) {
      throw UsageError("choice() inside of choice() is not supported");
    }
    sweep.simple = false;
    return sweep;
  }
  Sweep sweep = simple_choice(call.positional);
  for (const Element& item : sweep.choices) {
    if (item.is_scalar() && item.scalar().is_null()) {
      throw UsageError("choice() takes no null; write a,b,null");
    }
  }
  sweep.simple = false;
  return sweep;
}

Node number_argument(const char* function, const Argument& argument) {
  if (!is_sweep(argument) && element_of(argument).is_scalar() &&
      element_of(argument).scalar().is_number()) {
    return element_of(argument).scalar();
  }
  throw UsageError("{}() takes numbers, got {}", function, shown(argument));
}

Argument call_range(const Named& arguments) {
  const Call call("range", arguments, {"start", "stop", "step"});
  const Argument* start = call.get(0);
  const Argument* stop = call.get(1);
  const Argument* step = call.get(2);
  if (start == nullptr) throw UsageError("range() needs an end");
  Sweep sweep;
  sweep.kind = Sweep::Kind::range;
  const bool no_stop = stop == nullptr || (!is_sweep(*stop) && element_of(*stop).is_scalar() &&
                                           element_of(*stop).scalar().is_null());
  sweep.start = no_stop ? Node(0) : number_argument("range", *start);
  sweep.stop = number_argument("range", no_stop ? *start : *stop);
  sweep.step = step == nullptr ? Node(1) : number_argument("range", *step);
  return sweep;
}

Argument call_interval(const Named& arguments) {
  const Call call("interval", arguments, {"start", "end"});
  if (call.get(0) == nullptr || call.get(1) == nullptr) {
    throw UsageError("interval() takes a start and an end");
  }
  Sweep sweep;
  sweep.kind = Sweep::Kind::interval;
  sweep.start = Node(number_argument("interval", *call.get(0)).as_double());
  sweep.stop = Node(number_argument("interval", *call.get(1)).as_double());
  return sweep;
}

std::vector<std::string> patterns(const Argument& argument) {
  std::vector<std::string> out;
  if (!is_sweep(argument)) {
    const Node node = element_of(argument).node();
    if (node.is_string()) return {node.as_string()};
    if (node.is_list()) {
      for (const Node& item : node.elements()) out.push_back(item.as_string());
      return out;
    }
  }
  throw UsageError("glob() takes a pattern or a list of patterns, got {}", shown(argument));
}

Argument call_glob(const Named& arguments) {
  const Call call("glob", arguments, {"include", "exclude"});
  if (call.get(0) == nullptr) throw UsageError("glob() needs a pattern");
  Sweep sweep;
  sweep.kind = Sweep::Kind::glob;
  sweep.include = patterns(*call.get(0));
  if (call.get(1) != nullptr) sweep.exclude = patterns(*call.get(1));
  return sweep;
}

Argument call_tag(const Named& arguments) {
  const Call call("tag", arguments, {"sweep"});
  std::vector<Argument> all = call.positional;
  if (all.empty()) throw UsageError("tag() needs a sweep");
  if (const Argument* sweep = call.named("sweep")) all.push_back(*sweep);
  if (!is_sweep(all.back()) || std::get<1>(all.back()).kind == Sweep::Kind::glob) {
    throw UsageError("the last argument of tag() must be a choice(), range() or interval()");
  }
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    if (is_sweep(all[i]) || !element_of(all[i]).is_scalar() ||
        !element_of(all[i]).scalar().is_string()) {
      throw UsageError("a tag must be a string, got {}", shown(all[i]));
    }
  }
  return all.back();
}

Node minus(const Node& a, const Node& b) {
  if (a.is_int() && b.is_int()) return Node(a.as_int() - b.as_int());
  return Node(a.as_double() - b.as_double());
}
Node negative(const Node& a) {
  return minus(a.is_int() ? Node(0) : Node(0.0), a);
}
Node absolute(const Node& a) {
  return a.as_double() < 0 ? negative(a) : a;
}

Sweep sort_sweep(Sweep sweep, bool reverse) {
  if (sweep.kind == Sweep::Kind::choice) {
    sweep.choices = sorted(sweep.choices, reverse);
    return sweep;
  }
  if (sweep.kind != Sweep::Kind::range) throw UsageError("sort() takes a choice or a range");
  const bool descending = sweep.start.as_double() > sweep.stop.as_double();
  const bool ascending = sweep.start.as_double() < sweep.stop.as_double();
  if (reverse ? ascending : descending) {
    const Node size = absolute(sweep.step);
    const Node shift = reverse ? size : negative(size);
    const Node start = minus(sweep.stop, shift);
    sweep.stop = minus(sweep.start, shift);
    sweep.start = start;
    sweep.step = negative(sweep.step);
  }
  return sweep;
}

void refuse_null(const char* function, const Argument& argument) {
  if (!is_sweep(argument) && element_of(argument).is_scalar() &&
      element_of(argument).scalar().is_null()) {
    throw UsageError("{}() takes no null", function);
  }
}

Argument sort_one(const Argument& argument, bool reverse) {
  if (is_sweep(argument)) return sort_sweep(std::get<1>(argument), reverse);
  if (!element_of(argument).is_list()) {
    refuse_null("sort", argument);
    return argument;
  }
  return Element{sorted(element_of(argument).list(), reverse), '\0'};
}

Argument call_sort(const Named& arguments) {
  const Call call("sort", arguments, {"sweep", "list", "reverse"});
  bool reverse = false;
  if (const Argument* value = call.named("reverse")) {
    if (is_sweep(*value) || !element_of(*value).is_scalar() ||
        !element_of(*value).scalar().is_bool()) {
      throw UsageError("sort(reverse=...) takes true or false, got {}", shown(*value));
    }
    reverse = element_of(*value).scalar().as_bool();
  }
  if (const Argument* list = call.named("list")) return sort_one(call.listed(*list), reverse);
  if (const Argument* sweep = call.named("sweep")) return sort_one(call.swept(*sweep), reverse);
  if (call.positional.empty()) throw UsageError("sort() needs something to sort");
  if (call.positional.size() == 1) return sort_one(call.positional[0], reverse);
  for (const Argument& argument : call.positional) {
    refuse_null("sort", argument);
    if (!is_sweep(argument) && !element_of(argument).is_scalar()) {
      throw UsageError("sort() takes one list or several plain values, got {}", shown(argument));
    }
  }
  return sort_sweep(simple_choice(call.positional), reverse);
}

Argument call_shuffle(const Named& arguments) {
  const Call call("shuffle", arguments, {"sweep", "list"});
  std::vector<Argument> all = call.positional;
  if (const Argument* list = call.named("list")) {
    all = {call.listed(*list)};
  } else if (const Argument* sweep = call.named("sweep")) {
    all = {call.swept(*sweep)};
  }
  for (const Argument& argument : all) refuse_null("shuffle", argument);
  if (all.size() == 1 && is_sweep(all[0])) {
    Sweep sweep = std::get<1>(all[0]);
    if (sweep.kind != Sweep::Kind::choice && sweep.kind != Sweep::Kind::range) {
      throw UsageError("shuffle() takes a choice, a range or a list");
    }
    sweep.shuffle = true;
    return sweep;
  }
  if (all.size() == 1) {
    const Element& list = element_of(all[0]);
    if (!list.is_list()) return Element{Element::List{list}, '\0'};
    return Element{shuffled(list.list()), '\0'};
  }
  Sweep sweep = simple_choice(all);
  sweep.shuffle = true;
  return sweep;
}

}  // namespace

Argument call_override_function(const std::string& name, const Named& given) {
  // A function's arguments lose their quotes at the top level, as in Hydra.
  Named arguments = given;
  for (auto& [key, value] : arguments) {
    if (auto* element = std::get_if<Element>(&value)) element->quote = '\0';
  }
  if (name == "int" || name == "float" || name == "str" || name == "bool") {
    return call_cast(name, arguments);
  }
  if (name == "choice") return call_choice(arguments);
  if (name == "range") return call_range(arguments);
  if (name == "interval") return call_interval(arguments);
  if (name == "tag") return call_tag(arguments);
  if (name == "sort") return call_sort(arguments);
  if (name == "shuffle") return call_shuffle(arguments);
  if (name == "glob") return call_glob(arguments);
  const std::vector<std::string> known = {"bool",  "choice",  "float", "glob", "int", "interval",
                                          "range", "shuffle", "sort",  "str",  "tag"};
  throw UsageError("unknown function '{}'{} (known: {})", name, did_you_mean(name, known),
                   fmt::join(known, ", "));
}

}  // namespace cq::config
