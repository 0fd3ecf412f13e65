#include "cq/experiments/harness/graph.h"

#include <algorithm>
#include <map>
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
  const std::string params = canonical_json(stage.params);
  std::string key = sha256(fmt::format(R"({{"inputs":{},"kind":"{}","params":{},"version":{}}})",
                                       canonical_json(inputs), stage.kind, params, stage.version));
  if (const auto known = by_key_.find(key); known != by_key_.end()) return known->second;
  stage.inputs.shrink_to_fit();
  nodes_.push_back({{stage.kind, std::move(key)},
                    stage.version,
                    share(stage.params),
                    std::move(stage.inputs),
                    std::move(stage.compute),
                    stage.cost});
  by_key_.emplace(nodes_.back().name.key, nodes_.size() - 1);
  return nodes_.size() - 1;
}

std::vector<const std::string*> Graph::share(const nlohmann::ordered_json& params) {
  const auto piece = [this](std::string text) { return &*pieces_.insert(std::move(text)).first; };
  if (!params.is_object() || params.empty()) return {piece(canonical_json(params))};
  std::map<std::string_view, const nlohmann::ordered_json*> sorted;
  for (auto it = params.cbegin(); it != params.cend(); ++it) sorted.emplace(it.key(), &*it);
  std::vector<const std::string*> pieces;
  pieces.reserve(sorted.size());
  for (const auto& [key, value] : sorted) {
    std::string text(1, pieces.empty() ? '{' : ',');
    append_json_string(text, key);
    text += ':' + canonical_json(*value);
    if (pieces.size() + 1 == sorted.size()) text += '}';
    pieces.push_back(piece(std::move(text)));
  }
  return pieces;
}

std::string StageNode::params_text() const {
  std::string text;
  for (const auto* piece : params) text += *piece;
  return text;
}

}  // namespace cq
