#pragma once
// Files that come with the program, wherever it is installed.
#include <filesystem>

namespace cq {

/// The folder of the program's config groups: CQ_CONFIGS, else `configs` of the source tree or
/// archive that the program runs from, else of its installation. Throws UsageError where there is
/// none.
std::filesystem::path config_folder();

/// A file that comes with the program, such as weights: `path` itself where it exists, else below
/// the folder that holds config_folder(). Throws UsageError naming the places that were looked at.
std::filesystem::path find_data_file(const std::filesystem::path& path);

}  // namespace cq
