#include "cq/core/correction.h"

#include <ATen/ops/ones_like.h>
#include <ATen/ops/sqrt.h>
#include <fmt/format.h>

#include "cq/base/error.h"

namespace cq {

namespace {

/// [C, n] float64.
at::Tensor by_channel(const at::Tensor& x) {
  const auto last = x.dim() == 4 ? x.transpose(0, 1).flatten(1) : x.flatten(0, -2).t();
  return last.to(at::kDouble);
}

}  // namespace

void AffineSums::add(const at::Tensor& x, const at::Tensor& y) {
  const auto a = by_channel(x), b = by_channel(y);
  if (n_ == 0) {
    x_ = at::zeros({a.size(0)}, a.options());
    y_ = at::zeros_like(x_);
    xx_ = at::zeros_like(x_);
    xy_ = at::zeros_like(x_);
    yy_ = at::zeros_like(x_);
  }
  n_ += double(a.size(1));
  x_ += a.sum(1);
  y_ += b.sum(1);
  xx_ += (a * a).sum(1);
  xy_ += (a * b).sum(1);
  yy_ += (b * b).sum(1);
}

AffineSums::Line AffineSums::least_squares(bool reference_code) const {
  const auto mean_x = x_ / n_, mean_y = y_ / n_;
  const auto covariance = xy_ / n_ - mean_x * mean_y;
  auto variance = xx_ / n_ - mean_x * mean_x;
  const auto varies = variance > 1e-12 * (xx_ / n_) + 1e-300;
  if (reference_code) variance = variance * (n_ / (n_ - 1));
  const auto slope = at::where(varies, covariance / variance, at::ones_like(variance));
  return {slope, mean_y - slope * mean_x};
}

AffineSums::Line AffineSums::match_moments() const {
  const auto mean_x = x_ / n_, mean_y = y_ / n_;
  const auto variance_x = xx_ / n_ - mean_x * mean_x, variance_y = yy_ / n_ - mean_y * mean_y;
  const auto varies = variance_x > 1e-12 * (xx_ / n_) + 1e-300;
  const auto ratio = at::sqrt(at::clamp(variance_y, 0) / variance_x);
  const auto slope = at::where(varies, ratio, at::ones_like(ratio));
  return {slope, mean_y - slope * mean_x};
}

double AffineSums::relative_error(const Line& line) const {
  const auto &a = line.slope, &b = line.offset;
  const auto residual = yy_ - 2 * a * xy_ - 2 * b * y_ + a * a * xx_ + 2 * a * b * x_ + b * b * n_;
  return at::clamp(residual, 0).sum().item<double>() / yy_.sum().item<double>();
}

double AffineSums::relative_error() const {
  return relative_error({at::ones_like(x_), at::zeros_like(x_)});
}

NamedTensors tensors_of(const Corrections& corrections) {
  NamedTensors tensors;
  const auto add = [&](const std::string& of, const at::Tensor& slope, const at::Tensor& offset) {
    if (!slope.defined()) return;
    tensors[of + ".slope"] = slope;
    tensors[of + ".offset"] = offset;
  };
  add("feature", corrections.feature.slope, corrections.feature.offset);
  for (const auto& [unit, output] : corrections.outputs) {
    add(fmt::format("output.{}", unit), output.slope, output.offset);
  }
  return tensors;
}

Corrections corrections_of(const NamedTensors& tensors, const std::string& where) {
  Corrections corrections;
  for (const auto& [name, value] : tensors) {
    const bool slope = name.ends_with(".slope");
    if (name.starts_with("feature.")) {
      (slope ? corrections.feature.slope : corrections.feature.offset) = value;
    } else if (name.starts_with("output.")) {
      auto& output = corrections.outputs[std::stoll(name.substr(7))];
      (slope ? output.slope : output.offset) = value;
    } else {
      throw RunError("{}: unexpected tensor '{}'", where, name);
    }
  }
  return corrections;
}

Corrections on_device(Corrections corrections, const at::Device& device) {
  const auto move = [&](at::Tensor& x) {
    if (x.defined()) x = x.to(device);
  };
  move(corrections.feature.slope);
  move(corrections.feature.offset);
  for (auto& [unit, output] : corrections.outputs) {
    move(output.slope);
    move(output.offset);
  }
  return corrections;
}

}  // namespace cq
