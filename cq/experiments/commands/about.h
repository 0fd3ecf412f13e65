#pragma once
#include <string>

namespace cq {

/// What `--version` prints: the build, and whether its CUDA kernels are there and have a GPU.
std::string about_text();

}  // namespace cq
