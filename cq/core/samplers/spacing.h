#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cq/core/diffusion.h"

namespace cq {

/// Ways to choose S of the T timesteps of training, i = 0 .. S - 1 from clean to noisy:
///   ldm       1 + i T/S          the LDM code; S must divide T
///   even      i T/S              the DDIM code; S must divide T
///   quad      int((sqrt(0.8 T) i / (S - 1))^2)     the DDIM code for CIFAR-10; may repeat
///   trailing  round(T - (S - 1 - i) T/S) - 1       Lin et al. 2024, arXiv 2305.08891, table 2
///   leading   1 + (i + 1) int(T / (S + 1))         diffusers' multistep solvers in SD pipelines
///   linspace  round((i + 1) (T - 1) / S)           diffusers' multistep solvers alone
///   respaced  round(i (T - 1) / (S - 1))           improved diffusion, DiT
/// Noisiest first; halves are rounded to even. Throws UsageError where S does not divide T but must
/// (the reference would make more steps than asked), or is above T.
std::vector<int64_t> spaced_timesteps(const std::string& spacing, int64_t training, int64_t steps);

/// alpha_bar where each step starts and where it leads.
struct StepGrid {
  std::vector<int64_t> timesteps;
  std::vector<double> alpha, alpha_next;
};

/// The last step leads to alpha_bar[0] (`final`: first) or to the clean sample, 1 (one).
StepGrid make_step_grid(const Diffusion& diffusion, const std::string& spacing, int64_t steps,
                        const std::string& final);

}  // namespace cq
