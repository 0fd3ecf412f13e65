#pragma once
#include <string>

#include "cq/experiments/commands/bench_executions.h"

namespace cq {

/// A line for each layer of a full step: its share of time, operations a second, and what it runs
/// as; the slowest first.
std::string layer_report(const BenchSetting& setting, const Executor& executor, int64_t rounds);

}  // namespace cq
