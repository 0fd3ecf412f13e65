#pragma once
// Stages with their keys; equal stages are one.
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cq/experiments/harness/stage.h"
#include "cq/experiments/harness/store.h"

namespace cq {

/// A stage in the graph.
struct StageNode {
  StageName name;
  int64_t version = 1;
  /// Pieces of the canonical JSON of the parameters. Stages share them: most differ in little.
  std::vector<const std::string*> params;
  std::vector<std::pair<std::string, StageId>> inputs;
  std::function<void(StageFolder&)> compute;
  StageCost cost;

  std::string params_text() const;
};

class Graph {
 public:
  Graph() = default;
  Graph(Graph&&) = default;
  Graph& operator=(Graph&&) = default;

  /// Key: SHA-256 of the canonical JSON of kind, version, params and the inputs' names and keys. A
  /// stage that is there already is returned instead of a second one. Throws UsageError for a kind
  /// that cannot name a folder, std::logic_error for inputs that are not in the graph.
  StageId add(Stage stage);

  const StageNode& at(StageId id) const { return nodes_.at(id); }
  size_t size() const { return nodes_.size(); }
  const std::vector<StageNode>& nodes() const { return nodes_; }

 private:
  std::vector<const std::string*> share(const nlohmann::ordered_json& params);

  std::vector<StageNode> nodes_;
  /// Views of the nodes' own keys.
  std::unordered_map<std::string_view, StageId> by_key_;
  std::unordered_set<std::string> pieces_;
};

}  // namespace cq
