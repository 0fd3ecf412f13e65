#pragma once
#include <filesystem>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cq/core/io/dtype.h"
#include "cq/core/io/npy.h"
#include "cq/core/io/zip_archive.h"
#include "cq/core/tensor.h"

namespace cq {

/// An .npz file: a zip of .npy arrays, stored or deflated.
class Npz {
 public:
  /// Throws RunError (naming file and member) where a member is no readable array.
  static Npz open(const std::filesystem::path& path);

  /// Without their ".npy", in the order of the file.
  const std::vector<std::string>& names() const { return names_; }
  bool contains(const std::string& name) const { return infos_.contains(name); }

  /// Throw RunError for an unknown name; tensor() also where the CRC does not match.
  const TensorInfo& info(const std::string& name) const;
  at::Tensor tensor(const std::string& name) const;
  /// The header of the member `<name>.npy`.
  NpyHeader header(const std::string& name) const;

 private:
  explicit Npz(ZipArchive zip) : zip_(std::move(zip)) {}

  ZipArchive zip_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, TensorInfo> infos_;
};

/// Writes the arrays in order, under a temporary name first. Equal arrays give equal bytes (no time
/// stamps). Throws RunError as write_npy and where the disk is full.
void write_npz(const std::filesystem::path& path,
               const std::vector<std::pair<std::string, at::Tensor>>& arrays,
               bool compressed = false);

}  // namespace cq
