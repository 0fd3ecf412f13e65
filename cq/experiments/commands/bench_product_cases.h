#pragma once
#include "cq/experiments/commands/bench_kernel_cases.h"

namespace cq {

/// Integer products at sizes that networks have, with their ends: from codes to floats.
std::vector<KernelCase> product_cases();

/// The engine's bare product of operands that stay in the caches, every thread on its own.
KernelCase int8_peak_case();

}  // namespace cq
