#pragma once
#include <string>

namespace cq {

/// What this program was built from and with.
struct BuildInfo {
  std::string version;     ///< as in CMakeLists.txt, for instance "0.1.0"
  std::string revision;    ///< full git commit; empty when built outside a git checkout
  bool dirty;              ///< sources or configs differed from that commit
  std::string compiler;    ///< for instance "GNU 12.2.0"
  std::string build_type;  ///< CMake's: Release, Debug, ...
};

const BuildInfo& build_info();

/// Version of the program, as in CMakeLists.txt.
const char* version();

/// One line for `--version`: "cq-exp 0.1.0 (1a2b3c4d5e6f, modified; GNU 12.2.0, Release)".
std::string version_line(const BuildInfo& info = build_info());

}  // namespace cq
