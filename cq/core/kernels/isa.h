#pragma once
// The instruction set that kernels and library products run on, in one place.
#include <string>

namespace cq::kernels {

/// In ascending order on x86. `portable` is what every CPU of the architecture has; on Arm
/// `neon` or `sve`.
enum class Isa { portable, avx2, avx512, amx, neon, sve };

/// The level in force: the best the CPU has, or the one that CQ_ISA=avx2|avx512|amx asks for. The
/// variable is read once, at the first call, which also sets what the kernels dispatch to; the
/// program calls it before it starts anything. Throws UsageError for an unknown name and where the
/// CPU (or the operating system) lacks the level.
Isa isa();
/// "avx512", as CQ_ISA spells it.
const char* isa_name(Isa level);
inline const char* isa_name() {
  return isa_name(isa());
}

/// The best level of the CPU, CQ_ISA aside.
Isa best_isa();
/// The level that `text`, a value of CQ_ISA, names; empty: the best. Throws as isa().
Isa parse_isa(const std::string& text);
/// Whether CQ_ISA forced isa().
bool isa_is_forced();

/// Whether u8 x s8 products with exact 32-bit sums (VNNI, AMX; on Arm the dot product or I8MM
/// instructions) may be used at isa(): without them a library's products saturate in 16 bits.
bool has_exact_byte_products();

/// What ONEDNN_MAX_CPU_ISA must be for the library's products to keep to a forced isa(); null
/// where nothing need be set. It has to be in the environment before the library's first use.
const char* product_isa_limit();

/// Name of the instruction set that kernels dispatch to, for instance "AVX3".
const char* kernel_target();

}  // namespace cq::kernels
