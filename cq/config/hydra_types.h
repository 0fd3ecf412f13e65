#pragma once
#include "cq/config/node.h"

namespace cq::config {

/// Throws UsageError for a value below `hydra` that Hydra's own structured config does not take:
/// a mode that is none, a mapping where a text belongs. Interpolations and ??? may stand anywhere.
/// `own_sweeper`: hydra/sweeper is Hydra's basic one, whose keys have types too.
void check_hydra_types(const Node& config, bool own_sweeper);

/// Whether hydra.mode asks for a sweep.
bool hydra_mode_sweeps(const Node& config);

}  // namespace cq::config
