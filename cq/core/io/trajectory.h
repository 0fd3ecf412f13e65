#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cq/core/tensor.h"

namespace cq {

/// The attributes of /meta.
struct TrajectoryMeta {
  std::string model, sampler;
  int64_t steps = 0;
  int64_t seed = 0;
  std::string config;  // the resolved configuration, YAML
};

/// /statistics/<layer>, each [step, channel] but for the count [step]: moments over samples and
/// positions, float64, of the values before they were rounded to the type of the file.
struct TrajectoryMoments {
  at::Tensor count, mean, variance;  // variance divides by the count
};

/// Writes a trajectory file (HDF5) under a temporary name; commit() moves it into place.
///   /meta               attributes schema, model, sampler, steps, seed, config
///   /steps              int64 [step], the timesteps
///   /features/<layer>   [step, sample, channel, height, width] or [step, sample, token, channel]
///   /statistics/<layer> count, mean, variance
///   /distance/<metric>  float64 [step, step]
/// Features are chunked by step, shuffled and deflated. Samples come in batches of any size.
class TrajectoryWriter {
 public:
  /// `type` is at::kHalf or at::kFloat. Throws UsageError for another type or where `timesteps` has
  /// not meta.steps entries, StorageError where the file cannot be made.
  TrajectoryWriter(const std::filesystem::path& path, const TrajectoryMeta& meta,
                   const std::vector<int64_t>& timesteps, at::ScalarType type);

  /// Goes on with a complete file: on a copy, which replaces it on commit().
  static TrajectoryWriter append_to(const std::filesystem::path& path);

  TrajectoryWriter(TrajectoryWriter&&) noexcept;
  ~TrajectoryWriter();

  /// Adds samples [sample, channel, height, width] or [sample, token, channel] to a step of a
  /// layer. Throws RunError (layer, step) for values that are not finite or do not fit float16, and
  /// for a shape that differs from what the layer holds; StorageError for a full disk.
  void append(const std::string& layer, int64_t step, const at::Tensor& feature);

  /// Writes or replaces a table [step, step].
  void set_distance(const std::string& metric, const at::Tensor& table);

  /// Throws RunError where a layer has not the same number of samples in every step.
  void commit();

 private:
  struct State;
  explicit TrajectoryWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Reads a trajectory file, in slices where it is larger than memory.
class TrajectoryFile {
 public:
  /// Throws RunError naming the file where it is damaged or has another schema.
  static TrajectoryFile open(const std::filesystem::path& path);

  TrajectoryFile(TrajectoryFile&&) noexcept;
  ~TrajectoryFile();

  const TrajectoryMeta& meta() const;
  const std::vector<int64_t>& timesteps() const;
  const std::vector<std::string>& layers() const;
  const std::vector<std::string>& metrics() const;

  /// [step, sample, ...]. This and the following throw RunError for an unknown name.
  std::vector<int64_t> shape(const std::string& layer) const;

  /// Samples [first, last) of a step as the file holds them: float16 or float32 [sample, ...].
  at::Tensor read(const std::string& layer, int64_t step, int64_t first, int64_t last) const;

  TrajectoryMoments moments(const std::string& layer) const;
  at::Tensor distance(const std::string& metric) const;

 private:
  struct State;
  explicit TrajectoryFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Whether the file is HDF5 with a /meta that names this schema.
bool is_trajectory(const std::filesystem::path& path);

inline constexpr const char* kTrajectorySchema = "cq-trajectory-1";

}  // namespace cq
