#include "cq/core/samplers/ancestral.h"
#include "cq/core/samplers/ddim.h"
#include "cq/core/samplers/ddpm.h"
#include "cq/core/samplers/dpmpp_2m.h"
#include "cq/core/samplers/plms.h"
#include "cq/core/samplers/unipc.h"

namespace cq {

const config::Registry<Sampler, const Diffusion&>& sampler_registry() {
  static const auto registry = [] {
    config::Registry<Sampler, const Diffusion&> r("sampler");
    r.add<Ddim>();
    r.add<Ddpm>();
    r.add<Plms>();
    r.add<Ancestral>();
    r.add<DpmSolver>();
    r.add<UniPc>();
    return r;
  }();
  return registry;
}

}  // namespace cq
