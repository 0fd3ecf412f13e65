#include "cq/core/quant/packed.h"

#include <algorithm>
#include <set>

#include <ATen/ops/equal.h>
#include <ATen/ops/index_copy.h>
#include <ATen/ops/tensor.h>

#include "cq/base/error.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/quant/integer_weights.h"
#include "cq/core/quant/ranges.h"

namespace fs = std::filesystem;

namespace cq {

namespace {

using Json = nlohmann::ordered_json;
using Named = std::vector<std::pair<std::string, at::Tensor>>;

constexpr const char* kFormat = "cq_packed";
constexpr const char* kVersion = "1";
constexpr const char* kPrefix = "quant.";
/// Of every product; `products` in the metadata leaves it out.
constexpr std::string_view kNetwork = "model.diffusion_model.";

/// Keys of the ranges of activations, in the order of their rows in `quant.ranges.*`.
std::vector<std::string> range_keys(const Network& network, bool feature) {
  std::vector<std::string> keys;
  for (const auto& unit : network.weights().units()) {
    for (int64_t side = 0; side < sides(unit); ++side) keys.push_back(act_key(unit, side));
  }
  for (const auto& unit : network.weights().attentions()) {
    for (const char operand : {'q', 'k', 'v', 'p'}) keys.push_back(attention_key(unit, operand));
  }
  if (feature) keys.push_back("feature");
  return keys;
}

/// The same values in 16 bits where those hold them exactly, as in a file that was trained so.
at::Tensor narrowest(const at::Tensor& value) {
  for (const auto type : {at::kBFloat16, at::kHalf}) {
    const auto narrow = value.to(type);
    if (at::equal(narrow.to(value.scalar_type()), value)) return narrow;
  }
  return value;
}

/// Steps that read the cached feature: the only ones with a correction of it.
at::Tensor cached_steps(const Schedule& schedule) {
  std::vector<int64_t> steps;
  for (int64_t t = 0; t < schedule.steps; ++t) {
    if (!schedule.recomputes(t)) steps.push_back(t);
  }
  return at::tensor(steps, at::kLong);
}

/// Whether a parameter's memory is part of a product's weight.
bool is_product(const Network& network, const at::Tensor& value) {
  const auto* at = static_cast<const char*>(value.data_ptr());
  return std::any_of(network.weights().units().begin(), network.weights().units().end(),
                     [&](const Unit& unit) {
                       const auto* first = static_cast<const char*>(unit.weight.data_ptr());
                       return at >= first && at < first + unit.weight.nbytes();
                     });
}

/// Zero points of weights, one a row of a layer: those of at most 4 bits are stored two to a byte.
struct ZeroPoints {
  std::vector<at::Tensor> bytes, nibbles;
  std::vector<at::Tensor>& of(int64_t bits) { return bits <= 4 ? nibbles : bytes; }
};

void add_weights(const Network& network, const PackedExecution& e, Named& tensors) {
  std::vector<at::Tensor> scales;
  ZeroPoints zeros;
  for (const auto& unit : network.weights().units()) {
    for (int64_t side = 0; side < sides(unit); ++side) {
      const auto ranges = read_weight_ranges(e.calibration, unit, side);
      const int64_t bits = weight_bits(unit, e.quant);
      const auto codes = quantize_weight(side_weight(unit, side), ranges, bits);
      tensors.emplace_back(kPrefix + codes_key(unit, side), bits <= 4 ? pack_int4(codes) : codes);
      scales.push_back(ranges.scale);
      zeros.of(bits).push_back(ranges.zero_point.to(at::kByte));
    }
  }
  tensors.emplace_back("quant.weights.scale", at::cat(scales));
  if (!zeros.bytes.empty()) {
    tensors.emplace_back("quant.weights.zero_point", at::cat(zeros.bytes));
  }
  if (!zeros.nibbles.empty()) {
    tensors.emplace_back("quant.weights.zero_point_int4",
                         pack_int4(at::cat(zeros.nibbles).unsqueeze(0)));
  }
}

void add_ranges(const Network& network, const PackedExecution& e, Named& tensors) {
  std::vector<at::Tensor> tables;
  for (const auto& key : range_keys(network, e.calibration.contains("feature"))) {
    read_ranges(e.calibration, key);
    tables.push_back(e.calibration.at(key).to(at::kDouble));
  }
  const auto all = at::stack(tables);  // [keys, T, 2]
  tensors.emplace_back("quant.ranges.scale", all.select(2, 0).to(at::kFloat));
  tensors.emplace_back("quant.ranges.zero_point", all.select(2, 1).to(at::kByte));
}

void add_corrections(const Network& network, const PackedExecution& e, Named& tensors) {
  const auto& c = e.corrections;
  if (!c.feature.empty()) {
    const auto steps = cached_steps(e.schedule);
    tensors.emplace_back("quant.feature.slope", c.feature.slope.index_select(0, steps));
    tensors.emplace_back("quant.feature.offset", c.feature.offset.index_select(0, steps));
  }
  for (const auto& [id, output] : c.outputs) {
    const auto& name = network.weights().units()[size_t(id)].name;
    tensors.emplace_back(fmt::format("quant.output.{}.slope", name), output.slope);
    tensors.emplace_back(fmt::format("quant.output.{}.offset", name), output.offset);
  }
}

class PackedSource : public WeightSource {
 public:
  explicit PackedSource(const fs::path& path) : path_(path), file_(SafeTensors::open(path)) {
    const auto products = Json::parse(file_.metadata().at("products"));
    for (const auto& [name, shape] : products.items()) {
      products_[std::string(kNetwork) + name] = shape.get<std::vector<int64_t>>();
    }
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& name : file_.names()) {
      if (!name.starts_with(kPrefix)) names.push_back(name);
    }
    for (const auto& [name, shape] : products_) names.push_back(name);
    return names;
  }
  bool has(const std::string& name) const override {
    return products_.contains(name) || (file_.contains(name) && !name.starts_with(kPrefix));
  }
  at::Tensor get(const std::string& name) const override {
    const auto product = products_.find(name);
    if (product == products_.end()) return file_.tensor(name);
    return at::zeros({}, at::kFloat).expand(product->second);
  }
  std::string description() const override {
    return fmt::format("{} (packed integer checkpoint)", path_.string());
  }

