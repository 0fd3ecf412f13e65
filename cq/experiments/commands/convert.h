#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace cq {

struct ConvertOptions {
  std::filesystem::path in;            ///< safetensors, torch (zip or legacy), npz or HDF5
  std::filesystem::path out;           ///< safetensors
  std::vector<std::string> overrides;  ///< quant=w8a8, model=NAME: a packed integer checkpoint
};

/// `cq-exp convert IN OUT`: the same tensors, names and types as safetensors; views become
/// contiguous. Returns the exit code. Throws RunError naming the file and the tensor; then OUT is
/// as it was before.
int convert_command(const ConvertOptions& options);

}  // namespace cq
