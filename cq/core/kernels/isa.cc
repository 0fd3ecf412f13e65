#include "cq/core/kernels/isa.h"

#include <cstdlib>
#include <utility>

#include <hwy/highway.h>
#if HWY_ARCH_X86
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "cq/base/error.h"

namespace cq::kernels {

namespace {

constexpr const char* kNames[] = {"portable", "avx2", "avx512", "amx", "neon", "sve"};

#if HWY_ARCH_X86
bool has_vnni() {
  return __builtin_cpu_supports("avx512vnni") != 0;
}

// Compilers that know no AMX cannot name it: CPUID leaf 7 has tiles and their int8 products in
// bits 24 and 25 of EDX, and Linux must be able to save the tiles' state (feature 18).
bool has_amx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kTileInt8 = 3U << 24;
  constexpr long kSupportedStates = 0x1021;  // ARCH_GET_XCOMP_SUPP
  uint64_t states = 0;
  return (d & kTileInt8) == kTileInt8 && syscall(SYS_arch_prctl, kSupportedStates, &states) == 0 &&
         (states >> 18 & 1) != 0;
}

Isa detect() {
  const int64_t targets = hwy::SupportedTargets();
  if ((targets & HWY_AVX3) != 0) {
    return has_amx() && has_vnni() ? Isa::amx : Isa::avx512;
  }
  return (targets & HWY_AVX2) != 0 ? Isa::avx2 : Isa::portable;
}

bool exact_byte_products(Isa level) {
  return level == Isa::amx || (level == Isa::avx512 && has_vnni());
}

/// Takes the targets above the level away from the kernels' dispatch.
void limit_kernels(Isa level) {
  if (level == Isa::avx2) hwy::DisableTargets(HWY_AVX3 | HWY_AVX3_DL);
}
#else
Isa detect() {
  const int64_t targets = hwy::SupportedTargets();
  if ((targets & (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)) != 0) return Isa::sve;
  return (targets & HWY_NEON) != 0 ? Isa::neon : Isa::portable;
}

// The library's products on Arm go through the dot product instructions with 32-bit sums.
bool exact_byte_products(Isa) {
  return true;
}

void limit_kernels(Isa) {}
#endif

struct Choice {
  Isa level;
  bool forced;
};

Choice choose() {
  const char* asked = std::getenv("CQ_ISA");
  const bool forced = asked != nullptr && *asked != '\0';
  const Isa level = parse_isa(forced ? asked : "");
  if (forced) limit_kernels(level);
  return {level, forced};
}

const Choice& choice() {
  static const Choice chosen = choose();
  return chosen;
}

}  // namespace

Isa best_isa() {
  static const Isa best = detect();
  return best;
}

Isa parse_isa(const std::string& text) {
  if (text.empty()) return best_isa();
  for (const Isa level : {Isa::avx2, Isa::avx512, Isa::amx}) {
    if (text != isa_name(level)) continue;
    if (best_isa() <= Isa::amx && level <= best_isa()) return level;
    throw UsageError("[isa] CQ_ISA={}: this CPU lacks it (its best: {}); leave CQ_ISA unset", text,
                     isa_name(best_isa()));
  }
  throw UsageError("[isa] CQ_ISA='{}': expected avx2, avx512 or amx", text);
}

const char* isa_name(Isa level) {
  return kNames[size_t(level)];
}

Isa isa() {
  return choice().level;
}

bool isa_is_forced() {
  return choice().forced;
}

bool has_exact_byte_products() {
  return exact_byte_products(isa());
}

const char* product_isa_limit() {
  if (!isa_is_forced()) return nullptr;
  switch (isa()) {
    case Isa::avx2:
      return "AVX2";
    case Isa::avx512:
      return "AVX512_CORE_FP16";
    case Isa::amx:
    case Isa::portable:
    case Isa::neon:
    case Isa::sve:
      break;
  }
  return nullptr;
}

const char* kernel_target() {
  isa();
  const int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(targets & -targets);
}

}  // namespace cq::kernels
