#include "cq/core/io/pickle.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <unordered_map>
#include <unordered_set>

#include "cq/base/error.h"
#include "cq/core/io/pickle_globals.h"
#include "cq/core/io/pickle_opcodes.h"
#include "cq/core/io/printable.h"

namespace cq {
namespace {

using Kind = PickledValue::Kind;
using Items = std::vector<PickledValue*>;

constexpr size_t kMostBytes = 64u << 20;
constexpr size_t kMostValues = 4'000'000;
constexpr size_t kMostMarks = 100'000;
constexpr size_t kLongestName = 1000;

// The stack machine of Python's pickletools, protocols 0 to 5.
class Machine {
 public:
  Machine(std::span<const uint8_t> bytes, std::deque<PickledValue>& values)
      : bytes_(bytes), values_(values) {}

  const PickledValue* run() {
    while (!stopped_) step(static_cast<Opcode>(byte()));
    if (stack_.size() != 1) fail("values left over at its end");
    check_not_global(stack_[0]);
    for (const PickledValue* global : unused_) refuse(global->text, "");
    return stack_[0];
  }

  size_t position() const { return at_; }

 private:
  void step(Opcode op);
  bool step_scalar(Opcode op);
  bool step_text(Opcode op);
  bool step_container(Opcode op);
  bool step_memo(Opcode op);
  bool step_object(Opcode op);

  // Reading.
  uint8_t byte() { return take(1)[0]; }

  std::span<const uint8_t> take(uint64_t count) {
    if (count > bytes_.size() - at_) fail("it is cut off");
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }

  uint64_t little_endian(size_t count) {
    const auto raw = take(count);
    uint64_t value = 0;
    for (size_t i = count; i > 0; --i) value = value << 8 | raw[i - 1];
    return value;
  }

  std::string line() {
    const size_t begin = at_;
    while (byte() != '\n') {
    }
    return {reinterpret_cast<const char*>(bytes_.data()) + begin, at_ - 1 - begin};
  }

  std::string text(uint64_t count) {
    const auto raw = take(count);
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw RunError("damaged pickle at byte {}: {}", at_, what);
  }

  [[noreturn]] static void refuse(const std::string& global, const std::string& how) {
    throw RunError("refused global {}{}: only tensors and plain data are read", printable(global),
                   how);
  }

  // The stack.
  PickledValue& push(Kind kind) {
    if (values_.size() == kMostValues) fail("more than four million values");
    PickledValue& value = values_.emplace_back();
    value.kind = kind;
    stack_.push_back(&value);
    return value;
  }

  void push_integer(int64_t value) { push(Kind::integer).integer = value; }
  void push_boolean(bool value) { push(Kind::boolean).integer = value ? 1 : 0; }

  PickledValue* pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("nothing on the stack");
    PickledValue* value = stack_.back();
    stack_.pop_back();
    return value;
  }

  PickledValue* top() {
    PickledValue* value = pop();
    stack_.push_back(value);
    return value;
  }

  Items pop_to_mark() {
    if (marks_.empty()) fail("no mark on the stack");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    Items items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }

  // Copies cost memory that no byte of the file pays for.
  void charge(size_t values) {
    charged_ += values;
    if (charged_ > kMostValues) fail("more than four million values");
  }

  // Containers. A global may be what is called, a type inside a tuple of arguments, or the key of a
  // dict: everywhere else it refuses the file.
  void check_not_global(const PickledValue* value) const {
    if (value->kind == Kind::global) refuse(value->text, "");
  }

  void append(PickledValue* list, const Items& items) {
    if (list->kind != Kind::list && list->kind != Kind::set) fail("items for something else");
    for (PickledValue* item : items) check_not_global(item);
    list->items.insert(list->items.end(), items.begin(), items.end());
  }

  void push_tuple(Items items) {
    for (const PickledValue* item : items) {
      if (item->kind != Kind::global) continue;
      const PickleGlobal global = find_pickle_global(item->text);
      if (global != PickleGlobal::storage && global != PickleGlobal::dtype) refuse(item->text, "");
    }
    push(Kind::tuple).items = std::move(items);
  }

