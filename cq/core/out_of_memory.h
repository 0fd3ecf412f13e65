#pragma once
// libtorch's ways to say that memory ran out, which share a class with its other errors.
#include <exception>

namespace cq {

/// c10::OutOfMemoryError (a GPU's allocator), and c10::Error of the CPU's allocator, of the CUDA
/// driver and of its libraries where their text says that memory could not be had. Memory that
/// other processes hold may be free soon. A shape or a type that does not fit is no such error.
bool is_out_of_memory(const std::exception& error) noexcept;

}  // namespace cq
