#include "cq/experiments/commands/inspect.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cq/base/error.h"
#include "cq/core/io/checkpoint.h"
#include "cq/core/io/heat_map.h"
#include "cq/core/io/image.h"
#include "cq/core/io/printable.h"
#include "cq/core/io/step_similarity.h"
#include "cq/core/io/trajectory.h"

namespace cq {
namespace {

using Json = nlohmann::ordered_json;

struct Range {
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();
  double mean = 0, deviation = 0;
  int64_t finite = 0, other = 0;  // numbers; NaN and infinities
};

// In pieces: a float64 copy of a large tensor need not fit into memory.
Range measure(const at::Tensor& tensor) {
  constexpr int64_t kPiece = 1 << 20;
  Range range;
  double squares = 0;
  const at::Tensor flat = (tensor.is_complex() ? tensor.abs() : tensor).reshape({-1});
  for (int64_t begin = 0; begin < flat.numel(); begin += kPiece) {
    const at::Tensor piece =
        flat.slice(0, begin, std::min(begin + kPiece, flat.numel())).to(at::kDouble);
    const auto* values = piece.const_data_ptr<double>();
    for (int64_t i = 0; i < piece.numel(); ++i) {
      if (!std::isfinite(values[i])) {
        ++range.other;
        continue;
      }
      ++range.finite;
      const double delta = values[i] - range.mean;
      range.mean += delta / static_cast<double>(range.finite);
      squares += delta * (values[i] - range.mean);
      range.least = std::min(range.least, values[i]);
      range.most = std::max(range.most, values[i]);
    }
  }
  if (range.finite > 0) range.deviation = std::sqrt(squares / static_cast<double>(range.finite));
  return range;
}

Json range_json(const Range& range) {
  if (range.finite == 0) return {{"finite", 0}, {"not_finite", range.other}};
  return {{"min", range.least},     {"max", range.most},      {"mean", range.mean},
          {"std", range.deviation}, {"finite", range.finite}, {"not_finite", range.other}};
}

// Types of HDF5 that no tensor has are listed, but there is nothing to measure.
bool is_number(const TensorInfo& info) {
  return dtype_from_name(info.dtype).has_value();
}

int64_t size_in_bytes(const TensorInfo& info) {
  const auto type = dtype_from_name(info.dtype);
  const auto numel = checked_numel(info.shape);
  return type && numel ? *numel * static_cast<int64_t>(c10::elementSize(*type)) : 0;
}

Json tensors_json(const Checkpoint& file, bool stats) {
  Json tensors = Json::array();
  for (const std::string& name : file.names()) {
    const TensorInfo& info = file.info(name);
    Json entry = {{"name", name}, {"shape", info.shape}, {"dtype", info.dtype}};
    if (stats && is_number(info)) entry["stats"] = range_json(measure(file.tensor(name)));
    tensors.push_back(std::move(entry));
  }
  return tensors;
}

std::string range_text(const Range& range) {
  if (range.finite == 0) return range.other > 0 ? "  no finite value" : "  empty";
  std::string text = fmt::format("  {:.6g} .. {:.6g}, mean {:.6g}, std {:.6g}", range.least,
                                 range.most, range.mean, range.deviation);
  if (range.other > 0) text += fmt::format(", {} NaN or infinite", range.other);
  return text;
}

std::string tensors_text(const Checkpoint& file, bool stats) {
  std::string text;
  int64_t total = 0;
  for (const std::string& name : file.names()) {
    const TensorInfo& info = file.info(name);
    text += fmt::format("{}  {} {}", printable(name), info.dtype, shape_text(info.shape));
    if (stats && is_number(info)) text += range_text(measure(file.tensor(name)));
    text += "\n";
    total += size_in_bytes(info);
  }
  return text +
         fmt::format("{}: {} tensors, {} bytes\n", file.format(), file.names().size(), total);
}

void draw_similarity(const TrajectoryFile& file, const std::filesystem::path& out) {
  std::vector<HeatMap> panels;
  for (const std::string& layer : file.layers()) {
    const at::Tensor similarity = step_similarity(file, layer);
    panels.push_back({printable(layer, 40) + ": cosine similarity of steps", "step", similarity,
                      measure(similarity).least, 1});
  }
  write_png(out, draw_heat_maps(panels));
}

Json meta_json(const TrajectoryFile& file) {
  const TrajectoryMeta& meta = file.meta();
  return {{"model", meta.model}, {"sampler", meta.sampler}, {"steps", meta.steps},
          {"seed", meta.seed},   {"layers", file.layers()}, {"distances", file.metrics()}};
}

std::string meta_text(const TrajectoryFile& file) {
  const TrajectoryMeta& meta = file.meta();
  return fmt::format("trajectory of {}, {} with {} steps, seed {}\n", printable(meta.model),
                     printable(meta.sampler), meta.steps, meta.seed);
}

// Names that are not UTF-8 (old pickles) are escaped rather than refused.
std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string inspect_report(const InspectOptions& options) {
  const auto file = open_checkpoint(options.file);
  const bool trajectory = file->format() == "hdf5" && is_trajectory(options.file);
  if (options.out && !trajectory) {
    throw UsageError("{}: --out is for trajectory files, this is a {} file",
                     printable(options.file.native()), file->format());
  }
  std::string head, tail;
  Json json = {{"format", file->format()}};
  if (trajectory) {
    const TrajectoryFile steps = TrajectoryFile::open(options.file);
    json["trajectory"] = meta_json(steps);
    head = meta_text(steps);
    std::optional<std::filesystem::path> out = options.out;
    if (!out && !options.json) out = options.file.filename().string() + ".similarity.png";
    if (out && !steps.layers().empty()) {
      draw_similarity(steps, *out);
      json["picture"] = out->string();
      tail = fmt::format("step-to-step similarity: {}\n", printable(out->native()));
    }
  }
  if (!options.json) return head + tensors_text(*file, options.stats) + tail;
  json["tensors"] = tensors_json(*file, options.stats);
  return dump(json);
}

int inspect_command(const InspectOptions& options) {
  fmt::print("{}", inspect_report(options));
  return 0;
}

}  // namespace cq
