#include "cq/core/image_resize.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/upsample_bicubic2d.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include "cq/base/error.h"
#include "cq/core/parallel.h"

namespace cq {
namespace {

constexpr int64_t kChannels = 3;

[[noreturn]] void refuse(const std::string& variant, const std::vector<std::string>& known) {
  throw UsageError("unknown resize '{}' (known: {})", variant, fmt::join(known, ", "));
}

/// Source positions and weight of one bilinear output pixel.
struct Between {
  int64_t low, high;
  float share;  // of `high`
};

std::vector<Between> tf1_positions(int64_t in, int64_t out) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  std::vector<Between> result;
  for (int64_t i = 0; i < out; ++i) {
    const float at = static_cast<float>(i) * scale;
    const auto low = static_cast<int64_t>(at);
    result.push_back({low, std::min(low + 1, in - 1), at - static_cast<float>(low)});
  }
  return result;
}

/// The part of the source that one output pixel is made of, and its weights.
struct Taps {
  int64_t first;
  std::vector<double> weights;
};

double cubic(double x) {  // Keys' kernel with a = -0.5
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/// Pillow's precompute_coeffs: the kernel is stretched by the scale where the image shrinks.
std::vector<Taps> pillow_taps(int64_t in, int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double stretch = std::max(scale, 1.0);
  const double support = 2 * stretch;
  std::vector<Taps> result;
  for (int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<int64_t>(static_cast<int64_t>(centre - support + 0.5), 0);
    const auto last = std::min<int64_t>(static_cast<int64_t>(centre + support + 0.5), in);
    Taps taps{first, {}};
    double sum = 0;
    for (int64_t j = first; j < last; ++j) {
      const double weight = cubic((static_cast<double>(j) - centre + 0.5) * (1 / stretch));
      taps.weights.push_back(weight);
      sum += weight;
    }
    for (double& weight : taps.weights) weight /= sum;
    result.push_back(std::move(taps));
  }
  return result;
}

/// Pillow's resampling of floats: sums in double, each pass rounds to float.
struct FloatPass {
  using Value = float;
  using Sum = double;
  using Weight = double;
  static Weight weight(double w) { return w; }
  static constexpr Sum start = 0;
  static Value finish(Sum sum) { return static_cast<float>(sum); }
};

/// Pillow's resampling of bytes: weights in 22 binary places, each pass rounds and clips.
struct BytePass {
  static constexpr int kPlaces = 32 - 8 - 2;
  using Value = uint8_t;
  using Sum = int32_t;
  using Weight = int32_t;
  static Weight weight(double w) {
    return static_cast<Weight>((w < 0 ? -0.5 : 0.5) + w * (1 << kPlaces));
  }
  static constexpr Sum start = 1 << (kPlaces - 1);
  static Value finish(Sum sum) { return static_cast<uint8_t>(std::clamp(sum >> kPlaces, 0, 255)); }
};

template <class Pass>
struct Resampler {
  struct Row {
    int64_t first;
    std::vector<typename Pass::Weight> weights;
  };
  explicit Resampler(int64_t in, int64_t out) : needed(in != out) {
    for (const Taps& taps : pillow_taps(in, out)) {
      Row row{taps.first, {}};
      for (const double w : taps.weights) row.weights.push_back(Pass::weight(w));
      rows.push_back(std::move(row));
    }
  }
  bool needed;  // Pillow leaves a pass out where the size stays
  std::vector<Row> rows;
};

/// Image by image, rows first as Pillow does; interleaved RGB in and out.
template <class Pass>
at::Tensor resample(const at::Tensor& given, int64_t height, int64_t width) {
  using Value = typename Pass::Value;
  const at::Tensor images = given.contiguous();
  const int64_t in_height = images.size(1), in_width = images.size(2);
  const Resampler<Pass> across(in_width, width), down(in_height, height);
  at::Tensor result =
      at::empty({images.size(0), height, width, kChannels}, c10::CppTypeToScalarType<Value>::value);
  const uint8_t* source = images.const_data_ptr<uint8_t>();
  auto* target = result.mutable_data_ptr<Value>();
  parallel_for(0, images.size(0), 1, [&](int64_t begin, int64_t end) {
    std::vector<Value> middle(static_cast<size_t>(in_height * width * kChannels));
    for (int64_t n = begin; n < end; ++n) {
      const uint8_t* image = source + n * in_height * in_width * kChannels;
      Value* out = target + n * height * width * kChannels;
      for (int64_t y = 0; y < in_height; ++y) {
        const uint8_t* line = image + y * in_width * kChannels;
        Value* to = middle.data() + y * width * kChannels;
        for (int64_t x = 0; x < width; ++x) {
          for (int64_t c = 0; c < kChannels; ++c) {
            if (!across.needed) {
              to[x * kChannels + c] = line[x * kChannels + c];
              continue;
            }
            const auto& taps = across.rows[static_cast<size_t>(x)];
            auto sum = Pass::start;
            const uint8_t* from = line + taps.first * kChannels + c;
            for (const auto weight : taps.weights) {
              sum += static_cast<typename Pass::Sum>(*from) * weight;
              from += kChannels;
            }
            to[x * kChannels + c] = Pass::finish(sum);
          }
        }
      }
      const int64_t pitch = width * kChannels;
      for (int64_t y = 0; y < height; ++y) {
        const auto& taps = down.rows[static_cast<size_t>(y)];
        for (int64_t x = 0; x < pitch; ++x) {
          if (!down.needed) {
            out[y * pitch + x] = middle[static_cast<size_t>(y * pitch + x)];
            continue;
          }
          auto sum = Pass::start;
          const Value* from = middle.data() + taps.first * pitch + x;
          for (const auto weight : taps.weights) {
            sum += static_cast<typename Pass::Sum>(*from) * weight;
            from += pitch;
          }
          out[y * pitch + x] = Pass::finish(sum);
        }
      }
    }
  });
  return result;
}

at::Tensor channels_first(const at::Tensor& images) {
  return images.permute({0, 3, 1, 2}).to(at::kFloat).contiguous();
}

}  // namespace

at::Tensor resize_tf1_bilinear(const at::Tensor& images, int64_t height, int64_t width) {
  const at::Tensor planes = channels_first(images);
  const int64_t in_height = images.size(1), in_width = images.size(2);
  const auto rows = tf1_positions(in_height, height), columns = tf1_positions(in_width, width);
  at::Tensor result = at::empty({images.size(0), kChannels, height, width});
  const float* source = planes.const_data_ptr<float>();
  auto* target = result.mutable_data_ptr<float>();
  parallel_for(0, images.size(0) * kChannels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) {
      const float* from = source + plane * in_height * in_width;
      float* to = target + plane * height * width;
      for (const Between& row : rows) {
        const float* top = from + row.low * in_width;
        const float* bottom = from + row.high * in_width;
        for (const Between& column : columns) {
          const float upper = top[column.low] + (top[column.high] - top[column.low]) * column.share;
          const float lower =
              bottom[column.low] + (bottom[column.high] - bottom[column.low]) * column.share;
          *to++ = upper + (lower - upper) * row.share;
        }
      }
    }
  });
  return result;
}

