#pragma once
#include <memory>
#include <utility>

#include "cq/core/io/torch_file.h"

namespace cq {

struct TorchParts {
  std::shared_ptr<Pickle> pickle;  // the saved object
  std::shared_ptr<const TorchStorages> storages;
};

/// <dir>/data.pkl and the members of <dir>/data/ of a zip. Throws RunError; the pickle's errors
/// come without the file's name.
TorchParts open_torch_zip(const std::filesystem::path& path);

/// The stream of torch before 1.6: magic number, version, system, object, keys, storages.
TorchParts open_torch_legacy(const std::filesystem::path& path);

}  // namespace cq
