// Stages that search the ranges of quantized operands.
#include "cq/core/quant/calibration.h"
#include "cq/experiments/harness/graph.h"
#include "cq/experiments/pipeline/stage_checkpoint.h"
#include "cq/experiments/pipeline/stage_files.h"
#include "cq/experiments/pipeline/stages.h"

namespace cq {

namespace {

/// What `quant` says of weights; the rest is of activations.
constexpr const char* kOfWeights[] = {"weight_bits", "weight_symmetric"};

}  // namespace

Stage weight_ranges_stage(const StageContext& context) {
  const auto& cell = *context.cell;
  Stage stage{.kind = "weight_ranges",
              .params = {{"model", cell.model->key}},
              .inputs = {},
              .compute = {},
              .cost = weighing(double(cell.model->shapes->network().weights().count()))};
  const auto quant = cell.key_of("quant");
  for (const char* name : kOfWeights) stage.params[name] = quant.at(name);
  stage.compute = [context](StageFolder& folder) {
    const auto& network = context.model().network();
    StageCheckpoint checkpoint(folder);
    const auto pass = checkpoint.pass();
    folder.expect(int64_t(network.weights().units().size()), "layers", pass.next());
    save_calibration(folder.path(), calibrate_weights(network, context.cell->quant, pass));
  };
  return stage;
}

Stage calibration_stage(const StageContext& context, StageId trajectory,
                        std::optional<StageId> schedule) {
  const auto& cell = *context.cell;
  auto quant = cell.key_of("quant");
  for (const char* name : kOfWeights) quant.erase(name);
  quant.erase("name");
  quant.erase("execution");
  Stage stage{.kind = "calibration",
              .params = {{"quant", quant}, {"guidance", cell.guidance}},
              .inputs = {{"trajectory", trajectory}},
              .compute = {},
              .cost = weighing(double(cell.quant.recompute_samples) * whole_calls(cell))};
  if (schedule) {
    stage.inputs.emplace_back("schedule", *schedule);
    stage.params["point"] = point_key(cell.point);
  }
  stage.compute = [context, cached = schedule.has_value()](StageFolder& folder) {
    const auto& c = *context.cell;
    const auto runs = load_trajectory(folder.input("trajectory"));
    Schedule steps;
    if (cached) {
      steps = load_schedule(folder.input("schedule"));
    } else {
      steps.steps = runs.steps();
      for (int64_t t = 0; t < runs.steps(); ++t) steps.recompute.push_back(t);
    }
    StageCheckpoint checkpoint(folder);
    const auto pass = checkpoint.pass();
    folder.expect(runs.steps(), "steps", pass.next());
    save_calibration(folder.path(), calibrate_activations(context.model(), c.guidance, runs,
                                                          c.quant, steps, c.point, pass));
  };
  return stage;
}

}  // namespace cq