at::Tensor resize_pillow_bicubic(const at::Tensor& images, int64_t height, int64_t width) {
  return resample<FloatPass>(images, height, width).permute({0, 3, 1, 2}).contiguous();
}

at::Tensor resize_pillow_bicubic_bytes(const at::Tensor& images, int64_t height, int64_t width) {
  return resample<BytePass>(images, height, width);
}

const std::vector<std::string>& inception_resizes() {
  static const std::vector<std::string> names{"pytorch-fid", "adm", "clean"};
  return names;
}

at::Tensor resize_for_inception(const at::Tensor& images, int64_t size,
                                const std::string& variant) {
  if (variant == "pytorch-fid") {
    const at::Tensor unit = channels_first(images).div_(255);
    return at::upsample_bilinear2d(unit, {size, size}, /*align_corners=*/false).mul_(2).sub_(1);
  }
  if (variant == "adm") return resize_tf1_bilinear(images, size, size).sub_(128).div_(128);
  if (variant == "clean") {
    return resize_pillow_bicubic(images, size, size).clamp_(0, 255).sub_(128).div_(128);
  }
  refuse(variant, inception_resizes());
}

const std::vector<std::string>& clip_resizes() {
  static const std::vector<std::string> names{"clip", "cmmd"};
  return names;
}

at::Tensor resize_for_clip(const at::Tensor& images, int64_t size, const std::string& variant) {
  if (variant == "cmmd") {
    const at::Tensor unit = channels_first(images).div_(255);
    return at::upsample_bicubic2d(unit, {size, size}, /*align_corners=*/false);
  }
  if (variant != "clip") refuse(variant, clip_resizes());
  const int64_t height = images.size(1), width = images.size(2);
  const int64_t shorter = std::min(height, width);
  // torchvision's Resize truncates the longer side; CenterCrop rounds its margin half to even.
  const int64_t tall = height == shorter ? size : size * height / shorter;
  const int64_t wide = width == shorter ? size : size * width / shorter;
  const auto margin = [&](int64_t side) {
    return std::llrint(static_cast<double>(side - size) / 2);
  };
  const at::Tensor resized = resize_pillow_bicubic_bytes(images, tall, wide);
  const at::Tensor centre = resized.narrow(1, margin(tall), size).narrow(2, margin(wide), size);
  return channels_first(centre).div_(255);
}

}  // namespace cq
