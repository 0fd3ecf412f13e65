#include "cq/methods/register.h"

#include "cq/methods/correct/dec.h"
#include "cq/methods/correct/direct.h"
#include "cq/methods/correct/none.h"

namespace cq {

// Defined in the method's own file.
void add_no_cache(CacheRegistry& registry);
void add_uniform_cache(CacheRegistry& registry);
void add_deepcache(CacheRegistry& registry);
void add_dps_cache(CacheRegistry& registry);
void add_delta_dit_cache(CacheRegistry& registry);

const CacheRegistry& cache_registry() {
  static const CacheRegistry registry = [] {
    CacheRegistry list("cache policy");
    add_no_cache(list);
    add_uniform_cache(list);
    add_deepcache(list);
    add_dps_cache(list);
    add_delta_dit_cache(list);
    return list;
  }();
  return registry;
}

const CorrectorRegistry& corrector_registry() {
  static const auto registry = [] {
    CorrectorRegistry r("corrector");
    r.add<NoCorrection>();
    r.add<Direct>();
    r.add<Dec>();
    return r;
  }();
  return registry;
}

}  // namespace cq
