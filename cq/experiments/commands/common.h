#pragma once
// What every command takes, free of tensors so that the command line need not know them.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "cq/config/node.h"

namespace cq {

/// `--device`, `--threads`, `--json`; the log level is set by the command line itself.
struct CommonOptions {
  std::string device = "auto";  ///< auto, cpu, cuda
  int64_t threads = 0;          ///< 0: as many as the machine has
  bool json = false;
  std::string log_level = "info";
};

/// The folder of the program's config groups: CQ_CONFIGS, else `configs` of the source tree or
/// archive that the program runs from, else of its installation. Throws UsageError where there is
/// none.
std::filesystem::path config_folder();

/// A file that comes with the program, such as weights: `path` itself where it exists, else below
/// the folder that holds config_folder(). Throws UsageError naming the places that were looked at.
std::filesystem::path find_data_file(const std::filesystem::path& path);

/// Throws UsageError where one of the groups has no key or is no mapping. Before anything is
/// resolved: else what refers to a key of the group would be blamed.
void check_groups(const config::Node& config, const std::vector<std::string>& groups);

/// Throws UsageError for a key of `quant` that is set where nothing is quantized.
[[noreturn]] void refuse_unread_quant(const config::Node& value);

/// Throws UsageError where `<group>.name` is none of the group's options: reports call a cell by
/// it.
void check_option_name(const config::Node& config, const std::string& group,
                       const std::vector<std::string>& options);

/// The program's own config `primary` ("command" for configs/command.yaml) with overrides, every
/// interpolation resolved.
config::Node compose_program(const std::string& primary, const std::vector<std::string>& overrides);

/// A config file with overrides, resolved; groups are looked up beside it, then in the program's.
/// Throws UsageError for a sweep: only `run` has several cells.
config::Node compose_file(const std::filesystem::path& file,
                          const std::vector<std::string>& overrides);

/// Throws UsageError for a key of the mapping that is not in `known`, with the nearest of them.
void check_keys(const config::Node& dict, const std::vector<std::string>& known);

}  // namespace cq