  void set_items(PickledValue* dict, const Items& items) {
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

  void push_long(std::span<const uint8_t> raw) {
    PickledValue& value = push(Kind::integer);
    const auto repeats_sign = [&] {
      const uint8_t sign = raw[raw.size() - 2] >= 0x80 ? 0xff : 0;
      return raw.back() == sign;
    };
    while (raw.size() > 8 && repeats_sign()) raw = raw.first(raw.size() - 1);
    if (raw.size() > 8) {
      for (size_t i = raw.size(); i > 0 && raw.size() <= 64; --i) {
        value.text += fmt::format("{:02x}", raw[i - 1]);
      }
      if (value.text.empty()) value.text = "over 64 bytes";
      return;
    }
    uint64_t bits = !raw.empty() && raw.back() >= 0x80 ? ~uint64_t{0} : 0;
    for (size_t i = raw.size(); i > 0; --i) bits = bits << 8 | raw[i - 1];
    value.integer = static_cast<int64_t>(bits);
  }

  void push_decimal(std::string digits) {
    if (digits.ends_with('L')) digits.pop_back();
    PickledValue& value = push(Kind::integer);
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value.integer);
    if (stop != end || digits.empty()) fail("a number with other characters");
    if (error != std::errc()) value.text = digits.substr(0, 64);
  }

  void push_global(const std::string& name) {
    if (name.size() > kLongestName) fail("a global with a name of over 1000 bytes");
    PickledValue& value = push(Kind::global);
    value.text = name;
    if (find_pickle_global(name) == PickleGlobal::unknown) unused_.insert(&value);
  }

  void remember(uint64_t index) { memo_[index] = top(); }

  void recall(uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail(fmt::format("nothing remembered as {}", index));
    if (stack_.size() == kMostValues) fail("more than four million values");
    stack_.push_back(found->second);
  }

  uint64_t index_line() {
    const std::string digits = line();
    uint64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (stop != end || error != std::errc()) fail("a number with other characters");
    return value;
  }

  // Objects.
  void call();
  void build();
  void push_ordered_dict(const Items& arguments);
  void push_container(Kind kind, const Items& arguments);

