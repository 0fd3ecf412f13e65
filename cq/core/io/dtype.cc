#include "cq/core/io/dtype.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"

namespace cq {
namespace {

struct NamedType {
  std::string_view name;
  at::ScalarType type;
};

constexpr std::array kTypes = {
    NamedType{"BOOL", at::kBool},
    NamedType{"U8", at::kByte},
    NamedType{"I8", at::kChar},
    NamedType{"I16", at::kShort},
    NamedType{"U16", at::kUInt16},
    NamedType{"I32", at::kInt},
    NamedType{"U32", at::kUInt32},
    NamedType{"I64", at::kLong},
    NamedType{"U64", at::kUInt64},
    NamedType{"F8_E5M2", at::kFloat8_e5m2},
    NamedType{"F16", at::kHalf},
    NamedType{"F8_E4M3", at::kFloat8_e4m3fn},
    NamedType{"BF16", at::kBFloat16},
    NamedType{"F32", at::kFloat},
    NamedType{"C64", at::kComplexFloat},
    NamedType{"F64", at::kDouble},
    NamedType{"F8_E5M2FNUZ", at::kFloat8_e5m2fnuz},
    NamedType{"F8_E4M3FNUZ", at::kFloat8_e4m3fnuz},
    NamedType{"F8_E8M0", at::kFloat8_e8m0fnu},
};

}  // namespace

std::optional<at::ScalarType> dtype_from_name(std::string_view name) {
  const auto* found = std::ranges::find(kTypes, name, &NamedType::name);
  if (found == kTypes.end()) return std::nullopt;
  return found->type;
}

std::string dtype_name(at::ScalarType type) {
  const auto* found = std::ranges::find(kTypes, type, &NamedType::type);
  if (found == kTypes.end()) {
    throw RunError("no name for tensors of type {}: can be stored: {}", c10::toString(type),
                   dtype_names());
  }
  return std::string(found->name);
}

std::string dtype_names() {
  std::vector<std::string_view> names;
  for (const NamedType& named : kTypes) names.push_back(named.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::optional<int64_t> checked_numel(const std::vector<int64_t>& shape) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / 16;
  // A zero further on does not excuse dimensions whose product overflows: strides are products.
  int64_t nonzero = 1;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0) return std::nullopt;
    empty = empty || size == 0;
    if (size > 0 && nonzero > kMost / size) return std::nullopt;
    nonzero *= std::max<int64_t>(size, 1);
  }
  return empty ? 0 : nonzero;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

void check_booleans(const at::Tensor& tensor, std::string_view where) {
  if (tensor.scalar_type() != at::kBool) return;
  const auto* bytes = static_cast<const uint8_t*>(tensor.const_data_ptr());
  const auto* end = bytes + tensor.numel();
  const auto* wrong = std::find_if(bytes, end, [](uint8_t byte) { return byte > 1; });
  if (wrong != end) {
    throw RunError("{}: element {} is {}, expected 0 or 1 in a tensor of type BOOL", where,
                   wrong - bytes, *wrong);
  }
}

}  // namespace cq
