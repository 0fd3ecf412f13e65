#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cq {

/// The three fields of an .npy header, as written: {'descr': '<f4', 'fortran_order': False,
/// 'shape': (2, 3), }.
struct NpyFields {
  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;
};

/// Parses the Python literal. Throws RunError without a file name.
NpyFields parse_npy_fields(std::string_view text);

}  // namespace cq
