#include "cq/experiments/commands/sample.h"

#include <algorithm>
#include <chrono>

#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/base/interrupt.h"
#include "cq/base/progress.h"
#include "cq/core/denoiser.h"
#include "cq/core/io/image.h"
#include "cq/core/io/npz.h"
#include "cq/experiments/commands/common_context.h"
#include "cq/experiments/commands/common_packed.h"
#include "cq/experiments/commands/explain.h"
#include "cq/experiments/pipeline/prepare.h"
#include "cq/experiments/setup/config_checks.h"
#include "cq/experiments/setup/load_model.h"
#include "cq/experiments/setup/program_config.h"
#include "cq/experiments/setup/prompts.h"

namespace cq {

namespace {

constexpr int64_t kGridImages = 100;

/// Lets a signal in between what another handler does.
class Interruptible : public PointHandler {
 public:
  explicit Interruptible(std::unique_ptr<PointHandler> inner) : inner_(std::move(inner)) {}
  at::Tensor at(const Point& point, int64_t step,
                c10::function_ref<at::Tensor()> compute) override {
    throw_if_interrupted();
    return inner_->at(point, step, compute);
  }
  bool watches(const Point& point, int64_t step) override {
    throw_if_interrupted();
    return inner_->watches(point, step);
  }
  std::pair<int64_t, int64_t> block_range(int64_t step) const override {
    return inner_->block_range(step);
  }
  uint64_t kind(int64_t step) const override { return inner_->kind(step); }

 private:
  std::unique_ptr<PointHandler> inner_;
};

CellExecution prepare(const StageContext& context, Progress& progress) {
  const auto& cell = *context.cell;
  if (const auto file = packed_file(cell.config)) {
    const auto& network = context.model().network();
    return {cell, network, read_packed(*file, network)};
  }
  const auto folders = prepare_estimates(context, progress);
  const auto bar = progress.start("load");
  return {context, StageFolder({}, {}, folders, *bar)};
}

bool is_npz(const std::filesystem::path& path) {
  return path.extension() == ".npz";
}

void check(const SampleOptions& options) {
  if (options.out.empty() && !options.explain)
    throw UsageError("[sample] --out is missing: a folder or a file x.npz");
  if (options.images < 1) throw UsageError("[sample] --n {}: at least 1", options.images);
  if (options.batch < 1) throw UsageError("[sample] --batch {}: at least 1", options.batch);
  if (options.first < 0) throw UsageError("[sample] --first {}: at least 0", options.first);
}

/// Labels of all images: those given over and over, or all classes in turn.
at::Tensor labels_of(const SampleOptions& options, int64_t classes) {
  if (options.labels.empty()) return cycling_labels(options.first, options.images, classes);
  for (const int64_t label : options.labels) {
    if (label < 0 || label > classes) {
      throw UsageError("[sample] label {}: expected 0..{}, or {} for no class", label, classes - 1,
                       classes);
    }
  }
  const auto given = at::tensor(options.labels, at::kLong);
  const auto turn = cycling_labels(options.first, options.images, given.numel());
  return given.index_select(0, turn);
}

void write_pngs(const std::filesystem::path& folder, const at::Tensor& images, int64_t first) {
  for (int64_t i = 0; i < images.size(0); ++i) {
    write_png(folder / fmt::format("{:06d}.png", first + i), images[i]);
  }
}

void report(const SampleOptions& options, const Model& model, double seconds) {
  if (options.common.json) {
    const nlohmann::ordered_json json = {{"model", model.name()},
                                         {"images", options.images},
                                         {"out", options.out.string()},
                                         {"seconds", seconds}};
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print("{} images of {} in {} ({:.1f} s)\n", options.images, model.name(),
               options.out.string(), seconds);
  }
}

}  // namespace

int sample_command(const SampleOptions& options) {
  check(options);
  std::vector<std::string> overrides;
  for (const auto& one : options.overrides) overrides.push_back(verbatim_prompt(one));
  if (options.seed) overrides.push_back(fmt::format("seed={}", *options.seed));
  const auto config = with_packed_groups(compose_program("sample", overrides), overrides);
  check_keys(config,
             {"model", "sampler", "cache", "quant", "correct", "weights", "seed", "results_dir",
              "batch", "calibration", "prompt", "prompts", "negative_prompt"});
  const Context where = make_context(options.common);
  const auto context = context_of(config);
  const auto& cell = *context.cell;
  const c10::NoGradGuard no_grad;
  context.bench->use(where.device);
  const auto model = context.bench->model(*cell.model);
  const auto labels = labels_of(options, model->classes());

  const auto start = std::chrono::steady_clock::now();
  Progress progress;
  const auto execution = prepare(context, progress);
  if (options.explain) {
    fmt::print("{}", explain(model->network(), execution.executor()));
    return 0;
  }
  const Denoiser denoiser(*model, execution.executor(), cell.guidance);
  const auto bar = progress.start("sample " + model->name(), options.images, "images");
  std::vector<at::Tensor> parts;
  for (int64_t done = 0; done < options.images; done += options.batch) {
    const int64_t n = std::min(options.batch, options.images - done);
    const int64_t first = options.first + done;
    Interruptible points(execution.points());
    const auto latents =
        sample_latents(*model, *cell.sampler, denoiser, labels.narrow(0, done, n).to(where.device),
                       NoiseSource(uint64_t(cell.run.seed), first), points);
    parts.push_back(decode_images(*model, latents));
    if (!is_npz(options.out)) write_pngs(options.out, parts.back(), first);
    bar->add(n);
  }
  const auto images = at::cat(parts, 0);
  if (is_npz(options.out)) {
    std::vector<std::pair<std::string, at::Tensor>> arrays{{"arr_0", images}};
    if (model->conditioning().has_classes()) arrays.emplace_back("arr_1", labels);
    write_npz(options.out, arrays);
  } else {
    const int64_t shown = std::min(options.images, kGridImages);
    write_png(options.out / "grid.png",
              make_grid(images.narrow(0, 0, shown), std::min<int64_t>(shown, 10)));
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  report(options, *model, seconds.count());
  return 0;
}

}  // namespace cq
