#include "cq/core/io/hdf5_checkpoint.h"

#include "cq/base/error.h"
#include "cq/core/io/hdf5_file.h"
#include "cq/core/io/printable.h"

namespace cq {
namespace {

// As of single data sets (hdf5_file.cc): whoever reads all of them must have memory for them.
constexpr double kHarmless = 256u << 20;
constexpr double kMostExpansion = 100;

double stated_bytes(const TensorInfo& info) {
  const auto type = dtype_from_name(info.dtype);
  double bytes = type ? double(c10::elementSize(*type)) : 0;
  for (const int64_t size : info.shape) bytes *= double(size);
  return bytes;
}

}  // namespace

struct Hdf5Checkpoint::State {
  std::filesystem::path path;
  hdf5::Handle file;
};

Hdf5Checkpoint::Hdf5Checkpoint(std::unique_ptr<State> state) : state_(std::move(state)) {}
Hdf5Checkpoint::Hdf5Checkpoint(Hdf5Checkpoint&&) noexcept = default;

Hdf5Checkpoint::~Hdf5Checkpoint() {
  const auto guard = hdf5::lock();
  state_.reset();
}

Hdf5Checkpoint Hdf5Checkpoint::open(const std::filesystem::path& path) {
  const auto guard = hdf5::lock();
  auto state = std::make_unique<State>();
  state->path = path;
  state->file = hdf5::open_for_reading(path);
  Hdf5Checkpoint result(std::move(state));
  double bytes = 0;
  for (const hdf5::Dataset& set : hdf5::list_datasets(result.state_->file.get(), path)) {
    const std::string name = set.path.substr(1);
    result.names_.push_back(name);
    result.infos_.emplace(name, set.info);
    bytes += stated_bytes(set.info);
  }
  const auto held = std::filesystem::file_size(path);
  if (bytes > kHarmless && bytes / kMostExpansion > double(held)) {
    throw RunError("{}: its data sets take {:.0f} bytes from a file of {}",
                   printable(path.native()), bytes, held);
  }
  return result;
}

const TensorInfo& Hdf5Checkpoint::info(const std::string& name) const {
  const auto found = infos_.find(name);
  if (found == infos_.end()) {
    throw RunError("{}: holds no data set '{}'", printable(state_->path.native()), printable(name));
  }
  return found->second;
}

at::Tensor Hdf5Checkpoint::tensor(const std::string& name) const {
  info(name);
  const auto guard = hdf5::lock();
  return hdf5::read_dataset(state_->file.get(), "/" + name, state_->path);
}

bool is_hdf5_file(const std::filesystem::path& path) {
  return hdf5::is_hdf5(path);
}

}  // namespace cq
