#include "cq/experiments/training/image_data.h"

#include <algorithm>
#include <map>
#include <memory>
#include <sstream>

#include <ATen/ops/tensor.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/hash.h"
#include "cq/core/io/image.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/io/zip_archive.h"
#include "cq/core/parallel.h"

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

/// Image files under names <split>/<class>/<image>.
class ImageFiles {
 public:
  virtual ~ImageFiles() = default;
  virtual std::vector<std::string> names() const = 0;
  virtual at::Tensor decode(const std::string& name) const = 0;
  /// Changes whenever an image does.
  virtual std::string digest() const = 0;
  virtual std::string description() const = 0;
};

class ZippedImages : public ImageFiles {
 public:
  explicit ZippedImages(const std::filesystem::path& path) : zip_(ZipArchive::open(path)) {}
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& member : zip_.members()) names.push_back(member.name);
    return names;
  }
  at::Tensor decode(const std::string& name) const override {
    return decode_image(zip_.read(name), fmt::format("{}:{}", description(), name));
  }
  std::string digest() const override { return sha256_file(zip_.path()); }
  std::string description() const override { return zip_.path().string(); }

 private:
  ZipArchive zip_;
};

class FolderImages : public ImageFiles {
 public:
  explicit FolderImages(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder_)) {
      if (file.is_regular_file()) names.push_back(file.path().lexically_relative(folder_).string());
    }
    return names;
  }
  at::Tensor decode(const std::string& name) const override { return read_image(folder_ / name); }
  std::string digest() const override {
    auto sorted = names();
    std::sort(sorted.begin(), sorted.end());
    Sha256 hash;
    for (const auto& name : sorted) {
      const auto file = folder_ / name;
      const auto written = std::filesystem::last_write_time(file).time_since_epoch().count();
      hash.add(fmt::format("{} {} {}\n", name, std::filesystem::file_size(file), written));
    }
    return hash.hex();
  }
  std::string description() const override { return folder_.string(); }

 private:
  std::filesystem::path folder_;
};

std::unique_ptr<ImageFiles> open_images(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) return std::make_unique<FolderImages>(path);
  if (is_zip(path)) return std::make_unique<ZippedImages>(path);
  throw UsageError("[data] {} is neither a folder, a zip archive nor a safetensors file",
                   path.string());
}

/// Names of the split's images by class, both in alphabetical order.
std::map<std::string, std::vector<std::string>> classes_of(const ImageFiles& files,
                                                           const std::string& split) {
  std::map<std::string, std::vector<std::string>> classes;
  const std::string prefix = split + "/";
  for (const auto& name : files.names()) {
    const size_t slash = name.find('/', prefix.size());
    if (!name.starts_with(prefix) || slash == std::string::npos || name.back() == '/') continue;
    classes[name.substr(prefix.size(), slash - prefix.size())].push_back(name);
  }
  if (classes.empty()) {
    throw UsageError("[data] {} holds no images {}/<class>/<image>", files.description(), split);
  }
  for (auto& [name, images] : classes) std::sort(images.begin(), images.end());
  return classes;
}

ImageData decode_split(const ImageFiles& files, const std::string& split) {
  std::vector<std::string> names, classes;
  std::vector<int64_t> labels;
  for (const auto& [label, images] : classes_of(files, split)) {
    names.insert(names.end(), images.begin(), images.end());
    labels.insert(labels.end(), images.size(), int64_t(classes.size()));
    classes.push_back(label);
  }
  const auto first = files.decode(names.front());
  const int64_t n = int64_t(names.size()), height = first.size(0), width = first.size(1);
  auto out = at::empty({n, 3, height, width}, at::kByte);
  parallel_for(0, n, 256, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto image = files.decode(names[size_t(i)]);
      if (image.sizes() != first.sizes()) {
        throw RunError("{}: {} is {} x {} pixels, the first image {} x {}", files.description(),
                       names[size_t(i)], image.size(1), image.size(0), width, height);
      }
      out[i].copy_(image.permute({2, 0, 1}));
    }
  });
  return {out, at::tensor(labels, at::kLong), classes};
}

}  // namespace

ImageData read_image_data(const std::filesystem::path& path, const std::string& split,
                          const std::filesystem::path& cache) {
  if (!std::filesystem::exists(path)) {
    throw UsageError("[data] no such file or folder: {}; set data.path", path.string());
  }
  if (path.extension() == ".safetensors") return read_tensors(path, split);
  const auto source = open_images(path);
  if (cache.empty()) return decode_split(*source, split);
  const auto kept = cache / fmt::format("{}-{}.safetensors", source->digest().substr(0, 16), split);
  if (!std::filesystem::exists(kept))
    write_image_data(kept, {{split, decode_split(*source, split)}});
  return read_tensors(kept, split);
}

void write_image_data(const std::filesystem::path& path,
                      const std::vector<std::pair<std::string, ImageData>>& splits) {
  if (path.has_parent_path()) make_folders(path.parent_path());
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& [split, data] : splits) {
    tensors.emplace_back(split + ".images", data.images);
    tensors.emplace_back(split + ".labels", data.labels.to(at::kInt));
  }
  write_safetensors(
      path, tensors,
      {{"classes", fmt::format("{}", fmt::join(splits.front().second.classes, ","))}});
}

at::Tensor to_unit_range(const at::Tensor& images) {
  return images.to(at::kFloat) / 127.5 - 1;
}

}  // namespace cq
