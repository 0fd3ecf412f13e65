#pragma once
// What the machine can do, to hold kernels against.
#include <cstdint>

namespace cq::kernels {

/// a = b + factor c over `count` floats (STREAM's triad): 12 bytes of traffic an element.
void triad(float* a, const float* b, const float* c, float factor, int64_t count);

/// Runs `rounds` rounds of independent multiply-adds in registers and returns a value that depends
/// on all of them. peak_operations() is what one round counts (a multiply-add is two).
enum class PeakKind { float32, int16 };
float peak_loop(PeakKind kind, int64_t rounds);
int64_t peak_operations(PeakKind kind);

}  // namespace cq::kernels
