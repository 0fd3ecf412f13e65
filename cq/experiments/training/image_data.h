#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "cq/core/tensor.h"

namespace cq {

/// Labelled images in memory.
struct ImageData {
  at::Tensor images;  ///< [N, 3, H, W] uint8
  at::Tensor labels;  ///< [N] int64
  std::vector<std::string> classes;
  int64_t size() const { return images.size(0); }
};

/// Reads split `split` ("train", "test") of a data set: a zip archive or folder with
/// <split>/<class>/<image> (classes in alphabetical order), or a safetensors file with
/// `<split>.images` and `<split>.labels`. Decoded images are kept in `cache`, unless that is empty,
/// under a name that changes with the archive or folder. Throws UsageError where there is no such
/// file or split, RunError for images of different sizes.
ImageData read_image_data(const std::filesystem::path& path, const std::string& split,
                          const std::filesystem::path& cache = {});

/// Writes splits as a safetensors file, which loads a hundred times faster than JPEG.
void write_image_data(const std::filesystem::path& path,
                      const std::vector<std::pair<std::string, ImageData>>& splits);

/// uint8 [B, 3, H, W] to float in -1..1.
at::Tensor to_unit_range(const at::Tensor& images);

}  // namespace cq
