// The stage that samples one shard of images.
#include <algorithm>

#include <c10/core/GradMode.h>

#include "cq/base/interrupt.h"
#include "cq/core/denoiser.h"
#include "cq/core/io/safetensors.h"
#include "cq/experiments/pipeline/execution.h"
#include "cq/experiments/pipeline/stage_files.h"

namespace cq {

namespace {

/// One tick for each denoising step; counts at the first point of every network call.
class TickingPoints : public PointHandler {
 public:
  TickingPoints(std::unique_ptr<PointHandler> inner, ProgressBar& bar)
      : inner_(std::move(inner)), bar_(bar) {}
  at::Tensor at(const Point& point, int64_t step,
                c10::function_ref<at::Tensor()> compute) override {
    tick(step);
    return inner_->at(point, step, compute);
  }
  bool watches(const Point& point, int64_t step) override {
    tick(step);
    return inner_->watches(point, step);
  }
  std::pair<int64_t, int64_t> block_range(int64_t step) const override {
    return inner_->block_range(step);
  }
  uint64_t kind(int64_t step) const override { return inner_->kind(step); }

 private:
  void tick(int64_t step) {
    if (step == last_) return;
    throw_if_interrupted();
    bar_.add(1);
    last_ = step;
  }

  std::unique_ptr<PointHandler> inner_;
  ProgressBar& bar_;
  int64_t last_ = -1;
};

/// Images of a shard that an interrupted run left, batch by batch.
at::Tensor restore(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return {};
  return SafeTensors::open(file).tensor("images").clone();
}

void sample_shard(const StageContext& context, int64_t first, int64_t n, StageFolder& folder) {
  const auto& cell = *context.cell;
  const c10::NoGradGuard no_grad;
  const auto& model = context.model();
  const CellExecution execution(context, folder);
  const Denoiser denoiser(model, execution.executor(), cell.guidance);
  const auto labels = cycling_labels(first, n, model.classes());
  const auto checkpoint = folder.checkpoint() / "images.safetensors";
  at::Tensor images = restore(checkpoint);
  const int64_t steps = cell.sampler->calls(), batch = cell.run.batch;
  int64_t done = images.defined() ? images.size(0) : 0;
  folder.expect((n + batch - 1) / batch * steps, "steps", (done + batch - 1) / batch * steps);
  while (done < n) {
    const int64_t count = std::min(batch, n - done);
    TickingPoints points(execution.points(), folder.bar());
    const auto latents = sample_latents(model, *cell.sampler, denoiser,
                                        labels.narrow(0, done, count).to(model.device()),
                                        NoiseSource(uint64_t(cell.run.seed), first + done), points);
    const auto made = decode_images(model, latents);
    images = images.defined() ? at::cat({images, made}, 0) : made;
    done += count;
    if (done < n) write_safetensors(checkpoint, {{"images", images}});
  }
  save_samples(folder.path(), {images, labels});
}

}  // namespace

Stage sample_stage(const StageContext& context, const CellStages& made, int64_t first, int64_t n) {
  const auto& cell = *context.cell;
  Stage stage{.kind = "samples",
              .params = context.process_key(),
              .inputs = made.inputs(),
              .compute = {},
              .cost = weighing(double(n) * whole_calls(cell))};
  stage.params["seed"] = cell.run.seed;
  stage.params["first"] = first;
  stage.params["images"] = n;
  stage.params["batch"] = cell.run.batch;
  if (cell.policy->caches()) stage.params["point"] = cell.point.name;
  if (cell.quant.enabled()) {
    auto quant = cell.key_of("quant");
    quant.erase("name");
    stage.params["quant"] = quant;
  }
  stage.compute = [context, first, n](StageFolder& folder) {
    sample_shard(context, first, n, folder);
  };
  return stage;
}

}  // namespace cq
