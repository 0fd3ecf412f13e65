#include "cq/metrics/numerics/paired.h"

#include <ATen/ops/conv2d.h>

#include "cq/base/error.h"

namespace cq {
namespace {

constexpr int64_t kWindow = 11;
constexpr double kSigma = 1.5;

/// [n, h, w, 3] bytes to [n*3, 1, h, w] float64.
at::Tensor planes(const at::Tensor& images) {
  const at::Tensor nchw = images.permute({0, 3, 1, 2}).to(at::kDouble).contiguous();
  return nchw.view({-1, 1, images.size(1), images.size(2)});
}

at::Tensor gaussian_window() {
  const at::Tensor x = at::arange(kWindow, at::kDouble) - static_cast<double>(kWindow / 2);
  const at::Tensor weights = x.square().div_(-2 * kSigma * kSigma).exp_();
  return weights / weights.sum();
}

/// Weighted mean under the window at every position where it fits.
at::Tensor blur(const at::Tensor& image, const at::Tensor& window) {
  const at::Tensor rows = at::conv2d(image, window.view({1, 1, kWindow, 1}));
  return at::conv2d(rows, window.view({1, 1, 1, kWindow}));
}

}  // namespace

at::Tensor squared_error(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).square().flatten(1).mean(1);
}

at::Tensor structural_similarity(const at::Tensor& a, const at::Tensor& b) {
  if (a.size(1) < kWindow || a.size(2) < kWindow) {
    throw UsageError("[ssim] images are {}x{}, the window needs {}x{}", a.size(1), a.size(2),
                     kWindow, kWindow);
  }
  const double c1 = 0.01 * 255 * 0.01 * 255;
  const double c2 = 0.03 * 255 * 0.03 * 255;
  const at::Tensor window = gaussian_window();
  const at::Tensor x = planes(a);
  const at::Tensor y = planes(b);
  const at::Tensor mean_x = blur(x, window);
  const at::Tensor mean_y = blur(y, window);
  const at::Tensor variance_x = blur(x * x, window) - mean_x * mean_x;
  const at::Tensor variance_y = blur(y * y, window) - mean_y * mean_y;
  const at::Tensor covariance = blur(x * y, window) - mean_x * mean_y;
  const at::Tensor luminance =
      (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1);
  const at::Tensor structure = (2 * covariance + c2) / (variance_x + variance_y + c2);
  return (luminance * structure).flatten(1).mean(1).view({a.size(0), 3}).mean(1);
}

}  // namespace cq
