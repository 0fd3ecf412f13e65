#include "cq/experiments/setup/program_files.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "cq/base/error.h"
#include "cq/config/nearest.h"

namespace fs = std::filesystem;

namespace cq {

namespace {

/// Files and folders beside `path`, named as it is.
std::vector<std::string> neighbours(const fs::path& path) {
  std::vector<std::string> files;
  std::error_code ignored;
  const auto folder = path.parent_path();
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, ignored)) {
    files.push_back((folder / entry.path().filename()).string());
  }
  return files;
}

}  // namespace

fs::path config_folder() {
  if (const char* named = std::getenv("CQ_CONFIGS"); named != nullptr && *named != '\0') {
    if (!fs::is_directory(named)) throw UsageError("CQ_CONFIGS='{}' is not a folder", named);
    return fs::absolute(named).lexically_normal();
  }
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
  // Archive and build tree, portable program in the build tree, installation.
  for (const char* place : {"../configs", "../../configs", "../share/cq-exp/configs"}) {
    const auto folder = (program / place).lexically_normal();
    if (fs::exists(folder / "command.yaml")) return folder;
  }
  throw UsageError("no folder `configs` of this program near {}; set CQ_CONFIGS to it",
                   program.string());
}

fs::path find_data_file(const fs::path& path) {
  if (fs::exists(path)) return path;
  if (path.is_absolute()) {
    throw UsageError("no such file: {}{}", path.string(),
                     config::did_you_mean(path.string(), neighbours(path)));
  }
  const auto beside = config_folder().parent_path() / path;
  if (fs::exists(beside)) return beside;
  auto near = neighbours(path);
  for (const auto& file : neighbours(beside)) {
    near.push_back((path.parent_path() / fs::path(file).filename()).string());
  }
  throw UsageError("no such file: {} (nor {}){}", path.string(), beside.string(),
                   config::did_you_mean(path.string(), near));
}

}  // namespace cq
