#pragma once
// What containers, globals and calls of a pickle become: plain data and descriptions of tensors,
// or the refusal of the file.
#include <string>
#include <unordered_set>

#include "cq/core/io/pickle_stack.h"

namespace cq {

/// A global may be what is called, a type inside a tuple of arguments, or the key of a dict:
/// everywhere else it refuses the file. Methods throw RunError for that and for damage.
class PickleObjects {
 public:
  PickleObjects(const PickleInput& input, PickleStack& stack) : input_(input), stack_(stack) {}

  /// Adds to a list or set.
  void append(PickledValue* list, const PickledItems& items);
  void push_tuple(PickledItems items);
  /// `items` are keys and values in turn.
  void set_items(PickledValue* dict, const PickledItems& items);

  void push_global(const std::string& name);
  /// In two parts, each of which may be longer than a name can be.
  void push_global(const std::string& module, const std::string& name);
  /// The opcode REDUCE: a callable and its tuple of arguments are on the stack.
  void call();
  /// The opcode BUILD: the state of the object below it.
  void build();
  void push_storage();
  /// An object that is never built; names the globals that it would have needed.
  [[noreturn]] void refuse_object() const;
  [[noreturn]] static void refuse(const std::string& global, const std::string& how);

  /// Throws where the result of the pickle is a global, or an unknown one was no key.
  void check_result(const PickledValue* root) const;

 private:
  void push_ordered_dict(const PickledItems& arguments);
  void push_container(PickledValue::Kind kind, const PickledItems& arguments);
  void push_bytes(const PickledItems& arguments);
  [[noreturn]] void fail(const std::string& what) const { input_.fail(what); }

  const PickleInput& input_;
  PickleStack& stack_;
  std::unordered_set<const PickledValue*> unused_;  // unknown globals that were no keys (yet)
};

}  // namespace cq
