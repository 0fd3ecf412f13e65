#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cq/core/io/dtype.h"
#include "cq/core/tensor.h"

namespace cq {

/// The data sets of an HDF5 file as named tensors ("features/mid"). Data sets of other types than
/// numbers are listed, and refused when read.
class Hdf5Checkpoint {
 public:
  /// Throws RunError naming the file.
  static Hdf5Checkpoint open(const std::filesystem::path& path);

  Hdf5Checkpoint(Hdf5Checkpoint&&) noexcept;
  ~Hdf5Checkpoint();

  const std::vector<std::string>& names() const { return names_; }
  bool contains(const std::string& name) const { return infos_.contains(name); }

  /// Throw RunError for an unknown name; tensor() also where the data is damaged.
  const TensorInfo& info(const std::string& name) const;
  at::Tensor tensor(const std::string& name) const;

 private:
  struct State;
  explicit Hdf5Checkpoint(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, TensorInfo> infos_;
};

bool is_hdf5_file(const std::filesystem::path& path);

}  // namespace cq
