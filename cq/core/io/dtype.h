#pragma once
// Types of stored tensors, under the names that safetensors gives them.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cq/core/tensor.h"

namespace cq {

/// What a file says about a tensor before it is read.
struct TensorInfo {
  std::string dtype;           // "F32", "BF16", "I64", ...
  std::vector<int64_t> shape;  // [] for a scalar

  bool operator==(const TensorInfo&) const = default;
};

/// "F32" -> at::kFloat; nothing for a name that no tensor can have.
std::optional<at::ScalarType> dtype_from_name(std::string_view name);

/// at::kFloat -> "F32". Throws RunError for a type that safetensors cannot hold.
std::string dtype_name(at::ScalarType type);

/// Every dtype name that can be read, for error messages.
std::string dtype_names();

/// Number of elements; nothing where a dimension is negative or the product, or its size in bytes
/// at up to 16 bytes an element, leaves int64.
std::optional<int64_t> checked_numel(const std::vector<int64_t>& shape);

/// "[2, 3]".
std::string shape_text(const std::vector<int64_t>& shape);

/// Throws RunError, beginning with `where`, if a boolean tensor holds bytes other than 0 and 1.
void check_booleans(const at::Tensor& tensor, std::string_view where);

}  // namespace cq
