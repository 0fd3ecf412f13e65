#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace cq {

struct ConvertOptions {
  std::filesystem::path in;   ///< safetensors, torch (zip or legacy), npz, HDF5, or a folder
  std::filesystem::path out;  ///< safetensors, or a folder for a pipeline
  /// layout=compvis|diffusers, head_channels=32; or quant=w8a8, model=NAME: a packed checkpoint.
  std::vector<std::string> overrides;
};

/// `cq-exp convert IN OUT`: the same tensors, names and types as safetensors; views become
/// contiguous. With `layout`, under the names of an LDM checkpoint or of diffusers; several
/// networks in diffusers' layout become a folder OUT of one file each. Returns the exit code.
/// Throws RunError naming the file and the tensor; then OUT is as it was before.
int convert_command(const ConvertOptions& options);

}  // namespace cq
