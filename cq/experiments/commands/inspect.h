#pragma once
#include <filesystem>
#include <optional>
#include <string>

namespace cq {

struct InspectOptions {
  std::filesystem::path file;
  bool stats = false;                        ///< minimum, maximum, mean and deviation as well
  bool json = false;                         ///< one JSON document
  std::optional<std::filesystem::path> out;  ///< the picture of a trajectory file
};

/// `cq-exp inspect FILE [--stats] [--json] [--out picture.png]`: names, types and shapes of what a
/// safetensors, torch, npz or HDF5 file holds. For a trajectory file it also draws the similarity
/// of steps to `out` (<file>.similarity.png in the current folder where nothing is given and people
/// read the output). Returns the exit code; throws RunError (naming the file) before anything is
/// printed, UsageError where `out` is given for another kind of file.
int inspect_command(const InspectOptions& options);

/// What the command prints.
std::string inspect_report(const InspectOptions& options);

}  // namespace cq
