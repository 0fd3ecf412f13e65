#pragma once
// The power-law schedules of DeepCache (CVPR 2024, arXiv 2312.00858), reproduced digit for digit.
#include "cq/core/schedule.h"

namespace cq {

struct CentredPower {
  double power = 1.4;   ///< p, lowered by 0.02 until the schedule has ceil(T/N) groups
  int64_t center = 15;  ///< c, the step around which groups are shortest
};

/// Stable Diffusion's schedule: with k = ceil(T/N), x = linspace((-c)^(1/p), (T-c)^(1/p), k+1) and
/// I = [0] + [v + c for v in unique(trunc(x^p))[1:-1]]. The root of -c is the complex one and the
/// real part of x^p is what is truncated. Throws UsageError when p falls to 1 with no fit.
Schedule deepcache_quad_schedule(int64_t steps, int64_t interval, const CentredPower& params);

/// LDM's form without centre: x = linspace(0, T^(1/p), k+1), I = unique(trunc(x^p))[:-1]. Where
/// steps coincide after truncation the schedule has fewer than ceil(T/N) groups.
Schedule ldm_quad_schedule(int64_t steps, int64_t interval, double power);

}  // namespace cq
