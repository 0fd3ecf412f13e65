#include "cq/core/io/pickle_stack.h"

#include <fmt/format.h>

namespace cq {
namespace {

constexpr size_t kMostValues = 4'000'000;
constexpr size_t kMostMarks = 100'000;

}  // namespace

PickledValue& PickleStack::push(PickledValue::Kind kind) {
  if (values_.size() == kMostValues) fail("more than four million values");
  PickledValue& value = values_.emplace_back();
  value.kind = kind;
  stack_.push_back(&value);
  return value;
}

void PickleStack::push_again(PickledValue* value) {
  if (stack_.size() == kMostValues) fail("more than four million values");
  stack_.push_back(value);
}

PickledValue* PickleStack::pop() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("nothing on the stack");
  PickledValue* value = stack_.back();
  stack_.pop_back();
  return value;
}

PickledValue* PickleStack::top() {
  PickledValue* value = pop();
  stack_.push_back(value);
  return value;
}

void PickleStack::mark() {
  if (marks_.size() == kMostMarks) fail("nested too deeply");
  marks_.push_back(stack_.size());
}

PickledItems PickleStack::pop_to_mark() {
  if (marks_.empty()) fail("no mark on the stack");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  PickledItems items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

void PickleStack::drop() {
  if (!marks_.empty() && stack_.size() == marks_.back()) {
    marks_.pop_back();
  } else {
    pop();
  }
}

void PickleStack::recall(uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) fail(fmt::format("nothing remembered as {}", index));
  push_again(found->second);
}

void PickleStack::charge(size_t values) {
  charged_ += values;
  if (charged_ > kMostValues) fail("more than four million values");
}

}  // namespace cq
