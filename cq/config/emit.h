#pragma once
// Value trees back into YAML.
#include <string>

#include "cq/config/node.h"

namespace cq::config {

/// Block style, two spaces a level, ends with a newline. Reads back to the same values: strings
/// that YAML 1.1 or OmegaConf would read as something else are quoted.
std::string to_yaml(const Node& node);

/// The same value in one line of YAML, without a newline.
std::string to_flow(const Node& node);

/// A real number so that it reads back as the same real: "1.0", "1e-05", ".inf".
std::string yaml_real(double value);

}  // namespace cq::config
