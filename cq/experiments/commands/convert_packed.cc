#include "cq/experiments/commands/convert_packed.h"

#include <algorithm>

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/core/io/printable.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/quant/packed.h"
#include "cq/experiments/commands/common.h"
#include "cq/experiments/pipeline/prepare.h"
#include "cq/experiments/pipeline/stage_files.h"
#include "cq/experiments/setup/program_config.h"
#include "cq/methods/cache/uniform_schedule.h"

namespace cq {

bool wants_packing(const std::vector<std::string>& overrides) {
  return std::any_of(overrides.begin(), overrides.end(), [](const auto& text) {
    return text.starts_with("quant=") || text.starts_with("quant.");
  });
}

namespace {

/// Of what is neither the network nor its integers.
int64_t bytes_beside_network(const std::filesystem::path& path) {
  const auto file = SafeTensors::open(path);
  int64_t bytes = 0;
  for (const auto& name : file.names()) {
    if (name.starts_with("quant.") || name.starts_with("model.diffusion_model.")) continue;
    bytes += int64_t(file.tensor(name).nbytes());
  }
  return bytes;
}

}  // namespace

int convert_packed(const ConvertOptions& options) {
  if (options.out.extension() != ".safetensors") {
    throw UsageError("[convert] {}: a packed checkpoint is a file x.safetensors",
                     options.out.string());
  }
  auto overrides = options.overrides;
  overrides.push_back("weights='" + options.in.string() + "'");
  const auto config = compose_program("sample", overrides);
  const auto context = context_of(config);
  const auto& cell = *context.cell;
  if (!cell.quant.enabled()) throw UsageError("[convert] quant=none: nothing to pack");
  const c10::NoGradGuard no_grad;
  Progress progress;
  const auto estimates = prepare_estimates(context, progress);
  const auto bar = progress.start("pack");
  const StageFolder folder({}, {}, estimates, *bar);
  PackedExecution execution{.quant = cell.quant,
                            .calibration = load_calibration(folder),
                            .corrections = {},
                            .schedule = uniform_schedule(cell.sampler->calls(), 1),
                            .config = {}};
  if (cell.policy->caches()) execution.schedule = load_schedule(folder.input("schedule"));
  if (cell.corrector->corrects()) {
    execution.corrections = load_corrections(folder.input("correction"));
  }
  for (const char* group : {"sampler", "cache", "quant", "correct"}) {
    execution.config[group] = config.at(group).to_json();
  }
  write_packed(options.out, context.model(), execution);
  const auto before = double(context.model().network().weights().count() * 4);
  const auto beside = double(bytes_beside_network(options.out));
  const auto after = double(std::filesystem::file_size(options.out)) - beside;
  fmt::print("{}: {:.2f} MB, {:.1f} % of the network's parameters in float32{}\n",
             printable(options.out.native()), after / 1e6, 100 * after / before,
             beside == 0
                 ? ""
                 : fmt::format(", and {:.2f} MB of first stage and conditioning, which stay "
                               "in floating point",
                               beside / 1e6));
  return 0;
}

}  // namespace cq
