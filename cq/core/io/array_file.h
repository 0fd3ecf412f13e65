#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cq/core/io/dtype.h"
#include "cq/core/tensor.h"

namespace cq {

/// Rows of an array from the first to the last, without the array in memory.
class RowReader {
 public:
  virtual ~RowReader() = default;
  /// The next min(n, rows left) rows, n > 0. Throws RunError where the file is damaged.
  virtual at::Tensor next(int64_t n) = 0;
};

/// Named arrays in an .npz or HDF5 file; names of HDF5 are paths below the root ("group/array").
class ArrayFile {
 public:
  /// Tells the format from the content. Throws RunError naming the file.
  static std::unique_ptr<ArrayFile> open(const std::filesystem::path& path);
  virtual ~ArrayFile() = default;

  virtual const std::vector<std::string>& names() const = 0;
  virtual bool contains(const std::string& name) const = 0;
  /// Throw RunError for an unknown name; tensor() also where the data is damaged.
  virtual const TensorInfo& info(const std::string& name) const = 0;
  virtual at::Tensor tensor(const std::string& name) const = 0;
  /// For arrays of at least one dimension. The reader outlives the file.
  virtual std::unique_ptr<RowReader> rows(const std::string& name) const = 0;
};

}  // namespace cq
