#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cq/base/error.h"
#include "cq/core/io/array_file.h"
#include "cq/core/io/npy.h"
#include "cq/core/tensor.h"
#include "cq/metrics/numerics/moments.h"

namespace cq {

/// One side of an evaluation, opened but not read: a folder of images (PNG, JPEG, WebP, BMP), an
/// .npz or HDF5 file of samples (`arr_0`, labels `arr_1`) or statistics (`mu`, `sigma`, and `mu_s`,
/// `sigma_s` of sFID), an .npy of features, or an HDF5 file of them (`features`).
class EvaluationInput {
 public:
  /// Recognises what `path` is. UsageError for what does not exist, for folders without images and
  /// for arrays of other shapes and types; RunError for damaged files. Every message names the
  /// file.
  static EvaluationInput open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  /// The last part of the path: what protocols name it by.
  std::string name() const;

  bool has_features() const { return features_; }
  bool has_images() const { return kind_ == Kind::folder || samples_; }
  bool has_labels() const { return labels_; }
  bool has_statistics() const { return statistics_; }
  bool has_spatial_statistics() const { return spatial_statistics_; }
  /// "a folder of 12 images", for messages.
  std::string describe() const;

  /// Number of images or feature rows; 0 where only statistics are known.
  int64_t count() const { return count_; }

  at::Tensor features() const;  // [N, D], mapped where the file allows
  at::Tensor labels() const;    // [N] int64
  std::shared_ptr<const FeatureStatistics> statistics() const;
  std::shared_ptr<const FeatureStatistics> spatial_statistics() const;

  /// A folder's files in order of name; for pairing by name. Empty for an npz.
  const std::vector<std::filesystem::path>& files() const { return files_; }

  /// SHA-256 of the file's content, or of a folder's names and contents in order of name.
  std::string content_hash() const;

  struct ImageSize {
    int64_t height = 0;
    int64_t width = 0;
  };
  /// Looks at the headers of the images, before a network spends hours on them, and gives their
  /// size; nothing where a folder holds none that can be read. UsageError where sizes differ;
  /// RunError naming the file where one is no image or cut off, unless `skip_bad`.
  std::optional<ImageSize> check_images(bool skip_bad) const;

  /// Images uint8 [n, h, w, 3] in batches with the indices of their rows, read and decoded one
  /// batch ahead of `take`; never more than two batches are in memory. Unreadable ones are skipped
  /// and counted where `skip_bad` (RunError naming the file otherwise); sizes that differ within a
  /// folder are a UsageError. Returns the number skipped.
  struct Batch {
    at::Tensor images;
    std::vector<int64_t> rows;
  };
  int64_t each_batch(int64_t batch, bool skip_bad,
                     const std::function<void(const Batch&)>& take) const;

  /// Gives single images uint8 [h, w, 3] by row, which must be 0, 1, 2, ... unless this is a
  /// folder; RunError naming the file for unreadable ones.
  std::function<at::Tensor(int64_t row)> image_reader() const;

 private:
  enum class Kind { folder, arrays, npy };
  void open_folder();
  void open_arrays();
  void open_samples();
  void open_npy();
  struct Decoded;
  Decoded decode(int64_t begin, int64_t end, bool skip_bad) const;
  void take_ahead(int64_t batch, const std::function<Decoded(int64_t begin)>& read,
                  const std::function<void(const Decoded&)>& take) const;
  std::shared_ptr<const FeatureStatistics> read_statistics(const char* mean,
                                                           const char* covariance) const;

  std::filesystem::path path_;
  Kind kind_ = Kind::folder;
  std::shared_ptr<const ArrayFile> arrays_;
  bool features_ = false;
  bool samples_ = false;
  bool labels_ = false;
  bool statistics_ = false;
  bool spatial_statistics_ = false;
  int64_t count_ = 0;
  std::vector<std::filesystem::path> files_;
};

/// `open()`, which reads a user's .npy or .npz: a type that no array here can have is a UsageError,
/// for the file is sound.
template <class Open>
auto of_readable_type(const Open& open) {
  try {
    return open();
  } catch (const NpyTypeError& error) {
    throw UsageError(std::string(error.what()));
  }
}

/// A 2-D float array of a .npy file, mapped; UsageError naming the file, and `what` its rows are
/// ("features"), for other shapes and types.
at::Tensor read_float_rows(const std::filesystem::path& path, const char* what);

}  // namespace cq
