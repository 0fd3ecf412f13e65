#include "cq/methods/register.h"

#include "cq/methods/correct/dec.h"
#include "cq/methods/correct/direct.h"
#include "cq/methods/correct/none.h"

namespace cq {

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
