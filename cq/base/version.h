#pragma once

namespace cq {

/// Version of the program, as in CMakeLists.txt.
const char* version();

}  // namespace cq
