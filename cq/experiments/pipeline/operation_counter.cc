#include "cq/experiments/pipeline/operation_counter.h"

namespace cq {

namespace {

/// Height and width after padding and convolution.
std::pair<int64_t, int64_t> conv_size(const Unit& unit, int64_t height, int64_t width) {
  const auto& g = unit.conv;
  const auto size = [&](int64_t n, int64_t before, int64_t after, int64_t kernel) {
    return (n + before + after - kernel) / g.stride + 1;
  };
  return {size(height, g.padding[2], g.padding[3], unit.weight.size(2)),
          size(width, g.padding[0], g.padding[1], unit.weight.size(3))};
}

std::vector<int64_t> output_shape(const Unit& unit, const at::Tensor& x) {
  if (!unit.is_conv()) {
    auto shape = x.sizes().vec();
    shape.back() = unit.out_channels();
    return shape;
  }
  int64_t height = x.size(2), width = x.size(3);
  if (unit.resample == Resample::up) height *= 2, width *= 2;
  if (unit.resample == Resample::down) height /= 2, width /= 2;
  const auto [h, w] = conv_size(unit, height, width);
  return {x.size(0), unit.out_channels(), h, w};
}

int64_t numel(const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (const int64_t size : shape) n *= size;
  return n;
}

/// The UNets' norms are a subclass of GroupNorm, which counters that go by exact type pass over;
/// those of transformers and of the DDPM code are plain ones, told by their epsilon.
bool is_plain(const Norm& norm) {
  return norm.kind == NormKind::layer || norm.eps == 1e-6;
}

}  // namespace

int64_t CountingExecutor::norm_cost(const Unit& unit, int64_t values) const {
  if (unit.norm.kind == NormKind::none) return 0;
  if (counter_ == Counter::deepcache) return is_plain(unit.norm) ? 2 * values : 0;
  if (unit.norm.kind == NormKind::group) return 0;
  return (unit.norm.weight.defined() ? 4 : 2) * values;
}

at::Tensor CountingExecutor::run(const Unit& unit, const UnitInput& in, int64_t) const {
  const auto shape = output_shape(unit, in.x);
  const int64_t outputs = numel(shape);
  int64_t macs = outputs * (unit.weight.numel() / unit.out_channels());
  if (counter_ == Counter::deepcache && unit.bias.defined()) {
    macs += unit.is_conv() ? outputs : unit.out_channels();
  }
  (unit.is_conv() ? count_.conv : count_.linear) += macs;
  count_.norm += norm_cost(unit, in.x.numel() + (in.skip.defined() ? in.skip.numel() : 0));
  count_.layers.push_back({unit.name, unit.is_conv() ? "conv" : "linear", macs});
  return at::zeros(shape, in.x.options());
}

at::Tensor CountingExecutor::attention(const AttentionUnit& unit, const at::Tensor& q,
                                       const at::Tensor& k, const at::Tensor&, int64_t) const {
  // q k^T and its product with v: N x M x C each.
  const int64_t macs = 2 * q.numel() * k.size(1);
  count_.attention += macs;
  count_.layers.push_back({unit.name, "attention", macs});
  return at::zeros_like(q);
}

NetworkCount count_network(const Model& model, const CachePoint* point, Counter counter) {
  const auto& latent = model.latent();
  const auto on = model.network().weights().units().front().weight.options().dtype(at::kFloat);
  const auto x = at::zeros({1, latent.channels, latent.size, latent.size}, on);
  const auto label = at::zeros({1}, on.dtype(at::kLong));
  const auto in = model.input(x, label, label);
  const auto count = [&](PointHandler& points) {
    const CountingExecutor executor(counter);
    model.network().forward(in, Step(executor, points, 0));
    return executor.count();
  };
  if (point == nullptr) {
    ComputeAll compute;
    const auto full = count(compute);
    return {full, full};
  }
  PinnedPoint keep(*point);
  const auto full = count(keep);
  PinnedPoint reuse(*point, keep.value());
  return {full, count(reuse)};
}

double weight_compression(const Network& network, const QuantParameters& quant) {
  int64_t weights = 0, bits = 0;
  for (const auto& unit : network.weights().units()) {
    weights += unit.weight.numel();
    bits += unit.weight.numel() * (quant.enabled() ? weight_bits(unit, quant) : 32);
  }
  return 32.0 * double(weights) / double(bits);
}

}  // namespace cq
