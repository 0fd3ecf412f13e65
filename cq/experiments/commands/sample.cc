#include "cq/experiments/commands/sample.h"

#include <algorithm>
#include <chrono>

#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/base/interrupt.h"
#include "cq/base/progress.h"
#include "cq/core/cache.h"
#include "cq/core/denoiser.h"
#include "cq/core/io/image.h"
#include "cq/core/io/npz.h"
#include "cq/core/quant/simulated.h"
#include "cq/experiments/commands/common_context.h"
#include "cq/experiments/commands/common_model.h"
#include "cq/methods/register.h"

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
  std::pair<int64_t, int64_t> block_range(int64_t step) const override {
    return inner_->block_range(step);
  }

 private:
  std::unique_ptr<PointHandler> inner_;
};

/// What the `cache` group asks for over `steps` calls of the network.
std::unique_ptr<PointHandler> cache_of(const config::Node& cache, const Network& network,
                                       int64_t steps) {
  const auto policy = cache_registry().make(cache.at("name").as_string(), cache);
  if (!policy->caches()) return std::make_unique<ComputeAll>();
  if (policy->window() > 0) {
    throw UsageError(
        "[sample] cache={} chooses its schedule by distances that a run measures; use "
        "`cq-exp run`",
        cache.at("name").as_string());
  }
  const auto site = policy->site();
  return std::make_unique<ScheduledCache>(policy->schedule(steps, nullptr),
                                          network.cache_point(site.branch, site.blocks));
}

void refuse_quantization(const config::Node& quant) {
  if (!quant_parameters().parse(quant).enabled()) return;
  throw UsageError("[sample] quant={} needs ranges that a run calibrates; use `cq-exp run`",
                   quant.at("name").as_string());
}

bool is_npz(const std::filesystem::path& path) {
  return path.extension() == ".npz";
}

void check(const SampleOptions& options) {
  if (options.out.empty()) throw UsageError("[sample] --out is missing: a folder or a file x.npz");
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
  auto overrides = options.overrides;
  if (options.seed) overrides.push_back(fmt::format("seed={}", *options.seed));
  const auto config = compose_program("command", overrides);
  check_keys(config, {"model", "sampler", "cache", "quant", "weights", "seed"});
  refuse_quantization(config.at("quant"));
  const Context context = make_context(options.common);
  const c10::NoGradGuard no_grad;
  const auto model = load_model(config);
  model->to(context.device);
  const auto [sampler, guidance] = make_sampler(config.at("sampler"), model->diffusion());
  const auto labels = labels_of(options, model->classes());
  const auto seed = uint64_t(config.at("seed").as_int());

  const auto start = std::chrono::steady_clock::now();
  const FloatExecutor executor;
  const Denoiser denoiser(*model, executor, guidance);
  Interruptible points(cache_of(config.at("cache"), model->network(), sampler->calls()));
  Progress progress;
  const auto bar = progress.start("sample " + model->name(), options.images, "images");
  std::vector<at::Tensor> parts;
  for (int64_t done = 0; done < options.images; done += options.batch) {
    const int64_t n = std::min(options.batch, options.images - done);
    const int64_t first = options.first + done;
    const auto latents =
        sample_latents(*model, *sampler, denoiser, labels.narrow(0, done, n).to(context.device),
                       NoiseSource(seed, first), points);
    parts.push_back(decode_images(*model, latents));
    if (!is_npz(options.out)) write_pngs(options.out, parts.back(), first);
    bar->add(n);
  }
  const auto images = at::cat(parts, 0);
  if (is_npz(options.out)) {
    write_npz(options.out, {{"arr_0", images}, {"arr_1", labels}});
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
