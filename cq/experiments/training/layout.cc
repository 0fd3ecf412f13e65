#include "cq/experiments/training/layout.h"

#include <cpuinfo.h>

namespace cq {

at::Tensor in_training_layout(const at::Tensor& images) {
  const bool tiles = cpuinfo_initialize() && cpuinfo_has_x86_amx_bf16();
  if (!images.is_cuda() && !tiles) return images;
  return images.contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace cq
