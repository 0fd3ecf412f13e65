#include "cq/core/io/npy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/core/io/atomic_file.h"
#include "cq/core/io/npy_header.h"
#include "cq/core/io/printable.h"

namespace cq {
namespace {

// Complex numbers are two swapped halves.
void swap_bytes(uint8_t* data, size_t bytes, at::ScalarType type) {
  const size_t width = c10::elementSize(type) / (c10::isComplexType(type) ? 2 : 1);
  for (size_t i = 0; i + width <= bytes; i += width) std::reverse(data + i, data + i + width);
}

class NotExtended : public RunError {
 public:
  NotExtended(const std::string& where, int64_t element)
      : RunError(
            "{}: element {} is no 80-bit number of x86; long doubles of other machines cannot "
            "be read, save the array as float64",
            where, element) {}
};

// The value of an 80-bit extended number (Intel SDM 1, 4.2.2; little-endian): 64 bits of
// significand, the leading one among them, 15 bits of exponent biased by 16383, the sign. Nothing
// where the leading bit contradicts the exponent: no sum or product leaves such bits, but the 128
// bits of other machines do. (Numbers below 3.4e-4932 would, too.)
std::optional<double> from_extended(const uint8_t* bytes) {
  uint64_t significand = 0;
  for (int i = 7; i >= 0; --i) significand = significand << 8 | bytes[i];
  const int exponent = (bytes[9] & 0x7f) << 8 | bytes[8];
  if (exponent == 0 ? significand != 0 : significand >> 63 == 0) return std::nullopt;
  constexpr int kInfinite = 0x7fff;
  double value = 0;
  if (exponent == kInfinite) {
    value = significand << 1 == 0 ? std::numeric_limits<double>::infinity()
                                  : std::numeric_limits<double>::quiet_NaN();
  } else {
    value = std::ldexp(static_cast<double>(significand), exponent - 16383 - 63);
  }
  return bytes[9] & 0x80 ? -value : value;
}

// `bytes` [..., width], contiguous: each element's bytes in the file's order.
at::Tensor widen_extended(const at::Tensor& bytes, bool swapped, const std::string& where) {
  const auto width = static_cast<size_t>(bytes.size(-1));
  const at::Tensor result = at::empty(bytes.sizes().slice(0, static_cast<size_t>(bytes.dim()) - 1),
                                      at::TensorOptions().dtype(at::kDouble));
  auto* data = bytes.mutable_data_ptr<uint8_t>();
  auto* out = result.mutable_data_ptr<double>();
  bool padding_alone = false;  // round numbers of 128 bits have nothing where x86 has everything
  bool any = false;
  for (int64_t i = 0; i < result.numel(); ++i, data += width) {
    if (swapped) std::reverse(data, data + width);
    const auto value = from_extended(data);
    if (!value) throw NotExtended(where, i);
    out[i] = *value;
    any = any || *value != 0;
    padding_alone = padding_alone || std::any_of(data + 10, data + width, std::identity());
  }
  if (padding_alone && !any) throw NotExtended(where, 0);
  return result;
}

// Rows [begin, end) of the array whose first element is at `data`.
at::Tensor view_rows(const NpyHeader& header, uint8_t* data,
                     const std::shared_ptr<void>& keep_alive, int64_t begin, int64_t end,
                     const std::string& where) {
  std::vector<int64_t> shape = header.info.shape;
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t k = 0; k < shape.size(); ++k) {
    const size_t i = header.fortran ? k : shape.size() - 1 - k;
    strides[i] = stride;
    stride *= shape[i];
  }
  const size_t width = header.width;
  const bool extended = width != c10::elementSize(header.type);
  if (!shape.empty()) {
    data += static_cast<size_t>(begin * strides[0]) * width;
    shape[0] = end - begin;
  }
  const auto options = at::TensorOptions().dtype(header.type);
  if (*checked_numel(shape) == 0) return at::empty(shape, options);

  at::Tensor result;
  if (!extended && reinterpret_cast<uintptr_t>(data) % width == 0) {
    result = at::from_blob(
        data, shape, strides, [keep_alive](void*) {}, options);
    if (!result.is_contiguous()) result = result.contiguous();
    if (header.swapped && result.data_ptr() == data) result = result.clone();
  } else {
    // Elements that start at odd addresses must not be touched as numbers: move them as bytes.
    shape.push_back(static_cast<int64_t>(width));
    for (int64_t& step : strides) step *= static_cast<int64_t>(width);
    strides.push_back(1);
    result = at::from_blob(
        data, shape, strides, [keep_alive](void*) {}, at::kByte);
    result = result.clone(at::MemoryFormat::Contiguous);
    if (extended) return widen_extended(result, header.swapped, where);
    result = result.view(header.type).squeeze(-1);
  }
  if (header.swapped) {
    swap_bytes(static_cast<uint8_t*>(result.data_ptr()), result.nbytes(), header.type);
  }
  check_booleans(result, where);
  return result;
}

void check_size(const NpyHeader& header, size_t bytes, const std::string& where) {
  const size_t available = bytes - header.data;
  if (available == header.data_size) return;
  throw RunError("{}: {} of shape {} needs {} bytes after the header, there are {}", where,
                 header.info.dtype, shape_text(header.info.shape), header.data_size, available);
}

}  // namespace

NpyFile NpyFile::open(const std::filesystem::path& path) {
  NpyFile result;
  result.file_ = MappedFile::open(path);
  const std::string where = printable(path.native());
  result.header_ = parse_npy_header(result.file_->bytes(), where);
  check_size(result.header_, result.file_->size(), where);
  return result;
}

at::Tensor NpyFile::tensor() const {
  return view_rows(header_, file_->data() + header_.data, file_, 0,
                   header_.info.shape.empty() ? 1 : header_.info.shape[0],
                   printable(file_->path().native()));
}

at::Tensor NpyFile::rows(int64_t begin, int64_t end) const {
  const std::string where = printable(file_->path().native());
  if (header_.info.shape.empty() || begin < 0 || begin > end || end > header_.info.shape[0]) {
    throw RunError("{}: rows {} to {} of an array of shape {}", where, begin, end,
                   shape_text(header_.info.shape));
  }
  return view_rows(header_, file_->data() + header_.data, file_, begin, end, where);
}

at::Tensor read_npy(const std::filesystem::path& path) {
  return NpyFile::open(path).tensor();
}

at::Tensor parse_npy(std::span<uint8_t> bytes, const std::shared_ptr<void>& keep_alive,
                     const std::string& where) {
  const NpyHeader header = parse_npy_header(bytes, where);
  check_size(header, bytes.size(), where);
  return view_rows(header, bytes.data() + header.data, keep_alive, 0,
                   header.info.shape.empty() ? 1 : header.info.shape[0], where);
}

void write_npy(const std::filesystem::path& path, const at::Tensor& tensor) {
  const at::Tensor bytes = tensor.cpu().contiguous();
  const std::string header = npy_header_text(bytes);
  AtomicFile file(path);
  file.write(header);
  if (bytes.numel() > 0) file.write(bytes.const_data_ptr(), bytes.nbytes());
  file.commit();
}

}  // namespace cq
