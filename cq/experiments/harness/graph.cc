#include "cq/experiments/harness/graph.h"

#include <algorithm>
#include <stdexcept>

#include "cq/base/error.h"
#include "cq/base/hash.h"
#include "cq/base/json.h"

namespace cq {
namespace {

bool names_a_folder(const std::string& kind) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  return !kind.empty() && kind.find_first_not_of(allowed) == std::string::npos;
}

}  // namespace

StageId Graph::add(Stage stage) {
  if (!names_a_folder(stage.kind)) {
    throw UsageError("stage kind '{}': expected lower-case letters, digits, '_' and '-'",
                     stage.kind);
  }
  nlohmann::json inputs = nlohmann::json::object();
  for (const auto& [name, id] : stage.inputs) {
    if (id >= nodes_.size()) {
      throw std::logic_error("stage " + stage.kind + ": the input '" + name +
                             "' is not in the graph");
    }
    if (!inputs.emplace(name, nodes_[id].name.key).second) {
      throw std::logic_error("stage " + stage.kind + ": two inputs are named '" + name + "'");
    }
  }
  // The parts of {inputs, kind, params, version} are canonical already: joined in sorted order they
  // are the canonical JSON of the whole.
  StageNode node{
      {stage.kind, ""},         stage.version, canonical_json(stage.params), stage.inputs,
      std::move(stage.compute), stage.cost};
  node.name.key =
      sha256(fmt::format(R"({{"inputs":{},"kind":"{}","params":{},"version":{}}})",
                         canonical_json(inputs), stage.kind, node.params, stage.version));
  const auto [it, fresh] = by_key_.try_emplace(node.name.key, nodes_.size());
  if (fresh) nodes_.push_back(std::move(node));
  return it->second;
}

}  // namespace cq
