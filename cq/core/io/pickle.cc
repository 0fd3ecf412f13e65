#include "cq/core/io/pickle.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "cq/core/io/pickle_input.h"
#include "cq/core/io/pickle_objects.h"
#include "cq/core/io/pickle_opcodes.h"
#include "cq/core/io/pickle_stack.h"

namespace cq {
namespace {

using Kind = PickledValue::Kind;

constexpr size_t kMostBytes = 64u << 20;

// The stack machine of Python's pickletools, protocols 0 to 5.
class Machine {
 public:
  Machine(std::span<const uint8_t> bytes, std::deque<PickledValue>& values)
      : input_(bytes), stack_(input_, values), objects_(input_, stack_) {}

  const PickledValue* run() {
    while (!stopped_) step(static_cast<Opcode>(input_.byte()));
    if (stack_.all().size() != 1) fail("values left over at its end");
    objects_.check_result(stack_.all()[0]);
    return stack_.all()[0];
  }

  size_t position() const { return input_.position(); }

 private:
  void step(Opcode op);
  bool step_scalar(Opcode op);
  bool step_text(Opcode op);
  bool step_container(Opcode op);
  bool step_memo(Opcode op);
  bool step_object(Opcode op);

  void push_integer(int64_t value) { stack_.push(Kind::integer).integer = value; }
  void push_boolean(bool value) { stack_.push(Kind::boolean).integer = value ? 1 : 0; }
  void push_long(std::span<const uint8_t> raw);
  void push_decimal(std::string digits);

  [[noreturn]] void fail(const std::string& what) const { input_.fail(what); }

