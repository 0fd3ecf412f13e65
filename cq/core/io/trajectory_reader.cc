#include <algorithm>

#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/core/io/dtype.h"
#include "cq/core/io/hdf5_file.h"
#include "cq/core/io/printable.h"
#include "cq/core/io/trajectory.h"

namespace cq {

struct TrajectoryFile::State {
  std::filesystem::path path;
  hdf5::Handle file;
  TrajectoryMeta meta;
  std::vector<int64_t> timesteps;
  std::vector<std::string> layers, metrics;
  std::vector<hdf5::Dataset> datasets;

  [[noreturn]] void fail(const std::string& what) const {
    throw RunError("{}: {}", printable(path.native()), what);
  }

  const hdf5::Dataset* find(const std::string& name) const {
    const auto found = std::ranges::find(datasets, name, &hdf5::Dataset::path);
    return found == datasets.end() ? nullptr : &*found;
  }

  const hdf5::Dataset& dataset(const std::string& name) const {
    const hdf5::Dataset* found = find(name);
    if (found == nullptr) fail(fmt::format("holds no '{}'", printable(name)));
    return *found;
  }

  at::Tensor read(const std::string& name, const std::string& dtype,
                  const std::vector<int64_t>& shape) const {
    const TensorInfo& info = dataset(name).info;
    const bool fits = info.dtype == dtype && info.shape.size() == shape.size() &&
                      std::ranges::equal(info.shape, shape, [](int64_t is, int64_t should) {
                        return should == kAnySize || is == should;
                      });
    if (!fits) {
      fail(fmt::format("'{}' is {} {}, expected {} of {} steps", printable(name), info.dtype,
                       shape_text(info.shape), dtype, meta.steps));
    }
    return hdf5::read_dataset(file.get(), name, path);
  }

  void read_meta();
  void read_contents();

  static constexpr int64_t kAnySize = -1;
};

void TrajectoryFile::State::read_meta() {
  const hdf5::Handle group(H5Gopen2(file.get(), "/meta", H5P_DEFAULT), H5Gclose);
  if (!group.ok()) fail("no trajectory file: it has no /meta");
  const std::string schema = hdf5::read_text_attribute(group.get(), "schema", path);
  if (schema != kTrajectorySchema) {
    fail(fmt::format("schema '{}', expected '{}'", printable(schema), kTrajectorySchema));
  }
  meta.model = hdf5::read_text_attribute(group.get(), "model", path);
  meta.sampler = hdf5::read_text_attribute(group.get(), "sampler", path);
  meta.steps = hdf5::read_integer_attribute(group.get(), "steps", path);
  meta.seed = hdf5::read_integer_attribute(group.get(), "seed", path);
  meta.config = hdf5::read_text_attribute(group.get(), "config", path);
}

void TrajectoryFile::State::read_contents() {
  datasets = hdf5::list_datasets(file.get(), path);
  const at::Tensor steps = read("/steps", "I64", {meta.steps});
  timesteps.assign(steps.const_data_ptr<int64_t>(),
                   steps.const_data_ptr<int64_t>() + steps.numel());
  constexpr std::string_view kFeatures = "/features/", kDistance = "/distance/";
  for (const hdf5::Dataset& set : datasets) {
    if (set.path.starts_with(kFeatures)) {
      const auto& [dtype, shape] = set.info;
      const bool rank = shape.size() == 4 || shape.size() == 5;
      if (!rank || shape[0] != meta.steps || (dtype != "F16" && dtype != "F32")) {
        fail(fmt::format("'{}' is {} {}, expected floats [step, sample, ...] of {} steps",
                         printable(set.path), dtype, shape_text(shape), meta.steps));
      }
      layers.push_back(set.path.substr(kFeatures.size()));
    } else if (set.path.starts_with(kDistance)) {
      metrics.push_back(set.path.substr(kDistance.size()));
    }
  }
}

TrajectoryFile::TrajectoryFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
TrajectoryFile::TrajectoryFile(TrajectoryFile&&) noexcept = default;

TrajectoryFile::~TrajectoryFile() {
  const auto guard = hdf5::lock();
  state_.reset();
}

TrajectoryFile TrajectoryFile::open(const std::filesystem::path& path) {
  const auto guard = hdf5::lock();
  auto state = std::make_unique<State>();
  state->path = path;
  state->file = hdf5::open_for_reading(path);
  state->read_meta();
  state->read_contents();
  return TrajectoryFile(std::move(state));
}

const TrajectoryMeta& TrajectoryFile::meta() const {
  return state_->meta;
}
const std::vector<int64_t>& TrajectoryFile::timesteps() const {
  return state_->timesteps;
}
const std::vector<std::string>& TrajectoryFile::layers() const {
  return state_->layers;
}
const std::vector<std::string>& TrajectoryFile::metrics() const {
  return state_->metrics;
}

std::vector<int64_t> TrajectoryFile::shape(const std::string& layer) const {
  return state_->dataset("/features/" + layer).info.shape;
}

at::Tensor TrajectoryFile::read(const std::string& layer, int64_t step, int64_t first,
                                int64_t last) const {
  const auto guard = hdf5::lock();
  const std::vector<int64_t> sizes = shape(layer);
  if (step < 0 || step >= sizes[0] || first < 0 || first > last || last > sizes[1]) {
    state_->fail(fmt::format("'{}' of shape {} has no step {}, samples {} to {}", printable(layer),
                             shape_text(sizes), step, first, last));
  }
  hdf5::Slice slice;
  slice.start.assign(sizes.size(), 0);
  slice.count.assign(sizes.begin(), sizes.end());
  slice.start[0] = static_cast<hsize_t>(step);
  slice.start[1] = static_cast<hsize_t>(first);
  slice.count[0] = 1;
  slice.count[1] = static_cast<hsize_t>(last - first);
  return hdf5::read_dataset(state_->file.get(), "/features/" + layer, state_->path, &slice)
      .squeeze(0);
}

TrajectoryMoments TrajectoryFile::moments(const std::string& layer) const {
  const auto guard = hdf5::lock();
  const std::string folder = "/statistics/" + layer;
  const int64_t steps = state_->meta.steps;
  return {state_->read(folder + "/count", "I64", {steps}),
          state_->read(folder + "/mean", "F64", {steps, State::kAnySize}),
          state_->read(folder + "/variance", "F64", {steps, State::kAnySize})};
}

at::Tensor TrajectoryFile::distance(const std::string& metric) const {
  const auto guard = hdf5::lock();
  return state_->read("/distance/" + metric, "F64", {state_->meta.steps, state_->meta.steps});
}

bool is_trajectory(const std::filesystem::path& path) {
  const auto guard = hdf5::lock();
  if (!hdf5::is_hdf5(path)) return false;
  const hdf5::Handle file = hdf5::open_for_reading(path);
  const hdf5::Handle group(H5Gopen2(file.get(), "/meta", H5P_DEFAULT), H5Gclose);
  return group.ok() && H5Aexists(group.get(), "schema") > 0;
}

}  // namespace cq
