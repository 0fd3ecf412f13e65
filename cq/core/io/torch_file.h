#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cq/core/io/dtype.h"
#include "cq/core/io/pickle.h"
#include "cq/core/tensor.h"

namespace cq {

/// Where the storages of a torch file lie: members of a zip, or parts of a legacy stream.
class TorchStorages {
 public:
  virtual ~TorchStorages() = default;

  /// Size of the storage in bytes. Throws RunError for an unknown key.
  virtual uint64_t bytes(const std::string& key) const = 0;

  /// The whole storage as uint8 [bytes], aligned for the elements of its tensors.
  virtual at::Tensor read(const std::string& key) const = 0;
};

/// A checkpoint written by torch.save, as a zip (torch 1.6 and later) or as the stream before that.
/// Nothing in it is executed (pickle.h). Tensors may lie in nested dicts, lists and tuples: their
/// names are joined by dots; everything that is no tensor is skipped. CUDA storages are read as
/// any other.
class TorchFile {
 public:
  /// Reads the structure, no weights. Throws RunError naming the file, and the tensor or global.
  static TorchFile open(const std::filesystem::path& path);

  const std::vector<std::string>& names() const { return names_; }
  bool contains(const std::string& name) const { return tensors_.contains(name); }

  /// Throw RunError for an unknown name; tensor() also where the file is damaged there (CRC).
  const TensorInfo& info(const std::string& name) const;
  /// Contiguous, on the CPU, and independent of the storage it was a view of.
  at::Tensor tensor(const std::string& name) const;

 private:
  struct Entry {
    TensorInfo info;
    PickledTensor source;
  };

  explicit TorchFile(std::filesystem::path path) : path_(std::move(path)) {}
  void add_tensors(const PickledValue& root, uint64_t file_bytes);
  const Entry& entry(const std::string& name) const;

  std::filesystem::path path_;
  std::shared_ptr<const TorchStorages> storages_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, Entry> tensors_;
};

}  // namespace cq
