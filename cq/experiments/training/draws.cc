#include "cq/experiments/training/draws.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

namespace cq {

at::Generator step_generator(const at::Device& device, uint64_t seed, int64_t step) {
  const uint64_t key = seed * 7919 + uint64_t(step);
  if (!device.is_cuda()) return at::detail::createCPUGenerator(key);
  auto generator = at::detail::getCUDAHooks().getNewGenerator(device.index());
  generator.set_current_seed(key);
  return generator;
}

at::Tensor draw_uniform(at::IntArrayRef shape, at::Generator& generator) {
  return at::rand(shape, generator, at::TensorOptions(at::kFloat).device(generator.device()));
}

at::Tensor draw_normal(at::IntArrayRef shape, at::Generator& generator) {
  return at::randn(shape, generator, at::TensorOptions(at::kFloat).device(generator.device()));
}

ImageData on_device(const ImageData& data, const at::Device& device) {
  return {data.images.to(device), data.labels.to(device), data.classes};
}

at::Tensor indices_on(const at::Device& device, const std::vector<int64_t>& indices) {
  // Safe without waiting: CUDA takes a copy of pageable memory before it returns.
  return at::tensor(indices, at::kLong).to(at::TensorOptions(device), /*non_blocking=*/true);
}

}  // namespace cq
