#pragma once
#include "cq/experiments/commands/convert.h"

namespace cq {

/// Whether overrides ask for a packed integer checkpoint: any of them names `quant`.
bool wants_packing(const std::vector<std::string>& overrides);

/// `cq-exp convert IN OUT quant=w8a8 model=NAME ...`: IN's network with integer weights, and the
/// ranges, schedule and corrections that `sample` with the same groups would estimate.
int convert_packed(const ConvertOptions& options);

}  // namespace cq
