#include "cq/metrics/inputs.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <future>
#include <utility>

#include "cq/base/error.h"
#include "cq/base/hash.h"
#include "cq/core/io/image.h"
#include "cq/core/io/npy.h"
#include "cq/core/io/npz.h"

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

void check_features(const TensorInfo& info, const fs::path& path) {
  const auto type = dtype_from_name(info.dtype);
  if (!type || !at::isFloatingType(*type)) {
    throw UsageError("{}: features must be of a float type, got {}", path.string(), info.dtype);
  }
  if (info.shape.size() != 2 || info.shape[1] == 0) {
    throw UsageError("{}: features must be two-dimensional [samples, width], got {}", path.string(),
                     shape_text(info.shape));
  }
}

}  // namespace

at::Tensor read_feature_file(const fs::path& path) {
  if (!fs::exists(path)) throw UsageError("{}: no such file", path.string());
  const NpyFile file = NpyFile::open(path);
  check_features(file.info(), path);
  return file.tensor();
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
  } else if (path.extension() == ".npz") {
    input.open_npz();
  } else if (path.extension() == ".npy") {
    input.open_npy();
  } else {
    throw UsageError("{}: expected a folder of images, an .npz or an .npy file", path.string());
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

void EvaluationInput::open_npz() {
  kind_ = Kind::npz;
  const Npz npz = Npz::open(path_);
  samples_ = npz.contains("arr_0");
  statistics_ = npz.contains("mu") && npz.contains("sigma");
  if (!samples_ && !statistics_) {
    throw UsageError("{}: neither samples (arr_0) nor statistics (mu, sigma); it holds {}",
                     path_.string(), fmt::join(npz.names(), ", "));
  }
  if (!samples_) return;
  const TensorInfo& images = npz.info("arr_0");
  if (images.dtype != "U8" || images.shape.size() != 4 || images.shape[3] != 3) {
    throw UsageError("{}: arr_0 must be U8 [samples, height, width, 3], got {} {}", path_.string(),
                     images.dtype, shape_text(images.shape));
  }
  count_ = images.shape[0];
  if (count_ == 0) throw UsageError("{}: arr_0 holds no images", path_.string());
  labels_ = npz.contains("arr_1");
  if (labels_ && npz.info("arr_1").shape != std::vector<int64_t>{count_}) {
    throw UsageError("{}: arr_1 must hold {} labels, got shape {}", path_.string(), count_,
                     shape_text(npz.info("arr_1").shape));
  }
}

void EvaluationInput::open_npy() {
  kind_ = Kind::features;
  const NpyFile file = NpyFile::open(path_);
  check_features(file.info(), path_);
  count_ = file.info().shape[0];
}

std::string EvaluationInput::name() const {
  const fs::path last = path_.lexically_normal().filename();
  return (last.empty() ? path_.lexically_normal().parent_path().filename() : last).string();
}

std::string EvaluationInput::describe() const {
  if (kind_ == Kind::folder) return fmt::format("a folder of {} images", count_);
  if (kind_ == Kind::features) return fmt::format("features of {} samples", count_);
  return samples_ ? fmt::format("an npz of {} images", count_) : "statistics without samples";
}

at::Tensor EvaluationInput::features() const {
  return read_feature_file(path_);
}

at::Tensor EvaluationInput::labels() const {
  const at::Tensor labels = Npz::open(path_).tensor("arr_1");
  if (at::isFloatingType(labels.scalar_type())) {
    throw UsageError("{}: arr_1 must hold integer labels", path_.string());
  }
  return labels.to(at::kLong);
}

std::shared_ptr<const FeatureStatistics> EvaluationInput::statistics() const {
  const Npz npz = Npz::open(path_);
  auto result = std::make_shared<FeatureStatistics>();
  result->mean = npz.tensor("mu").to(at::kDouble);
  result->covariance = npz.tensor("sigma").to(at::kDouble);
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

int64_t EvaluationInput::each_batch(int64_t batch, bool skip_bad,
                                    const std::function<void(const Batch&)>& take) const {
  if (kind_ == Kind::npz) {
    const at::Tensor all = Npz::open(path_).tensor("arr_0");
    for (int64_t begin = 0; begin < count_; begin += batch) {
      Batch part{all.slice(0, begin, begin + batch), {}};
      for (int64_t i = 0; i < part.images.size(0); ++i) part.rows.push_back(begin + i);
      take(part);
    }
    return 0;
  }
  const auto start = [&](int64_t begin) {
    return std::async(std::launch::async, [this, begin, batch, skip_bad] {
      return decode(begin, std::min(begin + batch, count_), skip_bad);
    });
  };
  int64_t skipped = 0;
  at::Tensor first;
  std::future<Decoded> ahead = start(0);
  for (int64_t begin = 0; begin < count_; begin += batch) {
    const Decoded now = ahead.get();
    if (begin + batch < count_) ahead = start(begin + batch);
    skipped += now.skipped;
    if (!now.batch.images.defined()) continue;
    if (!first.defined()) first = now.batch.images[0].clone();
    if (now.batch.images[0].sizes() != first.sizes()) {
      throw UsageError(
          "{}: {}x{} pixels, the first image has {}x{}: images of one set must be of "
          "one size",
          files_[static_cast<size_t>(now.batch.rows.front())].string(), now.batch.images.size(2),
          now.batch.images.size(1), first.size(1), first.size(0));
    }
    take(now.batch);
  }
  return skipped;
}

std::function<at::Tensor(int64_t)> EvaluationInput::image_reader() const {
  if (kind_ == Kind::npz) {
    return [all = Npz::open(path_).tensor("arr_0")](int64_t row) { return all[row]; };
  }
  return [files = files_](int64_t row) { return read_image(files[static_cast<size_t>(row)]); };
}

}  // namespace cq
