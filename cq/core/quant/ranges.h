#pragma once
#include <string>
#include <vector>

#include "cq/core/quant/quantizer.h"
#include "cq/core/quant/simulated.h"

namespace cq {

/// The calibrated ranges of `key` at every step. Throws RunError naming the layer where they are
/// missing, or where a scale is not a positive normal float32.
std::vector<QuantRange> read_ranges(const Calibration& calibration, const std::string& key);

/// Scales and zero points of a side of a weight [O]. Throws RunError as above.
WeightRanges read_weight_ranges(const Calibration& calibration, const Unit& unit, int64_t side);

}  // namespace cq
