#pragma once
// Every method of the program by name. A new method is its own file and one line in register.cc.
#include "cq/core/cache.h"
#include "cq/core/corrector.h"

namespace cq {

/// Caching policies that `cache.name` can name.
const CacheRegistry& cache_registry();
/// Correctors that `correct.name` can name.
const CorrectorRegistry& corrector_registry();

}  // namespace cq
