#include "cq/core/layers/make.h"

namespace cq {

Norm make_group_norm(const Scope& scope, std::string_view child, int64_t channels, double eps,
                     int64_t groups) {
  const auto at = scope / child;
  return {NormKind::group, groups, eps, at.add("weight", {channels}, Init::ones()),
          at.add("bias", {channels}, Init::zeros())};
}

Norm make_layer_norm(const Scope& scope, std::string_view child, int64_t channels, double eps) {
  const auto at = scope / child;
  return {NormKind::layer, 1, eps, at.add("weight", {channels}, Init::ones()),
          at.add("bias", {channels}, Init::zeros())};
}

Norm plain_layer_norm(double eps) {
  return {NormKind::layer, 1, eps, {}, {}};
}

ConvGeometry same_3x3() {
  return {.stride = 1, .padding = {1, 1, 1, 1}, .groups = 1};
}

const Unit* make_conv(const Scope& scope, std::string_view child, int64_t in, int64_t out,
                      int64_t kernel, ConvOptions options) {
  const auto at = scope / child;
  const int64_t fan_in = in / options.geometry.groups * kernel * kernel;
  const auto init = options.zero_init ? Init::zero_of(fan_in) : Init::fan(fan_in);
  Unit unit;
  unit.name = at.path();
  unit.norm = std::move(options.norm);
  unit.act = options.act;
  unit.resample = options.resample;
  unit.weight = at.add("weight", {out, in / options.geometry.groups, kernel, kernel}, init);
  if (options.bias) unit.bias = at.add("bias", {out}, init);
  unit.conv = options.geometry;
  unit.seam = options.seam;
  unit.boundary = options.boundary;
  return scope.weights().add(std::move(unit));
}

const Unit* make_linear(const Scope& scope, std::string_view child, int64_t in, int64_t out,
                        LinearOptions options) {
  const auto at = scope / child;
  const auto init = options.zero_init ? Init::zero_of(in) : Init::fan(in);
  Unit unit;
  unit.name = at.path();
  unit.norm = std::move(options.norm);
  unit.act = options.act;
  unit.weight = at.add("weight", {out, in}, init);
  if (options.bias) unit.bias = at.add("bias", {out}, init);
  unit.boundary = options.boundary;
  unit.embedding = options.embedding;
  return scope.weights().add(std::move(unit));
}

const Unit* make_linear_rows(const Scope& scope, const std::vector<std::string>& children,
                             int64_t in, int64_t out_each, Norm norm) {
  std::vector<std::string> names;
  for (const auto& child : children) names.push_back(scope.name(child + ".weight"));
  Unit unit;
  unit.name = scope.name(children.front());
  unit.norm = std::move(norm);
  unit.weight = scope.weights().add_rows(names, {out_each, in}, Init::fan(in));
  return scope.weights().add(std::move(unit));
}

const Unit* make_conv_rows(const Scope& scope, const std::vector<std::string>& children, int64_t in,
                           int64_t out_each, Norm norm) {
  std::vector<std::string> weights, biases;
  for (const auto& child : children) {
    weights.push_back(scope.name(child + ".weight"));
    biases.push_back(scope.name(child + ".bias"));
  }
  Unit unit;
  unit.name = scope.name(children.front());
  unit.norm = std::move(norm);
  unit.weight = scope.weights().add_rows(weights, {out_each, in, 1, 1}, Init::fan(in));
  unit.bias = scope.weights().add_rows(biases, {out_each}, Init::fan(in));
  return scope.weights().add(std::move(unit));
}

}  // namespace cq
