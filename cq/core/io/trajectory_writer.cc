#include <algorithm>
#include <map>

#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/zeros.h>

#include "cq/base/error.h"
#include "cq/core/io/atomic_file.h"
#include "cq/core/io/dtype.h"
#include "cq/core/io/hdf5_file.h"
#include "cq/core/io/printable.h"
#include "cq/core/io/trajectory.h"

namespace cq {
namespace {

constexpr hsize_t kChunkBytes = 1u << 20;
constexpr unsigned kDeflate = 1;

struct Layer {
  hdf5::Handle dataset;
  std::vector<int64_t> sample_shape;
  std::vector<int64_t> samples;     // written so far, by step
  at::Tensor count, mean, squares;  // squares: sum of squared deviations
};

void check_name(const std::string& name, const char* what) {
  const bool control = std::ranges::any_of(name, [](unsigned char c) { return c < 0x20; });
  if (name.empty() || name == "." || control || name.find('/') != std::string::npos) {
    throw UsageError("a {} cannot be named '{}' in a trajectory file", what, printable(name));
  }
}

// [sample, channel, height, width] or [sample, token, channel] -> [values, channel], float64.
at::Tensor by_channel(const at::Tensor& feature) {
  const at::Tensor last = feature.dim() == 4 ? feature.permute({0, 2, 3, 1}) : feature;
  return last.reshape({-1, last.size(-1)}).to(at::kDouble);
}

// Chan, Golub, LeVeque (1979): moments of two sets from those of each.
void add_moments(Layer& layer, int64_t step, const at::Tensor& feature) {
  const at::Tensor values = by_channel(feature);
  const auto n = static_cast<double>(values.size(0));
  if (n == 0) return;
  const at::Tensor mean = values.mean(0);
  const at::Tensor squares = (values - mean).pow(2).sum(0);
  const auto before = static_cast<double>(layer.count[step].item<int64_t>());
  const at::Tensor delta = mean - layer.mean[step];
  layer.squares[step] += squares + delta.pow(2) * (before * n / (before + n));
  layer.mean[step] += delta * (n / (before + n));
  layer.count[step] += static_cast<int64_t>(n);
}

}  // namespace

struct TrajectoryWriter::State {
  explicit State(const std::filesystem::path& path) : staged(stage_file(path)) {}

  std::unique_ptr<StagedFile> staged;
  hdf5::Handle file;
  at::ScalarType type = at::kHalf;
  int64_t steps = 0;
  std::map<std::string, Layer> layers;

