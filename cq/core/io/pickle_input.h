#pragma once
// The bytes of one pickle, read from front to back.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace cq {

/// Every reading method throws RunError (fail) where the bytes end before what is asked for.
class PickleInput {
 public:
  explicit PickleInput(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint8_t byte() { return take(1)[0]; }
  std::span<const uint8_t> take(uint64_t count);
  uint64_t little_endian(size_t count);
  std::string text(uint64_t count);
  /// Up to a newline, which is taken and not returned.
  std::string line();
  /// A line that is a decimal number.
  uint64_t number_line();

  size_t position() const { return at_; }

  /// Throws RunError with the position.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
};

}  // namespace cq
