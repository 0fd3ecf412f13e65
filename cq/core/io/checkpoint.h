#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cq/core/io/dtype.h"
#include "cq/core/tensor.h"

namespace cq {

/// Named tensors in a file, whatever its format.
class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  /// "safetensors", "torch", "npz" or "hdf5".
  virtual std::string format() const = 0;
  virtual const std::vector<std::string>& names() const = 0;
  virtual bool contains(const std::string& name) const = 0;

  /// Throw RunError for an unknown name; tensor() also where the file is damaged there.
  virtual const TensorInfo& info(const std::string& name) const = 0;
  virtual at::Tensor tensor(const std::string& name) const = 0;
};

/// Opens a safetensors file, a torch checkpoint (zip or legacy), an npz or an HDF5 file, recognised
/// by its first bytes and not by its name, or the checkpoints of a folder (checkpoint_folder.h).
/// Throws RunError naming the file.
std::unique_ptr<Checkpoint> open_checkpoint(const std::filesystem::path& path);

}  // namespace cq
