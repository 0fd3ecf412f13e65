#include "cq/experiments/pipeline/short_measurement.h"

#include <algorithm>
#include <chrono>

#include <c10/core/GradMode.h>
#include <sys/resource.h>

#include "cq/core/denoiser.h"
#include "cq/core/device.h"

namespace cq {

namespace {

/// Seconds of one call for `batch` images, guidance included.
double seconds_of_call(const CellSpec& cell, const Model& model, int64_t batch) {
  const auto& l = model.latent();
  const auto x = NoiseSource(0, 0).draw(batch, {l.channels, l.size, l.size}, 0).to(model.device());
  const auto labels = cycling_labels(0, batch, model.classes()).to(model.device());
  const FloatExecutor executor;
  const Denoiser denoiser(model, executor, cell.guidance);
  ComputeAll compute;
  const auto start = std::chrono::steady_clock::now();
  denoiser.eps(x, labels, cell.sampler->timesteps().front(), 0, compute);
  synchronize(model.device());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Seconds of one network evaluation of one image: the best of a few calls, of a batch where they
/// are short. The first call does what is done only once, so it counts alone where it takes long.
double seconds_per_evaluation(const CellSpec& cell, const Model& model) {
  constexpr int64_t kMostImages = 16;
  constexpr double kLongEnough = 0.5;
  constexpr double kTooLong = 5;
  constexpr double kNeverAgain = 30;
  const c10::NoGradGuard no_grad;
  const double first = seconds_of_call(cell, model, 1);
  if (first > kNeverAgain) return first;
  double best = std::min(first, seconds_of_call(cell, model, 1));
  const int64_t batch = std::min(cell.run.batch, kMostImages);
  double all = best;
  const auto once_more = [&](int calls) {
    return all < kLongEnough || (calls == 0 && best * double(batch) < kTooLong);
  };
  for (int calls = 0; calls < 4 && once_more(calls); ++calls) {
    const double seconds = seconds_of_call(cell, model, batch);
    best = std::min(best, seconds / double(batch));
    all += seconds;
  }
  return best;
}

int64_t peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t(usage.ru_maxrss) * 1024;
}

}  // namespace

CostGuesses measure_shortly(const CellSpec& cell, Workbench& bench) {
  const auto model = bench.model(*cell.model);
  const double call = seconds_per_evaluation(cell, *model);
  const double calls = double(cell.sampler->calls());
  const auto& l = model->latent();
  const double latent_bytes = double(l.channels * l.size * l.size) * 4;
  // Images are at most eight times as large as latents on each side.
  const double image_bytes = 3.0 * double(l.size * l.size) * 64;
  CostGuesses guesses;
  auto& kinds = guesses.kinds;
  // One unit: an image and a network evaluation.
  kinds["samples"] = {call, image_bytes / calls};
  kinds["trajectory"] = {call, latent_bytes};
  kinds["distances"] = {call, 0};
  kinds["recording"] = {call, latent_bytes};
  // A call and what it is watched for: 1.3 to 1.5 of one, of small and of large networks.
  kinds["calibration"] = {1.5 * call, 0};
  kinds["correction"] = {1.5 * call, 0};
  // One unit: a weight, whose range is searched among forty.
  kinds["weight_ranges"] = {1e-7, 0.01};
  kinds["efficiency"] = {2 * call, 0};
  // One unit: an image through the embedded network.
  kinds["features"] = {0.005, 4096};
  // One unit: an image's row of features.
  kinds["metrics"] = {0.002, 100};
  kinds["schedule"] = {1.0, 10'000};
  guesses.memory_bytes = peak_memory();
  return guesses;
}

}  // namespace cq
