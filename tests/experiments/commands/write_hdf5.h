#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "cq/core/io/hdf5_file.h"

namespace cq::test {

inline void write_hdf5(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, at::Tensor>>& arrays) {
  const auto guard = hdf5::lock();
  const hdf5::Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                          H5Fclose);
  for (const auto& [name, array] : arrays) {
    hdf5::write_dataset(file.get(), "/" + name, array, path);
  }
}

}  // namespace cq::test