 private:
  fs::path path_;
  SafeTensors file_;
  std::map<std::string, std::vector<int64_t>> products_;
};

/// Reads with messages that name the file.
class Reader {
 public:
  Reader(const fs::path& path, const Network& network)
      : path_(path), file_(SafeTensors::open(path)), network_(network) {}

  PackedExecution read() {
    PackedExecution e;
    const auto& metadata = file_.metadata();
    e.config = Json::parse(metadata.at("config"));
    e.quant = quant_parameters().parse(config::Node::from_json(e.config.at("quant")));
    e.schedule = schedule_from_json(Json::parse(metadata.at("schedule")), path_.string());
    weights(e);
    ranges(e);
    corrections(e);
    return e;
  }

 private:
  at::Tensor tensor(const std::string& name) const {
    if (file_.contains(name)) return file_.tensor(name);
    throw RunError("{}: no {}; the packed checkpoint does not fit the network", path_.string(),
                   name);
  }

  void weights(PackedExecution& e) const {
    const auto scale = tensor("quant.weights.scale");
    std::map<bool, at::Tensor> zeros;  // by whether they are nibbles
    std::map<bool, int64_t> taken;
    int64_t at = 0;
    for (const auto& unit : network_.weights().units()) {
      const int64_t rows = unit.out_channels();
      const bool nibbles = weight_bits(unit, e.quant) <= 4;
      for (int64_t side = 0; side < sides(unit); ++side, at += rows) {
        auto& zero = zeros[nibbles];
        if (!zero.defined()) zero = zero_points(nibbles);
        int64_t& first = taken[nibbles];
        if (at + rows > scale.numel() || first + rows > zero.numel()) {
          throw RunError("{}: {} weight scales, and layer {} needs {} more", path_.string(),
                         scale.numel(), unit.name, rows);
        }
        e.calibration[weight_key(unit, side)] =
            at::stack({scale.narrow(0, at, rows), zero.narrow(0, first, rows).to(at::kFloat)});
        e.calibration[codes_key(unit, side)] = tensor(kPrefix + codes_key(unit, side));
        first += rows;
      }
    }
    if (at == scale.numel()) return;
    throw RunError("{}: {} weight scales where the network has {} rows", path_.string(),
                   scale.numel(), at);
  }

