#pragma once
// The stack, marks and memo of Python's pickle machine, within limits.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "cq/core/io/pickle.h"
#include "cq/core/io/pickle_input.h"

namespace cq {

using PickledItems = std::vector<PickledValue*>;

/// Every method throws RunError at the position of `input` where the pickle asks for what is not
/// there, or for more than the limits (four million values, 100,000 marks).
class PickleStack {
 public:
  /// New values are put into `values`, whose elements must stay where they are.
  PickleStack(const PickleInput& input, std::deque<PickledValue>& values)
      : input_(input), values_(values) {}

  PickledValue& push(PickledValue::Kind kind);
  /// A value that is on the stack or in the memo already.
  void push_again(PickledValue* value);
  PickledValue* pop();
  PickledValue* top();
  const PickledItems& all() const { return stack_; }

  void mark();
  PickledItems pop_to_mark();
  /// The opcode POP: the value on top, or the mark where that is on top.
  void drop();

  void remember(uint64_t index) { memo_[index] = top(); }
  void remember_next() { remember(memo_.size()); }
  void recall(uint64_t index);

  /// Counts copied values: they cost memory that no byte of the file pays for.
  void charge(size_t values);

 private:
  [[noreturn]] void fail(const std::string& what) const { input_.fail(what); }

  const PickleInput& input_;
  std::deque<PickledValue>& values_;
  size_t charged_ = 0;
  PickledItems stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickledValue*> memo_;
};

}  // namespace cq
