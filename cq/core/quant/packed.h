#pragma once
// Packed checkpoints: a model whose network's products have integer weights, with everything that
// its quantized execution needs. A safetensors file: parameters that stay in floating point under
// their own names, the rest below `quant.`; see docs/integer.md.
#include <filesystem>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "cq/core/models/model.h"
#include "cq/core/quant/simulated.h"
#include "cq/core/schedule.h"

namespace cq {

/// What a packed checkpoint holds beside the parameters.
struct PackedExecution {
  QuantParameters quant;
  Calibration calibration;  ///< with the weights' codes
  Corrections corrections;
  Schedule schedule;              ///< every step recomputed where nothing is cached
  nlohmann::ordered_json config;  ///< groups that the execution was estimated for
};

/// Throws RunError naming the layer whose ranges are missing or unusable.
void write_packed(const std::filesystem::path& path, const Model& model,
                  const PackedExecution& execution);

/// Whether a file is a packed checkpoint; any other or damaged file is not.
bool is_packed(const std::filesystem::path& path);

/// The parameters of a packed checkpoint. Those that are integers have their shape and no values.
std::shared_ptr<const WeightSource> open_packed(const std::filesystem::path& path);

/// Groups (`quant`, `cache`, ...) that a packed checkpoint was estimated for.
nlohmann::ordered_json packed_config(const std::filesystem::path& path);

/// Throws RunError naming file and layer where it does not fit the network.
PackedExecution read_packed(const std::filesystem::path& path, const Network& network);

}  // namespace cq
