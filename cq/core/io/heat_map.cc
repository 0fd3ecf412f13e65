#include "cq/core/io/heat_map.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <opencv2/imgproc.hpp>

#include "cq/base/error.h"

namespace cq {
namespace {

constexpr int kSide = 500, kLeft = 70, kTop = 40, kBottom = 50, kBar = 20, kRight = 110;
constexpr int kWidth = kLeft + kSide + kRight, kHeight = kTop + kSide + kBottom;
const cv::Scalar kBlack(0, 0, 0);

void put_text(cv::Mat& canvas, const std::string& text, int x, int y) {
  cv::putText(canvas, text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, 0.45, kBlack, 1, cv::LINE_AA);
}

cv::Mat colours(const cv::Mat& scaled) {
  cv::Mat bytes, result;
  scaled.convertTo(bytes, CV_8U, 255);
  cv::applyColorMap(bytes, result, cv::COLORMAP_VIRIDIS);
  return result;
}

// 1, 2, 5, 10, 20, ...: at most ten labels.
int64_t tick_distance(int64_t n) {
  for (int64_t power = 1;; power *= 10) {
    for (const int64_t factor : {1, 2, 5}) {
      if (n <= 10 * factor * power) return factor * power;
    }
  }
}

void draw_axes(cv::Mat& canvas, const HeatMap& map, int64_t n) {
  const auto centre = [&](int64_t i) { return static_cast<int>((2 * i + 1) * kSide / (2 * n)); };
  for (int64_t i = 0; i < n; i += tick_distance(n)) {
    const std::string label = std::to_string(i);
    const int x = kLeft + centre(i), y = kTop + centre(i);
    cv::line(canvas, {x, kTop + kSide}, {x, kTop + kSide + 4}, kBlack);
    cv::line(canvas, {kLeft - 5, y}, {kLeft - 1, y}, kBlack);
    put_text(canvas, label, x - 4 * static_cast<int>(label.size()), kTop + kSide + 18);
    put_text(canvas, label, kLeft - 8 - 9 * static_cast<int>(label.size()), y + 5);
  }
  put_text(canvas, map.axis, kLeft + kSide / 2 - 16, kTop + kSide + 40);
  put_text(canvas, map.axis, 4, kTop - 10);
  put_text(canvas, map.title, kLeft + 40, kTop - 14);
}

void draw_bar(cv::Mat& canvas, const HeatMap& map) {
  cv::Mat ramp(kSide, 1, CV_32F);
  for (int i = 0; i < kSide; ++i) ramp.at<float>(i) = 1 - static_cast<float>(i) / (kSide - 1);
  cv::Mat bar;
  cv::resize(colours(ramp), bar, {kBar, kSide}, 0, 0, cv::INTER_NEAREST);
  const int x = kLeft + kSide + 20;
  bar.copyTo(canvas(cv::Rect(x, kTop, kBar, kSide)));
  put_text(canvas, fmt::format("{:.3g}", map.high), x + kBar + 5, kTop + 10);
  put_text(canvas, fmt::format("{:.3g}", map.low), x + kBar + 5, kTop + kSide);
}

void draw(cv::Mat canvas, const HeatMap& map) {
  const at::Tensor values = map.values.to(at::kFloat).contiguous();
  if (values.dim() != 2 || values.size(0) != values.size(1) || values.size(0) == 0) {
    throw RunError("a heat map needs a square table");
  }
  const auto n = static_cast<int>(values.size(0));
  const cv::Mat table(n, n, CV_32F, values.data_ptr());
  const double range = map.high > map.low ? map.high - map.low : 1;
  cv::Mat scaled = (table - map.low) / range;
  cv::Mat pixels = colours(scaled);
  pixels.setTo(cv::Scalar(128, 128, 128), table != table);
  cv::Mat square;
  cv::resize(pixels, square, {kSide, kSide}, 0, 0, n > kSide ? cv::INTER_AREA : cv::INTER_NEAREST);
  square.copyTo(canvas(cv::Rect(kLeft, kTop, kSide, kSide)));
  draw_axes(canvas, map, n);
  draw_bar(canvas, map);
}

}  // namespace

at::Tensor draw_heat_maps(const std::vector<HeatMap>& panels) {
  if (panels.empty()) throw RunError("no table to draw");
  const auto height = static_cast<int>(panels.size()) * kHeight;
  cv::Mat canvas(height, kWidth, CV_8UC3, cv::Scalar(255, 255, 255));
  for (size_t i = 0; i < panels.size(); ++i) {
    draw(canvas(cv::Rect(0, static_cast<int>(i) * kHeight, kWidth, kHeight)), panels[i]);
  }
  at::Tensor image = at::empty({height, kWidth, 3}, at::kByte);
  cv::Mat rgb(height, kWidth, CV_8UC3, image.data_ptr());
  cv::cvtColor(canvas, rgb, cv::COLOR_BGR2RGB);
  return image;
}

}  // namespace cq
