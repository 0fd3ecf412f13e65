#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace cq {

/// What a kernel is held against: the triad's bandwidth or a peak of arithmetic.
enum class Bound { bandwidth, int16, int8 };

/// One kernel at a size that it has in a network, on all threads.
struct KernelCase {
  std::string name;
  std::string shape;  ///< for people
  Bound bound = Bound::bandwidth;
  double amount = 0;  ///< bytes, each operand read and each result written once; or operations
  std::function<void()> run;
  std::vector<std::shared_ptr<void>> buffers;  ///< that `run` works on
};

/// Every fused kernel of integer execution.
std::vector<KernelCase> kernel_cases();

/// The triad and the peak loops, in bytes and in operations.
KernelCase triad_case();
KernelCase float32_peak_case();
KernelCase int16_peak_case();

}  // namespace cq
