#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cq/core/io/dtype.h"
#include "cq/core/io/mapped_file.h"
#include "cq/core/tensor.h"

namespace cq {

/// A safetensors file (https://github.com/huggingface/safetensors, "Format"): u64 little-endian
/// header length, JSON header, tensor bytes. Opening checks the whole header: offsets within the
/// file, without holes or overlaps, and in agreement with shape and type.
class SafeTensors {
 public:
  /// Throws RunError, naming file and entry, for anything that is not a valid file.
  static SafeTensors open(const std::filesystem::path& path);

  /// In the order of the header.
  const std::vector<std::string>& names() const { return names_; }
  bool contains(const std::string& name) const { return entries_.contains(name); }

  /// Throws RunError for an unknown name.
  const TensorInfo& info(const std::string& name) const;

  /// A view of the mapped file (no copy, unless the file left the tensor misaligned): it keeps the
  /// mapping alive by itself and may be written to without changing the file. Throws RunError for
  /// an unknown name and for a BOOL tensor that holds other bytes than 0 and 1.
  at::Tensor tensor(const std::string& name) const;

  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  struct Entry {
    TensorInfo info;
    at::ScalarType type;
    uint64_t begin, end;  // bytes, relative to the buffer behind the header
  };

 private:
  SafeTensors() = default;
  const Entry& entry(const std::string& name) const;

  std::shared_ptr<MappedFile> file_;
  uint64_t buffer_ = 0;  // offset of the buffer in the file
  std::vector<std::string> names_;
  std::unordered_map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

/// Writes tensors (any device, any strides) under a temporary name, then renames. The header keeps
/// the given order; the bytes are laid out by decreasing element size, so that all are aligned.
/// Throws RunError where a name occurs twice, a type cannot be stored, or writing fails (full
/// disk); then nothing is left behind.
void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace cq
