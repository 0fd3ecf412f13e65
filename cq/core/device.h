#pragma once
#include <string>

#include <c10/core/Device.h>

namespace cq {

/// Until a GPU has done everything that it was asked for; what the CPU does is done. Throws what
/// libtorch throws where a kernel went wrong.
void synchronize(const c10::Device& device);

/// Of the hardware: the CPU's or GPU's model, where it can be had; else libtorch's name.
std::string hardware_name(const c10::Device& device);

}  // namespace cq
