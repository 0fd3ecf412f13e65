#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace cq {

/// Prompts of a file, in order, by its ending:
///   .json  COCO captions: the first caption of each image, in order of the images; or a list of
///          texts
///   .tsv   the column `Prompt` (PartiPrompts), tab-separated with a line of names
///   other  a text a line; empty lines are left out
/// Throws UsageError naming file and line where it has another form or holds no prompt.
std::vector<std::string> read_prompts(const std::filesystem::path& file);

}  // namespace cq
