#pragma once
#include <c10/core/Device.h>

namespace cq {

/// Waits for what has been started on `device`; nothing to wait for on the CPU.
void synchronize(const c10::Device& device);

}  // namespace cq