  const std::filesystem::path& path() const { return staged->target(); }
  Layer& layer(const std::string& name, const at::Tensor& feature);
  void create(const std::string& name, const at::Tensor& feature, Layer& layer);
  void load(const std::string& name);
  void write(const std::string& name, Layer& layer, int64_t step, const at::Tensor& feature);
  void write_statistics(const std::string& name, const Layer& layer);
  void replace(const std::string& name, const at::Tensor& value);
};

TrajectoryWriter::TrajectoryWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
TrajectoryWriter::TrajectoryWriter(TrajectoryWriter&&) noexcept = default;

TrajectoryWriter::~TrajectoryWriter() {
  const auto guard = hdf5::lock();
  state_.reset();
}

TrajectoryWriter::TrajectoryWriter(const std::filesystem::path& path, const TrajectoryMeta& meta,
                                   const std::vector<int64_t>& timesteps, at::ScalarType type) {
  if (type != at::kHalf && type != at::kFloat) {
    throw UsageError("a trajectory is stored as float16 or float32, not as {}",
                     c10::toString(type));
  }
  if (meta.steps < 1 || static_cast<int64_t>(timesteps.size()) != meta.steps) {
    throw UsageError("a trajectory of {} steps with {} timesteps", meta.steps, timesteps.size());
  }
  const auto guard = hdf5::lock();
  state_ = std::make_unique<State>(path);
  state_->type = type;
  state_->steps = meta.steps;
  state_->file = {H5Fcreate(state_->staged->path().c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT),
                  H5Fclose};
  if (!state_->file.ok()) hdf5::fail("cannot create", path);
  const hdf5::Handle group(
      H5Gcreate2(state_->file.get(), "/meta", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
  if (!group.ok()) hdf5::fail("cannot write", path);
  hdf5::write_attribute(group.get(), "schema", std::string(kTrajectorySchema));
  hdf5::write_attribute(group.get(), "model", meta.model);
  hdf5::write_attribute(group.get(), "sampler", meta.sampler);
  hdf5::write_attribute(group.get(), "steps", meta.steps);
  hdf5::write_attribute(group.get(), "seed", meta.seed);
  hdf5::write_attribute(group.get(), "config", meta.config);
  at::Tensor steps = at::empty({meta.steps}, at::kLong);
  std::ranges::copy(timesteps, steps.mutable_data_ptr<int64_t>());
  hdf5::write_dataset(state_->file.get(), "/steps", steps, path);
}

TrajectoryWriter TrajectoryWriter::append_to(const std::filesystem::path& path) {
  const auto guard = hdf5::lock();
  std::vector<std::string> layers;
  auto state = std::make_unique<State>(path);
  {
    const TrajectoryFile existing = TrajectoryFile::open(path);
    state->steps = existing.meta().steps;
    layers = existing.layers();
  }
  std::filesystem::copy_file(path, state->staged->path());
  state->file = {H5Fopen(state->staged->path().c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose};
  if (!state->file.ok()) hdf5::fail("cannot open", path);
  for (const std::string& name : layers) state->load(name);
  return TrajectoryWriter(std::move(state));
}

void TrajectoryWriter::State::load(const std::string& name) {
  Layer& layer = layers[name];
  layer.dataset = {H5Dopen2(file.get(), ("/features/" + name).c_str(), H5P_DEFAULT), H5Dclose};
  if (!layer.dataset.ok()) hdf5::fail("cannot open", path());
  const hdf5::Handle stored(H5Dget_type(layer.dataset.get()), H5Tclose);
  type = hdf5::type_name(stored.get()) == "F16" ? at::kHalf : at::kFloat;
  const hdf5::Handle space(H5Dget_space(layer.dataset.get()), H5Sclose);
  std::vector<hsize_t> sizes(static_cast<size_t>(H5Sget_simple_extent_ndims(space.get())));
  H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr);
  layer.samples.assign(static_cast<size_t>(steps), static_cast<int64_t>(sizes[1]));
  layer.sample_shape.assign(sizes.begin() + 2, sizes.end());
  const std::string folder = "/statistics/" + name;
  layer.count = hdf5::read_dataset(file.get(), folder + "/count", path());
  layer.mean = hdf5::read_dataset(file.get(), folder + "/mean", path());
  layer.squares = hdf5::read_dataset(file.get(), folder + "/variance", path()) *
                  layer.count.to(at::kDouble).unsqueeze(1);
}

Layer& TrajectoryWriter::State::layer(const std::string& name, const at::Tensor& feature) {
  if (feature.dim() != 3 && feature.dim() != 4) {
    throw UsageError(
        "a feature of '{}' has shape {}, expected [sample, channel, height, width] or "
        "[sample, token, channel]",
        printable(name), shape_text(feature.sizes().vec()));
  }
  const auto found = layers.find(name);
  if (found == layers.end()) {
    check_name(name, "layer");
    Layer made;
    create(name, feature, made);
    return layers.emplace(name, std::move(made)).first->second;
  }
  if (feature.sizes().slice(1).vec() != found->second.sample_shape) {
    throw RunError("'{}' holds samples of shape {}, came {}", printable(name),
                   shape_text(found->second.sample_shape),
                   shape_text(feature.sizes().slice(1).vec()));
  }
  return found->second;
}

void TrajectoryWriter::State::create(const std::string& name, const at::Tensor& feature,
                                     Layer& layer) {
  layer.sample_shape = feature.sizes().slice(1).vec();
  layer.samples.assign(static_cast<size_t>(steps), 0);
  std::vector<hsize_t> sizes = {static_cast<hsize_t>(steps), 0};
  hsize_t sample_bytes = c10::elementSize(type);
  for (const int64_t size : layer.sample_shape) {
    sizes.push_back(static_cast<hsize_t>(size));
    sample_bytes *= static_cast<hsize_t>(size);
  }
  if (sample_bytes == 0) throw UsageError("a feature of '{}' is empty", printable(name));
  std::vector<hsize_t> most = sizes, chunk = sizes;
  most[1] = H5S_UNLIMITED;
  chunk[0] = 1;
  chunk[1] = std::max<hsize_t>(kChunkBytes / sample_bytes, 1);
  const auto rank = static_cast<int>(sizes.size());
  const hdf5::Handle space(H5Screate_simple(rank, sizes.data(), most.data()), H5Sclose);
  const hdf5::Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_chunk(properties.get(), rank, chunk.data());
  H5Pset_shuffle(properties.get());
  H5Pset_deflate(properties.get(), kDeflate);
  const hdf5::Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links.get(), 1);
  layer.dataset = {
      H5Dcreate2(file.get(), ("/features/" + name).c_str(), hdf5::file_type(type).get(),
                 space.get(), links.get(), properties.get(), H5P_DEFAULT),
      H5Dclose};
  if (!layer.dataset.ok()) hdf5::fail("cannot write", path());
  const int64_t channels = feature.size(feature.dim() == 4 ? 1 : 2);
  layer.count = at::zeros({steps}, at::kLong);
  layer.mean = at::zeros({steps, channels}, at::kDouble);
  layer.squares = at::zeros({steps, channels}, at::kDouble);
}

void TrajectoryWriter::State::write(const std::string& name, Layer& layer, int64_t step,
                                    const at::Tensor& feature) {
  const at::Tensor data = feature.to(type).contiguous();
  if (!at::isfinite(data).all().item<bool>()) {
    throw RunError("'{}', step {}: a value is not finite{}", printable(name), step,
                   type == at::kHalf ? " or too large for float16: store float32" : "");
  }
  int64_t& written = layer.samples[static_cast<size_t>(step)];
  const hdf5::Handle old(H5Dget_space(layer.dataset.get()), H5Sclose);
  std::vector<hsize_t> sizes(layer.sample_shape.size() + 2);
  H5Sget_simple_extent_dims(old.get(), sizes.data(), nullptr);
  std::vector<hsize_t> start(sizes.size(), 0), count = sizes;
  start[0] = static_cast<hsize_t>(step);
  start[1] = static_cast<hsize_t>(written);
  count[0] = 1;
  count[1] = static_cast<hsize_t>(data.size(0));
  sizes[1] = std::max(sizes[1], start[1] + count[1]);
  if (H5Dset_extent(layer.dataset.get(), sizes.data()) < 0) hdf5::fail("cannot write", path());
  const hdf5::Handle target(H5Dget_space(layer.dataset.get()), H5Sclose);
  H5Sselect_hyperslab(target.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
  const hdf5::Handle source(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr),
                            H5Sclose);
  const hdf5::Handle memory = hdf5::file_type(type);
  if (H5Dwrite(layer.dataset.get(), memory.get(), source.get(), target.get(), H5P_DEFAULT,
               data.const_data_ptr()) < 0) {
    hdf5::fail("cannot write", path());
  }
  written += data.size(0);
}

void TrajectoryWriter::append(const std::string& layer_name, int64_t step,
                              const at::Tensor& feature) {
  const auto guard = hdf5::lock();
  if (step < 0 || step >= state_->steps) {
    throw UsageError("step {} of a trajectory of {} steps", step, state_->steps);
  }
  const at::Tensor values = feature.cpu();
  Layer& layer = state_->layer(layer_name, values);
  if (values.size(0) == 0) return;
  state_->write(layer_name, layer, step, values);
  add_moments(layer, step, values);
}

void TrajectoryWriter::State::replace(const std::string& name, const at::Tensor& value) {
  const bool parent =
      H5Lexists(file.get(), name.substr(0, name.find('/', 1)).c_str(), H5P_DEFAULT) > 0;
  const std::string middle = name.substr(0, name.rfind('/'));
  const bool folder = parent && H5Lexists(file.get(), middle.c_str(), H5P_DEFAULT) > 0;
  if (folder && H5Lexists(file.get(), name.c_str(), H5P_DEFAULT) > 0 &&
      H5Ldelete(file.get(), name.c_str(), H5P_DEFAULT) < 0) {
    hdf5::fail("cannot write", path());
  }
  hdf5::write_dataset(file.get(), name, value, path());
}

void TrajectoryWriter::set_distance(const std::string& metric, const at::Tensor& table) {
  const auto guard = hdf5::lock();
  check_name(metric, "metric");
  if (table.dim() != 2 || table.size(0) != state_->steps || table.size(1) != state_->steps) {
    throw UsageError("a distance table of shape {} for {} steps", shape_text(table.sizes().vec()),
                     state_->steps);
  }
  state_->replace("/distance/" + metric, table.to(at::kDouble));
}

void TrajectoryWriter::State::write_statistics(const std::string& name, const Layer& layer) {
  const std::string folder = "/statistics/" + name;
  const at::Tensor divisor = layer.count.to(at::kDouble).clamp_min(1).unsqueeze(1);
  replace(folder + "/count", layer.count);
  replace(folder + "/mean", layer.mean);
  replace(folder + "/variance", layer.squares / divisor);
}

void TrajectoryWriter::commit() {
  const auto guard = hdf5::lock();
  for (auto& [name, layer] : state_->layers) {
    const auto [least, most] = std::ranges::minmax(layer.samples);
    if (least != most) {
      throw RunError("{}: '{}' has {} samples in some steps and {} in others",
                     printable(state_->path().native()), printable(name), least, most);
    }
    state_->write_statistics(name, layer);
    layer.dataset.close();
  }
  if (H5Fflush(state_->file.get(), H5F_SCOPE_LOCAL) < 0) {
    hdf5::fail("cannot write", state_->path());
  }
  if (!state_->file.close()) hdf5::fail("cannot write", state_->path());
  state_->staged->commit();
}

}  // namespace cq
