#pragma once
// What every command takes, free of tensors so that the command line need not know them.
#include <cstdint>
#include <string>

namespace cq {

/// `--device`, `--threads`, `--json`; the log level is set by the command line itself.
struct CommonOptions {
  std::string device = "auto";  ///< auto, cpu, cuda
  int64_t threads = 0;          ///< 0: one a processor that the process may use
  bool json = false;
  std::string log_level = "info";
};

}  // namespace cq
