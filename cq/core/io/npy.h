#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cq/base/error.h"
#include "cq/core/io/dtype.h"
#include "cq/core/io/mapped_file.h"
#include "cq/core/tensor.h"

namespace cq {

/// An array of a type that cannot be read (complex128, text, objects), where nothing says that the
/// file is damaged.
class NpyTypeError : public RunError {
 public:
  using RunError::RunError;
};

/// The header of an array in NumPy's .npy format, versions 1 to 3 (numpy.lib.format). long double
/// is what x86 has (80 bits in 16 or 12 bytes) and is read as float64, rounded to nearest.
struct NpyHeader {
  TensorInfo info;
  at::ScalarType type;  // that it is read as
  size_t width;         // bytes of an element in the file
  bool swapped;         // the bytes are big-endian
  bool fortran;         // the first index runs fastest
  size_t data;          // offset of the first element
  size_t data_size;     // bytes of all elements
};

/// Reads the header at the start of `bytes` (which need not hold the data). Throws RunError that
/// begins with `where`: structured arrays are refused, other types that cannot be read as
/// NpyTypeError.
NpyHeader parse_npy_header(std::span<const uint8_t> bytes, const std::string& where);

/// An array in a .npy file, mapped: only what is asked for is read, so that files larger than
/// memory can be read row by row.
class NpyFile {
 public:
  /// Throws RunError naming the file; also where the file is shorter or longer than its array.
  static NpyFile open(const std::filesystem::path& path);

  const TensorInfo& info() const { return header_.info; }

  /// The whole array in C order; native, C-ordered data is not copied.
  at::Tensor tensor() const;

  /// Elements begin <= i < end of the first dimension, of shape [end - begin, ...].
  at::Tensor rows(int64_t begin, int64_t end) const;

 private:
  std::shared_ptr<MappedFile> file_;
  NpyHeader header_;
};

at::Tensor read_npy(const std::filesystem::path& path);

/// The array in the bytes of a whole .npy file that `keep_alive` owns.
at::Tensor parse_npy(std::span<uint8_t> bytes, const std::shared_ptr<void>& keep_alive,
                     const std::string& where);

/// Magic and header, padded to 64 bytes (version 1, C order, little-endian). Throws RunError for a
/// type that NumPy does not have.
std::string npy_header_text(const at::Tensor& tensor);

void write_npy(const std::filesystem::path& path, const at::Tensor& tensor);

}  // namespace cq
