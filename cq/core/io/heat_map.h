#pragma once
#include <string>
#include <vector>

#include "cq/core/tensor.h"

namespace cq {

/// A square table as a picture: rows and columns labelled with their index, a title above, a colour
/// bar with `low` and `high` beside it.
struct HeatMap {
  std::string title;
  std::string axis;   // what the index counts: "step"
  at::Tensor values;  // float [n, n]; NaN is drawn grey
  double low = 0, high = 1;
};

/// uint8 [height, width, 3], RGB, the panels below each other.
at::Tensor draw_heat_maps(const std::vector<HeatMap>& panels);

}  // namespace cq