  std::span<const uint8_t> bytes_;
  std::deque<PickledValue>& values_;
  size_t at_ = 0;
  size_t charged_ = 0;
  bool stopped_ = false;
  Items stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickledValue*> memo_;
  std::unordered_set<const PickledValue*> unused_;  // unknown globals that were no keys (yet)
};

void Machine::step(Opcode op) {
  if (step_scalar(op) || step_text(op) || step_container(op) || step_memo(op)) return;
  if (step_object(op)) return;
  fail(fmt::format("opcode 0x{:02x} is not read", static_cast<int>(op)));
}

bool Machine::step_scalar(Opcode op) {
  switch (op) {
    case Opcode::proto:
      if (byte() > 5) fail("a protocol above 5");
      return true;
    case Opcode::frame:
      little_endian(8);
      return true;
    case Opcode::stop:
      stopped_ = true;
      return true;
    case Opcode::none:
      push(Kind::none);
      return true;
    case Opcode::new_true:
    case Opcode::new_false:
      push_boolean(op == Opcode::new_true);
      return true;
    case Opcode::binint:
      push_integer(static_cast<int32_t>(little_endian(4)));
      return true;
    case Opcode::binint1:
      push_integer(byte());
      return true;
    case Opcode::binint2:
      push_integer(static_cast<int64_t>(little_endian(2)));
      return true;
    case Opcode::integer: {
      const std::string digits = line();
      if (digits == "00" || digits == "01") {
        push_boolean(digits == "01");
      } else {
        push_decimal(digits);
      }
      return true;
    }
    case Opcode::long_text:
      push_decimal(line());
      return true;
    case Opcode::long1:
      push_long(take(byte()));
      return true;
    case Opcode::long4:
      push_long(take(little_endian(4)));
      return true;
    case Opcode::real: {
      const std::string digits = line();
      char* end = nullptr;
      push(Kind::real).real = std::strtod(digits.c_str(), &end);
      if (digits.empty() || end != digits.c_str() + digits.size()) fail("a damaged number");
      return true;
    }
    case Opcode::binfloat: {
      const auto raw = take(8);
      uint64_t bits = 0;
      for (const uint8_t part : raw) bits = bits << 8 | part;
      push(Kind::real).real = std::bit_cast<double>(bits);
      return true;
    }
    default:
      return false;
  }
}

bool Machine::step_text(Opcode op) {
  switch (op) {
    case Opcode::string: {
      const std::string quoted = line();
      if (quoted.size() < 2 || quoted.front() != quoted.back()) fail("a text without quotes");
      push(Kind::text).text = quoted.substr(1, quoted.size() - 2);
      return true;
    }
    case Opcode::unicode:
      push(Kind::text).text = line();
      return true;
    case Opcode::binstring:
    case Opcode::binunicode:
      push(Kind::text).text = text(little_endian(4));
      return true;
    case Opcode::short_binstring:
    case Opcode::short_binunicode:
      push(Kind::text).text = text(byte());
      return true;
    case Opcode::binunicode8:
      push(Kind::text).text = text(little_endian(8));
      return true;
    case Opcode::binbytes:
      push(Kind::bytes).text = text(little_endian(4));
      return true;
    case Opcode::short_binbytes:
      push(Kind::bytes).text = text(byte());
      return true;
    case Opcode::binbytes8:
    case Opcode::bytearray8:
      push(Kind::bytes).text = text(little_endian(8));
      return true;
    default:
      return false;
  }
}

bool Machine::step_container(Opcode op) {
  switch (op) {
    case Opcode::empty_list:
      push(Kind::list);
      return true;
    case Opcode::empty_set:
      push(Kind::set);
      return true;
    case Opcode::empty_dict:
      push(Kind::dict);
      return true;
    case Opcode::empty_tuple:
      push(Kind::tuple);
      return true;
    case Opcode::list:
    case Opcode::frozenset: {
      const Items items = pop_to_mark();
      append(&push(op == Opcode::list ? Kind::list : Kind::set), items);
      return true;
    }
    case Opcode::tuple:
      push_tuple(pop_to_mark());
      return true;
    case Opcode::tuple1:
    case Opcode::tuple2:
    case Opcode::tuple3: {
      Items items(op == Opcode::tuple1 ? 1 : op == Opcode::tuple2 ? 2 : 3);
      for (size_t i = items.size(); i > 0; --i) items[i - 1] = pop();
      push_tuple(std::move(items));
      return true;
    }
    case Opcode::dict: {
      const Items items = pop_to_mark();
      set_items(&push(Kind::dict), items);
      return true;
    }
    case Opcode::append: {
      PickledValue* item = pop();
      append(top(), {item});
      return true;
    }
    case Opcode::appends:
    case Opcode::additems: {
      const Items items = pop_to_mark();
      append(top(), items);
      return true;
    }
    case Opcode::setitem: {
      PickledValue* value = pop();
      PickledValue* key = pop();
      set_items(top(), {key, value});
      return true;
    }
    case Opcode::setitems: {
      const Items items = pop_to_mark();
      set_items(top(), items);
      return true;
    }
    default:
      return false;
  }
}

bool Machine::step_memo(Opcode op) {
  switch (op) {
    case Opcode::mark:
      if (marks_.size() == kMostMarks) fail("nested too deeply");
      marks_.push_back(stack_.size());
      return true;
    case Opcode::pop:
      if (!marks_.empty() && stack_.size() == marks_.back()) {
        marks_.pop_back();
      } else {
        pop();
      }
      return true;
    case Opcode::pop_mark:
      pop_to_mark();
      return true;
    case Opcode::dup:
      if (stack_.size() == kMostValues) fail("more than four million values");
      stack_.push_back(top());
      return true;
    case Opcode::put:
      remember(index_line());
      return true;
    case Opcode::binput:
      remember(byte());
      return true;
    case Opcode::long_binput:
      remember(little_endian(4));
      return true;
    case Opcode::memoize:
      remember(memo_.size());
      return true;
    case Opcode::get:
      recall(index_line());
      return true;
    case Opcode::binget:
      recall(byte());
      return true;
    case Opcode::long_binget:
      recall(little_endian(4));
      return true;
    default:
      return false;
  }
}

bool Machine::step_object(Opcode op) {
  switch (op) {
    case Opcode::global: {
      const std::string module = line();
      push_global(module + "." + line());
      return true;
    }
    case Opcode::stack_global: {
      const PickledValue* name = pop();
      const PickledValue* module = pop();
      if (name->kind != Kind::text || module->kind != Kind::text) fail("a global without a name");
      if (name->text.size() > kLongestName || module->text.size() > kLongestName) {
        fail("a global with a name of over 1000 bytes");
      }
      push_global(module->text + "." + name->text);
      return true;
    }
    case Opcode::inst: {
      const std::string module = line();
      refuse(module + "." + line(), " (an instance)");  // throws
    }
    case Opcode::reduce:
    case Opcode::newobj:
      call();
      return true;
    case Opcode::build:
      build();
      return true;
    case Opcode::binpersid: {
      const PickledValue* id = pop();
      PickledStorage storage = read_persistent_id(*id);
      push(Kind::storage).storage = std::make_unique<PickledStorage>(std::move(storage));
      return true;
    }
    case Opcode::newobj_ex:
    case Opcode::object: {
      for (const PickledValue* value : stack_) check_not_global(value);
      fail("an object that is no plain data");
    }
    default:
      return false;
  }
}

void Machine::push_container(Kind kind, const Items& arguments) {
  if (arguments.size() > 1) fail("a container made from more than one argument");
  Items items;
  if (!arguments.empty()) {
    const Kind from = arguments[0]->kind;
    if (from != Kind::list && from != Kind::tuple && from != Kind::set) {
      fail("a container made from something else");
    }
    charge(arguments[0]->items.size());
    items = arguments[0]->items;
  }
  for (const PickledValue* item : items) check_not_global(item);
  push(kind).items = std::move(items);
}

// OrderedDict([[key, value], ...]), as Python 2 wrote it.
void Machine::push_ordered_dict(const Items& arguments) {
  Items flat;
  if (arguments.size() > 1 || (arguments.size() == 1 && arguments[0]->kind != Kind::list)) {
    fail("a dict made from something else");
  }
  if (arguments.size() == 1) {
    charge(arguments[0]->items.size());
    for (const PickledValue* pair : arguments[0]->items) {
      if (pair->items.size() != 2) fail("a dict made from something else");
      flat.insert(flat.end(), pair->items.begin(), pair->items.end());
    }
  }
  set_items(&push(Kind::dict), flat);
}

void Machine::call() {
  const PickledValue* arguments = pop();
  const PickledValue* callee = pop();
  if (callee->kind != Kind::global) fail("a call of something that is no global");
  if (arguments->kind != Kind::tuple) fail("a call without a tuple of arguments");
  const Items& items = arguments->items;
  switch (find_pickle_global(callee->text)) {
    case PickleGlobal::rebuild_tensor: {
      PickledTensor tensor = rebuild_pickled_tensor(callee->text, items);
      push(Kind::tensor).tensor = std::make_unique<PickledTensor>(std::move(tensor));
      return;
    }
    case PickleGlobal::rebuild_parameter:
      if (items.empty() || items[0]->kind != Kind::tensor) fail("a parameter without a tensor");
      stack_.push_back(items[0]);
      return;
    case PickleGlobal::ordered_dict:
    case PickleGlobal::dict:
      return push_ordered_dict(items);
    case PickleGlobal::name_space:
      if (!items.empty()) fail("a Namespace with arguments");
      push(Kind::dict);
      return;
    case PickleGlobal::list:
      return push_container(Kind::list, items);
    case PickleGlobal::tuple:
      return push_container(Kind::tuple, items);
    case PickleGlobal::set:
      return push_container(Kind::set, items);
    case PickleGlobal::bytes:
    case PickleGlobal::encode:
      if (!items.empty() && items[0]->kind != Kind::text && items[0]->kind != Kind::bytes) {
        fail("bytes made from something else");
      }
      if (!items.empty()) charge(items[0]->text.size() / 8);
      push(Kind::bytes).text = items.empty() ? "" : items[0]->text;
      return;
    case PickleGlobal::storage:
    case PickleGlobal::dtype:
    case PickleGlobal::unknown:
      refuse(callee->text, " (called)");
  }
}

// The state of a dict subclass is its attributes: those of a Namespace are its entries, those of an
// OrderedDict (state_dict's _metadata) are not.
void Machine::build() {
  const PickledValue* state = pop();
  PickledValue* object = top();
  if (object->kind != Kind::dict || state->kind != Kind::dict) {
    fail("the state of something that is no plain data");
  }
  if (!object->pairs.empty() || object == state) return;
  charge(state->pairs.size());
  object->pairs = state->pairs;
}

}  // namespace

Pickle::Pickle(std::span<const uint8_t> bytes) {
  Machine machine(bytes.first(std::min(bytes.size(), kMostBytes)), values_);
  root_ = machine.run();
  length_ = machine.position();
}

}  // namespace cq