  PickleInput input_;
  PickleStack stack_;
  PickleObjects objects_;
  bool stopped_ = false;
};

void Machine::push_long(std::span<const uint8_t> raw) {
  PickledValue& value = stack_.push(Kind::integer);
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

void Machine::push_decimal(std::string digits) {
  if (digits.ends_with('L')) digits.pop_back();
  PickledValue& value = stack_.push(Kind::integer);
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value.integer);
  if (stop != end || digits.empty()) fail("a number with other characters");
  if (error != std::errc()) value.text = digits.substr(0, 64);
}

void Machine::step(Opcode op) {
  if (step_scalar(op) || step_text(op) || step_container(op) || step_memo(op)) return;
  if (step_object(op)) return;
  fail(fmt::format("opcode 0x{:02x} is not read", static_cast<int>(op)));
}

bool Machine::step_scalar(Opcode op) {
  switch (op) {
    case Opcode::proto:
      if (input_.byte() > 5) fail("a protocol above 5");
      return true;
    case Opcode::frame:
      input_.little_endian(8);
      return true;
    case Opcode::stop:
      stopped_ = true;
      return true;
    case Opcode::none:
      stack_.push(Kind::none);
      return true;
    case Opcode::new_true:
    case Opcode::new_false:
      push_boolean(op == Opcode::new_true);
      return true;
    case Opcode::binint:
      push_integer(static_cast<int32_t>(input_.little_endian(4)));
      return true;
    case Opcode::binint1:
      push_integer(input_.byte());
      return true;
    case Opcode::binint2:
      push_integer(static_cast<int64_t>(input_.little_endian(2)));
      return true;
    case Opcode::integer: {
      const std::string digits = input_.line();
      if (digits == "00" || digits == "01") {
        push_boolean(digits == "01");
      } else {
        push_decimal(digits);
      }
      return true;
    }
    case Opcode::long_text:
      push_decimal(input_.line());
      return true;
    case Opcode::long1:
      push_long(input_.take(input_.byte()));
      return true;
    case Opcode::long4:
      push_long(input_.take(input_.little_endian(4)));
      return true;
    case Opcode::real: {
      const std::string digits = input_.line();
      char* end = nullptr;
      stack_.push(Kind::real).real = std::strtod(digits.c_str(), &end);
      if (digits.empty() || end != digits.c_str() + digits.size()) fail("a damaged number");
      return true;
    }
    case Opcode::binfloat: {
      const auto raw = input_.take(8);
      uint64_t bits = 0;
      for (const uint8_t part : raw) bits = bits << 8 | part;
      stack_.push(Kind::real).real = std::bit_cast<double>(bits);
      return true;
    }
    default:
      return false;
  }
}

bool Machine::step_text(Opcode op) {
  switch (op) {
    case Opcode::string: {
      const std::string quoted = input_.line();
      if (quoted.size() < 2 || quoted.front() != quoted.back()) fail("a text without quotes");
      stack_.push(Kind::text).text = quoted.substr(1, quoted.size() - 2);
      return true;
    }
    case Opcode::unicode:
      stack_.push(Kind::text).text = input_.line();
      return true;
    case Opcode::binstring:
    case Opcode::binunicode:
      stack_.push(Kind::text).text = input_.text(input_.little_endian(4));
      return true;
    case Opcode::short_binstring:
    case Opcode::short_binunicode:
      stack_.push(Kind::text).text = input_.text(input_.byte());
      return true;
    case Opcode::binunicode8:
      stack_.push(Kind::text).text = input_.text(input_.little_endian(8));
      return true;
    case Opcode::binbytes:
      stack_.push(Kind::bytes).text = input_.text(input_.little_endian(4));
      return true;
    case Opcode::short_binbytes:
      stack_.push(Kind::bytes).text = input_.text(input_.byte());
      return true;
    case Opcode::binbytes8:
    case Opcode::bytearray8:
      stack_.push(Kind::bytes).text = input_.text(input_.little_endian(8));
      return true;
    default:
      return false;
  }
}

bool Machine::step_container(Opcode op) {
  switch (op) {
    case Opcode::empty_list:
      stack_.push(Kind::list);
      return true;
    case Opcode::empty_set:
      stack_.push(Kind::set);
      return true;
    case Opcode::empty_dict:
      stack_.push(Kind::dict);
      return true;
    case Opcode::empty_tuple:
      stack_.push(Kind::tuple);
      return true;
    case Opcode::list:
    case Opcode::frozenset: {
      const PickledItems items = stack_.pop_to_mark();
      objects_.append(&stack_.push(op == Opcode::list ? Kind::list : Kind::set), items);
      return true;
    }
    case Opcode::tuple:
      objects_.push_tuple(stack_.pop_to_mark());
      return true;
    case Opcode::tuple1:
    case Opcode::tuple2:
    case Opcode::tuple3: {
      PickledItems items(op == Opcode::tuple1 ? 1 : op == Opcode::tuple2 ? 2 : 3);
      for (size_t i = items.size(); i > 0; --i) items[i - 1] = stack_.pop();
      objects_.push_tuple(std::move(items));
      return true;
    }
    case Opcode::dict: {
      const PickledItems items = stack_.pop_to_mark();
      objects_.set_items(&stack_.push(Kind::dict), items);
      return true;
    }
    case Opcode::append: {
      PickledValue* item = stack_.pop();
      objects_.append(stack_.top(), {item});
      return true;
    }
    case Opcode::appends:
    case Opcode::additems: {
      const PickledItems items = stack_.pop_to_mark();
      objects_.append(stack_.top(), items);
      return true;
    }
    case Opcode::setitem: {
      PickledValue* value = stack_.pop();
      PickledValue* key = stack_.pop();
      objects_.set_items(stack_.top(), {key, value});
      return true;
    }
    case Opcode::setitems: {
      const PickledItems items = stack_.pop_to_mark();
      objects_.set_items(stack_.top(), items);
      return true;
    }
    default:
      return false;
  }
}

bool Machine::step_memo(Opcode op) {
  switch (op) {
    case Opcode::mark:
      stack_.mark();
      return true;
    case Opcode::pop:
      stack_.drop();
      return true;
    case Opcode::pop_mark:
      stack_.pop_to_mark();
      return true;
    case Opcode::dup:
      stack_.push_again(stack_.top());
      return true;
    case Opcode::put:
      stack_.remember(input_.number_line());
      return true;
    case Opcode::binput:
      stack_.remember(input_.byte());
      return true;
    case Opcode::long_binput:
      stack_.remember(input_.little_endian(4));
      return true;
    case Opcode::memoize:
      stack_.remember_next();
      return true;
    case Opcode::get:
      stack_.recall(input_.number_line());
      return true;
    case Opcode::binget:
      stack_.recall(input_.byte());
      return true;
    case Opcode::long_binget:
      stack_.recall(input_.little_endian(4));
      return true;
    default:
      return false;
  }
}

bool Machine::step_object(Opcode op) {
  switch (op) {
    case Opcode::global: {
      const std::string module = input_.line();
      objects_.push_global(module + "." + input_.line());
      return true;
    }
    case Opcode::stack_global: {
      const PickledValue* name = stack_.pop();
      const PickledValue* module = stack_.pop();
      if (name->kind != Kind::text || module->kind != Kind::text) fail("a global without a name");
      objects_.push_global(module->text, name->text);
      return true;
    }
    case Opcode::inst: {
      const std::string module = input_.line();
      objects_.refuse(module + "." + input_.line(), " (an instance)");  // throws
    }
    case Opcode::reduce:
    case Opcode::newobj:
      objects_.call();
      return true;
    case Opcode::build:
      objects_.build();
      return true;
    case Opcode::binpersid:
      objects_.push_storage();
      return true;
    case Opcode::newobj_ex:
    case Opcode::object:
      objects_.refuse_object();  // throws
    default:
      return false;
  }
}

}  // namespace

Pickle::Pickle(std::span<const uint8_t> bytes) {
  Machine machine(bytes.first(std::min(bytes.size(), kMostBytes)), values_);
  root_ = machine.run();
  length_ = machine.position();
}

}  // namespace cq
