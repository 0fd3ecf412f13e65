#pragma once
// Folders of checkpoints, as diffusers and transformers write them.
#include <array>
#include <filesystem>
#include <memory>
#include <vector>

#include "cq/base/error.h"
#include "cq/core/io/checkpoint.h"

namespace cq {

/// The checkpoints directly in a folder, each as its file or its shards: safetensors where there
/// are any, else torch files; those in half precision where there are no others. A `*.index.json`
/// says which shards belong together, and must agree with what is there. Throws RunError naming
/// the index and its entry.
std::vector<std::vector<std::filesystem::path>> checkpoints_in(const std::filesystem::path& folder);

/// Where the checkpoints of a diffusers pipeline lie: the folder itself and those below it.
inline constexpr std::array kPipelineFolders = {"", "unet", "transformer", "vae", "text_encoder"};

/// What to throw where none of these holds a checkpoint.
RunError no_checkpoint_in(const std::filesystem::path& folder);

/// All of a folder's checkpoints as one; names of those below it begin with `unet.` and so on.
std::unique_ptr<Checkpoint> open_folder_checkpoint(const std::filesystem::path& folder);

}  // namespace cq
