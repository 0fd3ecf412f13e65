#include "cq/experiments/harness/ensure.h"

#include <chrono>

#include "cq/base/files.h"
#include "cq/base/interrupt.h"

namespace cq {

NamedFolders stage_folders(const Graph& graph, const Store& store,
                           const std::vector<std::pair<std::string, StageId>>& stages) {
  NamedFolders folders;
  for (const auto& [name, id] : stages) {
    folders.emplace_back(name, store.folder(graph.at(id).name));
  }
  return folders;
}

double compute_stage(const Graph& graph, StageId id, Store& store, Claim& claim, ProgressBar& bar) {
  const StageNode& stage = graph.at(id);
  const auto start = std::chrono::steady_clock::now();
  const std::filesystem::path work = claim.work_folder();
  std::error_code ignored;
  std::filesystem::remove_all(work, ignored);
  make_folders(work);
  StageFolder folder(work, claim.folder() / "checkpoint", stage_folders(graph, store, stage.inputs),
                     bar);
  stage.compute(folder);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  nlohmann::ordered_json inputs = nlohmann::ordered_json::object();
  for (const auto& [name, input] : stage.inputs) inputs[name] = graph.at(input).name.text();
  store.commit(stage.name, claim,
               {{"schema", 1},
                {"kind", stage.name.kind},
                {"version", stage.version},
                {"params", nlohmann::ordered_json::parse(stage.params_text())},
                {"inputs", inputs},
                {"weight", stage.cost.weight},
                {"seconds", seconds.count()}});
  return seconds.count();
}

void ensure_stages(const Graph& graph, Store& store, Progress& progress) {
  constexpr double kPause = 0.2;
  for (StageId id = 0; id < graph.size(); ++id) {
    const StageName& name = graph.at(id).name;
    while (!store.complete(name) || store.damage(name)) {
      throw_if_interrupted();
      const auto claim = store.try_claim(name);
      if (!claim) {
        sleep_unless_interrupted(kPause);
        continue;
      }
      if (store.complete(name)) {
        if (!store.damage(name)) {
          claim->finish();
          break;
        }
        store.discard(name, *claim);
      }
      const auto bar = progress.start(name.kind);
      compute_stage(graph, id, store, *claim, *bar);
    }
  }
}

}  // namespace cq
