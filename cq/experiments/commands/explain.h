#pragma once
#include <string>

#include "cq/core/executor.h"
#include "cq/core/network.h"

namespace cq {

/// A line for each layer of a network: its name, its kind, and what the executor runs it as.
std::string explain(const Network& network, const LayerExecutor& executor);

}  // namespace cq
