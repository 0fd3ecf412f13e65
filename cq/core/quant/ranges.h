#pragma once
#include <array>
#include <string>
#include <vector>

#include "cq/core/quant/integer_attention.h"
#include "cq/core/quant/quantizer.h"
#include "cq/core/quant/simulated.h"

namespace cq {

/// The calibrated ranges of `key` at every step. Throws RunError naming the layer where they are
/// missing, or where a scale is not a positive normal float32.
std::vector<QuantRange> read_ranges(const Calibration& calibration, const std::string& key);

/// Of every attention of the network, by its id: the ranges of q, k, v and the softmax's output.
/// Throws RunError as above.
std::vector<std::array<std::vector<QuantRange>, 4>> read_attention_ranges(
    const Network& network, const Calibration& calibration);
/// One attention's at a step.
AttentionRanges attention_ranges(const std::array<std::vector<QuantRange>, 4>& ranges,
                                 const QuantParameters& quant, int64_t step);

/// Scales and zero points of a side of a weight [O], where the weight is. Throws RunError as above.
WeightRanges read_weight_ranges(const Calibration& calibration, const Unit& unit, int64_t side);

/// `codes.<unit>.<side>`: where a calibration holds the codes of a weight too (packed checkpoints),
/// u8 in the shape of the weight, or, of 4 bits and less, [O, ceil(rest / 2)] as pack_int4 gives.
std::string codes_key(const Unit& unit, int64_t side);
/// Two codes to a byte along each row, the first in the low half.
at::Tensor pack_int4(const at::Tensor& codes);
/// [R, n] bytes -> [R, 2 n] codes.
at::Tensor unpack_int4(const at::Tensor& pairs);
/// The codes of a side's weight, where it is: the calibration's, else made from the weight. Throws
/// RunError naming the layer where they do not fit.
at::Tensor weight_codes(const Calibration& calibration, const Unit& unit, int64_t side,
                        const WeightRanges& ranges, int64_t bits);

}  // namespace cq
