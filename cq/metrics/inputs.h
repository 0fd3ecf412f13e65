#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cq/core/tensor.h"
#include "cq/metrics/numerics/moments.h"

namespace cq {

/// One side of an evaluation, opened but not read: a folder of images (PNG, JPEG, WebP, BMP), an
/// .npz of samples (`arr_0`, labels `arr_1`) or statistics (`mu`, `sigma`), or an .npy of features.
class EvaluationInput {
 public:
  /// Recognises what `path` is. UsageError for what does not exist, for folders without images and
  /// for arrays of other shapes and types; RunError for damaged files. Every message names the
  /// file.
  static EvaluationInput open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  /// The last part of the path: what protocols name it by.
  std::string name() const;

  bool has_features() const { return kind_ == Kind::features; }
  bool has_images() const { return kind_ == Kind::folder || samples_; }
  bool has_labels() const { return labels_; }
  bool has_statistics() const { return statistics_; }
  /// "a folder of 12 images", for messages.
  std::string describe() const;

  /// Number of images or feature rows; 0 where only statistics are known.
  int64_t count() const { return count_; }

  at::Tensor features() const;  // [N, D], mapped where the file allows
  at::Tensor labels() const;    // [N] int64
  std::shared_ptr<const FeatureStatistics> statistics() const;

  /// Stems of a folder's files in order; for pairing by name. Empty for an npz.
  const std::vector<std::filesystem::path>& files() const { return files_; }

  /// SHA-256 of the file's content, or of a folder's names and contents in order of name.
  std::string content_hash() const;

  /// Images uint8 [n, h, w, 3] in batches with the indices of their rows. A folder's are decoded
  /// one batch ahead of `take`. Unreadable ones are skipped and counted where `skip_bad` (RunError
  /// naming the file otherwise); sizes that differ within a folder are a UsageError. Returns the
  /// number skipped.
  struct Batch {
    at::Tensor images;
    std::vector<int64_t> rows;
  };
  int64_t each_batch(int64_t batch, bool skip_bad,
                     const std::function<void(const Batch&)>& take) const;

  /// Gives single images uint8 [h, w, 3] by row; RunError naming the file for unreadable ones.
  std::function<at::Tensor(int64_t row)> image_reader() const;

 private:
  enum class Kind { folder, npz, features };
  void open_folder();
  void open_npz();
  void open_npy();
  struct Decoded;
  Decoded decode(int64_t begin, int64_t end, bool skip_bad) const;

  std::filesystem::path path_;
  Kind kind_ = Kind::folder;
  bool samples_ = false;
  bool labels_ = false;
  bool statistics_ = false;
  int64_t count_ = 0;
  std::vector<std::filesystem::path> files_;
};

/// A 2-D float array of a .npy file, mapped; UsageError naming the file for other shapes and types.
at::Tensor read_feature_file(const std::filesystem::path& path);

}  // namespace cq
