#pragma once
// Stages outside an experiment: computed here and now, or taken from the store.
#include "cq/base/progress.h"
#include "cq/experiments/harness/graph.h"

namespace cq {

/// Computes a stage whose inputs are complete into the store. Returns the seconds it took.
double compute_stage(const Graph& graph, StageId id, Store& store, Claim& claim, ProgressBar& bar);

/// Completes every stage of the graph. Waits for stages that another process computes. Throws what
/// a stage throws, and Interrupted.
void ensure_stages(const Graph& graph, Store& store, Progress& progress);

/// Folders of stages by name, as a StageFolder or CellFolder sees them.
NamedFolders stage_folders(const Graph& graph, const Store& store,
                           const std::vector<std::pair<std::string, StageId>>& stages);

}  // namespace cq
