#include "cq/core/io/crc32.h"

#include <algorithm>

#include <zlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cq {
namespace {

uint32_t crc32_zlib(std::span<const uint8_t> bytes, uint32_t crc) {
  while (!bytes.empty()) {
    const auto n = std::min<size_t>(bytes.size(), 1u << 30);
    crc = static_cast<uint32_t>(::crc32(crc, bytes.data(), static_cast<uInt>(n)));
    bytes = bytes.subspan(n);
  }
  return crc;
}

#if defined(__x86_64__)

#define CQ_CLMUL __attribute__((target("pclmul,sse4.1")))

CQ_CLMUL inline __m128i load(const uint8_t* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

/// x times the two constants of k, plus the next 16 bytes.
CQ_CLMUL inline __m128i fold(__m128i x, __m128i k, __m128i next) {
  const __m128i low = _mm_clmulepi64_si128(x, k, 0x00), high = _mm_clmulepi64_si128(x, k, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/// From 128 bits to the remainder, by Barrett's method.
CQ_CLMUL uint32_t reduce(__m128i x, __m128i k3k4) {
  const __m128i mask = _mm_setr_epi32(~0, 0, ~0, 0);
  const __m128i k5 = _mm_set_epi64x(0, 0x0163cd6124),
                poly = _mm_set_epi64x(0x01f7011641, 0x01db710641);
  x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, k3k4, 0x10));
  x = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(x, mask), k5, 0x00), _mm_srli_si128(x, 4));
  __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(x, mask), poly, 0x10);
  quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, mask), poly, 0x00);
  return static_cast<uint32_t>(_mm_extract_epi32(_mm_xor_si128(x, quotient), 1));
}

/// Gopal et al. 2009, "Fast CRC computation for generic polynomials using PCLMULQDQ": four lanes of
/// 16 bytes are folded over 64. `size`: a multiple of 16, at least 64.
CQ_CLMUL uint32_t crc32_folding(const uint8_t* at, size_t size) {
  const __m128i k1k2 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
  const __m128i k3k4 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
  __m128i x0 = _mm_xor_si128(load(at), _mm_cvtsi32_si128(-1)), x1 = load(at + 16);
  __m128i x2 = load(at + 32), x3 = load(at + 48);
  for (at += 64, size -= 64; size >= 64; at += 64, size -= 64) {
    x0 = fold(x0, k1k2, load(at));
    x1 = fold(x1, k1k2, load(at + 16));
    x2 = fold(x2, k1k2, load(at + 32));
    x3 = fold(x3, k1k2, load(at + 48));
  }
  __m128i x = fold(fold(fold(x0, k3k4, x1), k3k4, x2), k3k4, x3);
  for (; size >= 16; at += 16, size -= 16) x = fold(x, k3k4, load(at));
  return ~reduce(x, k3k4);
}

#undef CQ_CLMUL

bool folds() {
  return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

#endif

}  // namespace

uint32_t crc32(std::span<const uint8_t> bytes) {
#if defined(__x86_64__)
  constexpr size_t kLane = 16, kLeast = 64;
  if (bytes.size() >= kLeast && folds()) {
    const size_t head = bytes.size() / kLane * kLane;
    return crc32_zlib(bytes.subspan(head), crc32_folding(bytes.data(), head));
  }
#endif
  return crc32_zlib(bytes, 0);
}

}  // namespace cq
