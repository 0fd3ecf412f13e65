#pragma once
#include <string>

#include "cq/experiments/commands/common.h"

namespace cq {

struct ListOptions {
  CommonOptions common;
  std::string kind;       ///< empty: the names of all kinds
  std::string name;       ///< empty: all of the kind
  bool markdown = false;  ///< as the page docs/reference.md
};

/// `cq-exp list [KIND] [NAME]`: what is registered, with parameters, defaults, bounds and paper.
int list_command(const ListOptions& options);

}  // namespace cq
