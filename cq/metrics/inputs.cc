#include "cq/metrics/inputs.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <future>
#include <utility>

#include "cq/base/error.h"
#include "cq/base/hash.h"
#include "cq/core/io/hdf5_checkpoint.h"
#include "cq/core/io/image.h"
#include "cq/core/io/image_header.h"
#include "cq/core/io/mapped_file.h"
#include "cq/core/io/npy.h"

namespace cq {
namespace {

namespace fs = std::filesystem;

bool is_image_name(const fs::path& path) {
  static constexpr std::array<const char*, 5> kEndings = {".png", ".jpg", ".jpeg", ".webp", ".bmp"};
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

void check_rows(const TensorInfo& info, const fs::path& path, const char* what) {
  const auto type = dtype_from_name(info.dtype);
  if (!type || !at::isFloatingType(*type)) {
    throw UsageError("{}: {} must be of a float type, got {}", path.string(), what, info.dtype);
  }
  if (info.shape.size() != 2 || info.shape[1] == 0) {
    throw UsageError("{}: {} must be two-dimensional [samples, width], got {}", path.string(), what,
                     shape_text(info.shape));
  }
}

NpyFile open_rows(const fs::path& path, const char* what) {
  NpyFile file = of_readable_type([&] { return NpyFile::open(path); });
  check_rows(file.info(), path, what);
  return file;
}

}  // namespace

at::Tensor read_float_rows(const fs::path& path, const char* what) {
  if (!fs::exists(path)) throw UsageError("{}: no such file", path.string());
  return open_rows(path, what).tensor();
}

struct EvaluationInput::Decoded {
  Batch batch;
  int64_t skipped = 0;
};

EvaluationInput EvaluationInput::open(const fs::path& path) {
  EvaluationInput input;
  input.path_ = path;
  if (!fs::exists(path)) throw UsageError("{}: no such file or folder", path.string());
  if (fs::is_directory(path)) {
    input.open_folder();
  } else if (path.extension() == ".npz" || is_hdf5_file(path)) {
    input.open_arrays();
  } else if (path.extension() == ".npy") {
    input.open_npy();
  } else {
    throw UsageError("{}: expected a folder of images, an .npz, an HDF5 or an .npy file",
                     path.string());
  }
  return input;
}

void EvaluationInput::open_folder() {
  kind_ = Kind::folder;
  for (const auto& entry : fs::directory_iterator(path_)) {
    if (entry.is_regular_file() && is_image_name(entry.path())) files_.push_back(entry.path());
  }
  std::sort(files_.begin(), files_.end());
  count_ = static_cast<int64_t>(files_.size());
  if (files_.empty()) {
    throw UsageError("{}: the folder holds no images (.png, .jpg, .jpeg, .webp, .bmp)",
                     path_.string());
  }
}

void EvaluationInput::open_arrays() {
  kind_ = Kind::arrays;
  arrays_ = of_readable_type([&] { return ArrayFile::open(path_); });
  samples_ = arrays_->contains("arr_0");
  statistics_ = arrays_->contains("mu") && arrays_->contains("sigma");
  spatial_statistics_ = arrays_->contains("mu_s") && arrays_->contains("sigma_s");
  features_ = arrays_->contains("features");
  if (!samples_ && !statistics_ && !spatial_statistics_ && !features_) {
    throw UsageError(
        "{}: neither samples (arr_0) nor statistics (mu, sigma) nor features (features); it holds "
        "{}",
        path_.string(), fmt::join(arrays_->names(), ", "));
  }
  if (samples_) {
    open_samples();
  } else if (features_) {
    check_rows(arrays_->info("features"), path_, "features");
    count_ = arrays_->info("features").shape[0];
  }
}

void EvaluationInput::open_samples() {
  const TensorInfo& images = arrays_->info("arr_0");
  if (images.dtype != "U8" || images.shape.size() != 4 || images.shape[3] != 3) {
    throw UsageError("{}: arr_0 must be U8 [samples, height, width, 3], got {} {}", path_.string(),
                     images.dtype, shape_text(images.shape));
  }
  count_ = images.shape[0];
  if (count_ == 0) throw UsageError("{}: arr_0 holds no images", path_.string());
  labels_ = arrays_->contains("arr_1");
  if (labels_ && arrays_->info("arr_1").shape != std::vector<int64_t>{count_}) {
    throw UsageError("{}: arr_1 must hold {} labels, got shape {}", path_.string(), count_,
                     shape_text(arrays_->info("arr_1").shape));
  }
}

void EvaluationInput::open_npy() {
  kind_ = Kind::npy;
  features_ = true;
  count_ = open_rows(path_, "features").info().shape[0];
}

std::string EvaluationInput::name() const {
  const fs::path last = path_.lexically_normal().filename();
  return (last.empty() ? path_.lexically_normal().parent_path().filename() : last).string();
}

std::string EvaluationInput::describe() const {
  if (kind_ == Kind::folder) return fmt::format("a folder of {} images", count_);
  if (samples_) return fmt::format("a file of {} images", count_);
  return features_ ? fmt::format("features of {} samples", count_) : "statistics without samples";
}

at::Tensor EvaluationInput::features() const {
  return kind_ == Kind::npy ? read_float_rows(path_, "features") : arrays_->tensor("features");
}

at::Tensor EvaluationInput::labels() const {
  const at::Tensor labels = arrays_->tensor("arr_1");
  if (at::isFloatingType(labels.scalar_type())) {
    throw UsageError("{}: arr_1 must hold integer labels", path_.string());
  }
  return labels.to(at::kLong);
}

std::shared_ptr<const FeatureStatistics> EvaluationInput::statistics() const {
  return read_statistics("mu", "sigma");
}

std::shared_ptr<const FeatureStatistics> EvaluationInput::spatial_statistics() const {
  return read_statistics("mu_s", "sigma_s");
}

std::shared_ptr<const FeatureStatistics> EvaluationInput::read_statistics(
    const char* mean, const char* covariance) const {
  auto result = std::make_shared<FeatureStatistics>();
  result->mean = arrays_->tensor(mean).to(at::kDouble);
  result->covariance = arrays_->tensor(covariance).to(at::kDouble);
  return result;
}

std::string EvaluationInput::content_hash() const {
  if (kind_ != Kind::folder) return sha256_file(path_);
  Sha256 hash;
  for (const fs::path& file : files_) {
    hash.add(file.filename().string()).add(std::string_view("\0", 1)).add(sha256_file(file));
  }
  return hash.hex();
}

std::optional<EvaluationInput::ImageSize> EvaluationInput::check_images(bool skip_bad) const {
  if (kind_ == Kind::arrays) {
    const std::vector<int64_t>& shape = arrays_->info("arr_0").shape;
    return ImageSize{shape[1], shape[2]};
  }
  std::optional<ImageHeader> first;
  const fs::path* first_file = nullptr;
  for (const fs::path& file : files_) {
    std::optional<ImageHeader> header;
    if (fs::file_size(file) > 0) header = read_image_header(MappedFile::open(file)->bytes());
    if (!header || !header->complete) {
      if (skip_bad) continue;
      throw RunError("{}: {} (--skip-bad leaves such images out)", file.string(),
                     header ? fmt::format("the {} image is cut off", header->format)
                            : "no PNG, JPEG, WebP or BMP image, or its header is damaged");
    }
    if (!first) {
      first = header;
      first_file = &file;
    }
    if (header->width != first->width || header->height != first->height) {
      throw UsageError("{}: {}x{} pixels, {} has {}x{}: images of one set must be of one size",
                       file.string(), header->width, header->height, first_file->string(),
                       first->width, first->height);
    }
  }
  if (!first) return std::nullopt;
  return ImageSize{static_cast<int64_t>(first->height), static_cast<int64_t>(first->width)};
}

EvaluationInput::Decoded EvaluationInput::decode(int64_t begin, int64_t end, bool skip_bad) const {
  Decoded result;
  std::vector<at::Tensor> images;
  for (int64_t i = begin; i < end; ++i) {
    const fs::path& file = files_[static_cast<size_t>(i)];
    try {
      images.push_back(read_image(file));
    } catch (const RunError& error) {
      if (!skip_bad) throw RunError("{} (--skip-bad leaves such images out)", error.what());
      ++result.skipped;
      continue;
    }
    if (images.back().sizes() != images.front().sizes()) {
      throw UsageError("{}: {}x{} pixels, {} has {}x{}: images of one set must be of one size",
                       file.string(), images.back().size(1), images.back().size(0),
                       files_[static_cast<size_t>(result.batch.rows.front())].string(),
                       images.front().size(1), images.front().size(0));
    }
    result.batch.rows.push_back(i);
  }
  if (!images.empty()) result.batch.images = at::stack(images);
  return result;
}

void EvaluationInput::take_ahead(int64_t batch, const std::function<Decoded(int64_t begin)>& read,
                                 const std::function<void(const Decoded&)>& take) const {
  const auto start = [&](int64_t begin) {
    return std::async(std::launch::async, [&read, begin] { return read(begin); });
  };
  std::future<Decoded> ahead = start(0);
  for (int64_t begin = 0; begin < count_; begin += batch) {
    const Decoded now = ahead.get();
    if (begin + batch < count_) ahead = start(begin + batch);
    take(now);
  }
}

int64_t EvaluationInput::each_batch(int64_t batch, bool skip_bad,
                                    const std::function<void(const Batch&)>& take) const {
  int64_t skipped = 0;
  if (kind_ == Kind::arrays) {
    const auto reader = arrays_->rows("arr_0");
    const auto read = [&](int64_t begin) {
      Decoded part{{reader->next(batch), {}}};
      for (int64_t i = 0; i < part.batch.images.size(0); ++i) part.batch.rows.push_back(begin + i);
      return part;
    };
    take_ahead(batch, read, [&](const Decoded& part) { take(part.batch); });
    return skipped;
  }
  std::vector<int64_t> size;
  const auto read = [&](int64_t begin) {
    return decode(begin, std::min(begin + batch, count_), skip_bad);
  };
  take_ahead(batch, read, [&](const Decoded& part) {
    skipped += part.skipped;
    if (!part.batch.images.defined()) return;
    if (size.empty()) size = part.batch.images[0].sizes().vec();
    if (part.batch.images[0].sizes() != size) {
      throw UsageError(
          "{}: {}x{} pixels, the first image has {}x{}: images of one set must be of one size",
          files_[static_cast<size_t>(part.batch.rows.front())].string(), part.batch.images.size(2),
          part.batch.images.size(1), size[1], size[0]);
    }
    take(part.batch);
  });
  return skipped;
}

std::function<at::Tensor(int64_t)> EvaluationInput::image_reader() const {
  if (kind_ == Kind::arrays) {
    const std::shared_ptr<RowReader> reader = arrays_->rows("arr_0");
    return [reader](int64_t) { return reader->next(1)[0]; };
  }
  return [files = files_](int64_t row) { return read_image(files[static_cast<size_t>(row)]); };
}

}  // namespace cq
