#include "cq/core/io/pickle_objects.h"

#include "cq/base/error.h"
#include "cq/core/io/pickle_globals.h"
#include "cq/core/io/printable.h"

namespace cq {
namespace {

using Kind = PickledValue::Kind;

constexpr size_t kLongestName = 1000;

void check_not_global(const PickledValue* value) {
  if (value->kind == Kind::global) PickleObjects::refuse(value->text, "");
}

}  // namespace

void PickleObjects::refuse(const std::string& global, const std::string& how) {
  throw RunError("refused global {}{}: only tensors and plain data are read", printable(global),
                 how);
}

void PickleObjects::refuse_object() const {
  for (const PickledValue* value : stack_.all()) check_not_global(value);
  fail("an object that is no plain data");
}

void PickleObjects::check_result(const PickledValue* root) const {
  check_not_global(root);
  for (const PickledValue* global : unused_) refuse(global->text, "");
}

void PickleObjects::append(PickledValue* list, const PickledItems& items) {
  if (list->kind != Kind::list && list->kind != Kind::set) fail("items for something else");
  for (PickledValue* item : items) check_not_global(item);
  list->items.insert(list->items.end(), items.begin(), items.end());
}

void PickleObjects::push_tuple(PickledItems items) {
  for (const PickledValue* item : items) {
    if (item->kind != Kind::global) continue;
    const PickleGlobal global = find_pickle_global(item->text);
    if (global != PickleGlobal::storage && global != PickleGlobal::dtype) refuse(item->text, "");
  }
  stack_.push(Kind::tuple).items = std::move(items);
}

void PickleObjects::set_items(PickledValue* dict, const PickledItems& items) {
  if (dict->kind != Kind::dict) fail("keys for something that is no dict");
  if (items.size() % 2 != 0) fail("a key without a value");
  for (size_t i = 0; i < items.size(); i += 2) {
    PickledValue* key = items[i];
    if (key->kind == Kind::global) {
      if (!looks_like_class(key->text)) refuse(key->text, " (as a key)");
      unused_.erase(key);
    }
    check_not_global(items[i + 1]);
    dict->pairs.emplace_back(key, items[i + 1]);
  }
}

void PickleObjects::push_global(const std::string& name) {
  if (name.size() > kLongestName) fail("a global with a name of over 1000 bytes");
  PickledValue& value = stack_.push(Kind::global);
  value.text = name;
  if (find_pickle_global(name) == PickleGlobal::unknown) unused_.insert(&value);
}

void PickleObjects::push_global(const std::string& module, const std::string& name) {
  if (name.size() > kLongestName || module.size() > kLongestName) {
    fail("a global with a name of over 1000 bytes");
  }
  push_global(module + "." + name);
}

void PickleObjects::push_storage() {
  const PickledValue* id = stack_.pop();
  PickledStorage storage = read_persistent_id(*id);
  stack_.push(Kind::storage).storage = std::make_unique<PickledStorage>(std::move(storage));
}

void PickleObjects::push_bytes(const PickledItems& arguments) {
  if (arguments.empty()) {
    stack_.push(Kind::bytes);
    return;
  }
  const PickledValue* from = arguments[0];
  if (from->kind != Kind::text && from->kind != Kind::bytes) fail("bytes made from something else");
  stack_.charge(from->text.size() / 8);
  stack_.push(Kind::bytes).text = from->text;
}

void PickleObjects::push_container(Kind kind, const PickledItems& arguments) {
  if (arguments.size() > 1) fail("a container made from more than one argument");
  PickledItems items;
  if (!arguments.empty()) {
    const Kind from = arguments[0]->kind;
    if (from != Kind::list && from != Kind::tuple && from != Kind::set) {
      fail("a container made from something else");
    }
    stack_.charge(arguments[0]->items.size());
    items = arguments[0]->items;
  }
  for (const PickledValue* item : items) check_not_global(item);
  stack_.push(kind).items = std::move(items);
}

// OrderedDict([[key, value], ...]), as Python 2 wrote it.
void PickleObjects::push_ordered_dict(const PickledItems& arguments) {
  PickledItems flat;
  if (arguments.size() > 1 || (arguments.size() == 1 && arguments[0]->kind != Kind::list)) {
    fail("a dict made from something else");
  }
  if (arguments.size() == 1) {
    stack_.charge(arguments[0]->items.size());
    for (const PickledValue* pair : arguments[0]->items) {
      if (pair->items.size() != 2) fail("a dict made from something else");
      flat.insert(flat.end(), pair->items.begin(), pair->items.end());
    }
  }
  set_items(&stack_.push(Kind::dict), flat);
}

void PickleObjects::call() {
  const PickledValue* arguments = stack_.pop();
  const PickledValue* callee = stack_.pop();
  if (callee->kind != Kind::global) fail("a call of something that is no global");
  if (arguments->kind != Kind::tuple) fail("a call without a tuple of arguments");
  const PickledItems& items = arguments->items;
  switch (find_pickle_global(callee->text)) {
    case PickleGlobal::rebuild_tensor: {
      PickledTensor tensor = rebuild_pickled_tensor(callee->text, items);
      stack_.push(Kind::tensor).tensor = std::make_unique<PickledTensor>(std::move(tensor));
      return;
    }
    case PickleGlobal::rebuild_parameter:
      if (items.empty() || items[0]->kind != Kind::tensor) fail("a parameter without a tensor");
      stack_.push_again(items[0]);
      return;
    case PickleGlobal::ordered_dict:
    case PickleGlobal::dict:
      return push_ordered_dict(items);
    case PickleGlobal::name_space:
      if (!items.empty()) fail("a Namespace with arguments");
      stack_.push(Kind::dict);
      return;
    case PickleGlobal::list:
      return push_container(Kind::list, items);
    case PickleGlobal::tuple:
      return push_container(Kind::tuple, items);
    case PickleGlobal::set:
      return push_container(Kind::set, items);
    case PickleGlobal::bytes:
    case PickleGlobal::encode:
      return push_bytes(items);
    case PickleGlobal::storage:
    case PickleGlobal::dtype:
    case PickleGlobal::unknown:
      refuse(callee->text, " (called)");
  }
}

// The state of a dict subclass is its attributes: those of a Namespace are its entries, those of an
// OrderedDict (state_dict's _metadata) are not.
void PickleObjects::build() {
  const PickledValue* state = stack_.pop();
  PickledValue* object = stack_.top();
  if (object->kind != Kind::dict || state->kind != Kind::dict) {
    fail("the state of something that is no plain data");
  }
  if (!object->pairs.empty() || object == state) return;
  stack_.charge(state->pairs.size());
  object->pairs = state->pairs;
}

}  // namespace cq
