#include "cq/experiments/training/image_data.h"

#include <sstream>

#include "cq/base/error.h"
#include "cq/core/io/safetensors.h"

namespace cq {

namespace {

ImageData read_tensors(const std::filesystem::path& path, const std::string& split) {
  const auto file = SafeTensors::open(path);
  ImageData data{file.tensor(split + ".images"), file.tensor(split + ".labels").to(at::kLong), {}};
  const auto found = file.metadata().find("classes");
  if (found != file.metadata().end()) {
    std::istringstream names(found->second);
    for (std::string name; std::getline(names, name, ',');) data.classes.push_back(name);
  }
  if (data.images.dim() != 4 || data.images.size(1) != 3 ||
      data.labels.numel() != data.images.size(0) || data.images.scalar_type() != at::kByte) {
    throw RunError("{}: '{}.images' must be uint8 [N, 3, H, W] with as many labels", path.string(),
                   split);
  }
  return data;
}

}  // namespace

ImageData read_image_data(const std::filesystem::path& path, const std::string& split) {
  if (!std::filesystem::exists(path)) {
    throw UsageError("[data] no such file or folder: {}; set data.path", path.string());
  }
  return read_tensors(path, split);
}

void write_image_data(const std::filesystem::path& path,
                      const std::vector<std::pair<std::string, ImageData>>& splits) {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& [split, data] : splits) {
    tensors.emplace_back(split + ".images", data.images);
    tensors.emplace_back(split + ".labels", data.labels.to(at::kByte));
  }
  write_safetensors(path, tensors,
                    {{"classes", fmt::format("{}", fmt::join(splits.front().second.classes, ","))}});
}

at::Tensor to_unit_range(const at::Tensor& images) { return images.to(at::kFloat) / 127.5 - 1; }

}  // namespace cq
