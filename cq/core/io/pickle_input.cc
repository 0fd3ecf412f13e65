#include "cq/core/io/pickle_input.h"

#include <charconv>

#include "cq/base/error.h"

namespace cq {

void PickleInput::fail(const std::string& what) const {
  throw RunError("damaged pickle at byte {}: {}", at_, what);
}

std::span<const uint8_t> PickleInput::take(uint64_t count) {
  if (count > bytes_.size() - at_) fail("it is cut off");
  at_ += count;
  return bytes_.subspan(at_ - count, count);
}

uint64_t PickleInput::little_endian(size_t count) {
  const auto raw = take(count);
  uint64_t value = 0;
  for (size_t i = count; i > 0; --i) value = value << 8 | raw[i - 1];
  return value;
}

std::string PickleInput::line() {
  const size_t begin = at_;
  while (byte() != '\n') {
  }
  return {reinterpret_cast<const char*>(bytes_.data()) + begin, at_ - 1 - begin};
}

std::string PickleInput::text(uint64_t count) {
  const auto raw = take(count);
  return {reinterpret_cast<const char*>(raw.data()), raw.size()};
}

uint64_t PickleInput::number_line() {
  const std::string digits = line();
  uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (stop != end || error != std::errc()) fail("a number with other characters");
  return value;
}

}  // namespace cq
