#include "cq/experiments/harness/stage.h"

#include <stdexcept>

#include "cq/base/files.h"

namespace cq {

const std::filesystem::path& StageFolder::checkpoint() const {
  make_folders(checkpoint_);
  return checkpoint_;
}

const std::filesystem::path& StageFolder::input(const std::string& name) const {
  for (const auto& [known, path] : inputs_) {
    if (known == name) return path;
  }
  throw std::logic_error("a stage asked for the input '" + name + "' that it did not declare");
}

}  // namespace cq
