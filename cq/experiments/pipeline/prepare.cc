#include "cq/experiments/pipeline/prepare.h"

#include "cq/experiments/harness/ensure.h"
#include "cq/experiments/harness/plan.h"

namespace cq {

StageContext context_of(const config::Node& config) {
  auto job = config;
  job.put(config::Key("name"), config::Node("sample"));
  auto bench = std::make_shared<Workbench>();
  auto cell = read_cell(job, *bench);
  return {std::move(cell), std::move(bench)};
}

NamedFolders prepare_estimates(const StageContext& context, Progress& progress) {
  Graph graph;
  const auto made = add_estimates(context, graph);
  Store store(ResultsLayout{context.cell->run.results_dir, "sample"}.store());
  ensure_stages(graph, store, progress);
  return stage_folders(graph, store, made.inputs());
}

}  // namespace cq
