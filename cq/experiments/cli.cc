#include "cq/experiments/cli.h"

#include <fmt/core.h>

#include "cq/base/version.h"

namespace cq {

int run_command_line(int, char**) {
  fmt::print("cq-exp {}\n", version());
  return 0;
}

}  // namespace cq
