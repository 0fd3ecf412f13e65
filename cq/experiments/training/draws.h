#pragma once
// What a step of a training draws: images and random numbers, on the device that computes it.
#include <vector>

#include "cq/experiments/training/image_data.h"

namespace cq {

/// A generator on `device` whose numbers depend on seed and step alone, so that a resumed run draws
/// the same. A CPU and a GPU draw different ones.
at::Generator step_generator(const at::Device& device, uint64_t seed, int64_t step);

/// Uniform in [0, 1) and standard normal float32, on the generator's device.
at::Tensor draw_uniform(at::IntArrayRef shape, at::Generator& generator);
at::Tensor draw_normal(at::IntArrayRef shape, at::Generator& generator);

/// The data set in the memory of `device`: batches are gathered there.
ImageData on_device(const ImageData& data, const at::Device& device);

/// Indices as int64 [n] on `device`, which is not waited for.
at::Tensor indices_on(const at::Device& device, const std::vector<int64_t>& indices);

}  // namespace cq
