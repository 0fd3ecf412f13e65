#pragma once
#include "cq/experiments/commands/bench_kernel_cases.h"

namespace cq {

/// Integer products at sizes that networks have, with their ends: from codes to floats.
std::vector<KernelCase> product_cases();

/// The most that the CPU does, every thread on its own: with AMX products of tiles and nothing
/// else, elsewhere int8_product_case().
KernelCase int8_peak_case();
/// The library's bare product of operands that stay in the caches.
KernelCase int8_product_case();

}  // namespace cq