  at::Tensor zero_points(bool nibbles) const {
    if (!nibbles) return tensor("quant.weights.zero_point");
    return unpack_int4(tensor("quant.weights.zero_point_int4").view({1, -1})).flatten();
  }

  void ranges(PackedExecution& e) const {
    const auto scale = tensor("quant.ranges.scale"), zero = tensor("quant.ranges.zero_point");
    auto keys = range_keys(network_, true);
    if (scale.size(0) + 1 == int64_t(keys.size())) keys.pop_back();
    if (scale.size(0) != int64_t(keys.size()) || scale.sizes() != zero.sizes()) {
      throw RunError("{}: ranges of {} operands where the network has {}", path_.string(),
                     scale.size(0), keys.size());
    }
    for (size_t i = 0; i < keys.size(); ++i) {
      e.calibration[keys[i]] =
          at::stack({scale[int64_t(i)].to(at::kDouble), zero[int64_t(i)].to(at::kDouble)}, 1);
    }
  }

  void corrections(PackedExecution& e) const {
    if (file_.contains("quant.feature.slope")) {
      e.corrections.feature = {feature("slope", e.schedule), feature("offset", e.schedule)};
    }
    for (const auto& unit : network_.weights().units()) {
      const auto name = fmt::format("quant.output.{}.", unit.name);
      if (!file_.contains(name + "slope")) continue;
      e.corrections.outputs[unit.id] = {tensor(name + "slope"), tensor(name + "offset")};
    }
  }

  /// [T, C] of the rows that are stored, zero elsewhere.
  at::Tensor feature(const char* what, const Schedule& schedule) const {
    const auto rows = tensor(fmt::format("quant.feature.{}", what));
    const auto steps = cached_steps(schedule);
    if (rows.dim() != 2 || rows.size(0) != steps.numel()) {
      throw RunError("{}: quant.feature.{} has shape [{}], and {} steps reuse the feature",
                     path_.string(), what, fmt::join(rows.sizes(), ", "), steps.numel());
    }
    return at::zeros({schedule.steps, rows.size(1)}, at::kFloat).index_copy(0, steps, rows);
  }

  fs::path path_;
  SafeTensors file_;
  const Network& network_;
};

}  // namespace

void write_packed(const fs::path& path, const Model& model, const PackedExecution& execution) {
  const auto& network = model.network();
  Named tensors;
  Json products = Json::object();
  for (const auto& entry : model.named()) {
    if (is_product(network, entry.value)) {
      products[entry.name.substr(kNetwork.size())] = entry.value.sizes().vec();
    } else {
      tensors.emplace_back(entry.name, narrowest(entry.value.detach()));
    }
  }
  add_weights(network, execution, tensors);
  add_ranges(network, execution, tensors);
  add_corrections(network, execution, tensors);
  write_safetensors(path, tensors,
                    {{kFormat, kVersion},
                     {"model", model.name()},
                     {"products", products.dump()},
                     {"schedule", to_json(execution.schedule).dump()},
                     {"config", execution.config.dump()}});
}

bool is_packed(const fs::path& path) {
  if (path.extension() != ".safetensors" || !fs::is_regular_file(path)) return false;
  try {
    return SafeTensors::open(path).metadata().contains(kFormat);
  } catch (const RunError&) {
    return false;  // whoever reads it as a checkpoint says what is wrong
  }
}

std::shared_ptr<const WeightSource> open_packed(const fs::path& path) {
  return std::make_shared<PackedSource>(path);
}

nlohmann::ordered_json packed_config(const fs::path& path) {
  const auto file = SafeTensors::open(path);
  const auto version = file.metadata().at(kFormat);
  if (version != kVersion) {
    throw RunError("{}: packed checkpoint of version {}, this program reads {}", path.string(),
                   version, kVersion);
  }
  auto config = Json::parse(file.metadata().at("config"));
  config["model_name"] = file.metadata().at("model");
  return config;
}

PackedExecution read_packed(const fs::path& path, const Network& network) {
  return Reader(path, network).read();
}

}  // namespace cq
