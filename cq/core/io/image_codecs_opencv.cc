#include <limits>
#include <stdexcept>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "cq/core/io/image_codecs.h"

namespace cq {

void decode_rgb(std::span<const uint8_t> bytes, const ImageHeader& header, std::span<uint8_t> rgb) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    throw std::runtime_error("the file is too large");
  }
  const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8UC1,
                        const_cast<uint8_t*>(bytes.data()));
  const cv::Mat bgr = cv::imdecode(encoded, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  if (bgr.empty()) throw std::runtime_error("it is damaged");
  if (static_cast<uint64_t>(bgr.rows) != header.height ||
      static_cast<uint64_t>(bgr.cols) != header.width || rgb.size() != 3 * bgr.total()) {
    throw std::runtime_error("the size is not that of the header");
  }
  cv::Mat out(bgr.rows, bgr.cols, CV_8UC3, rgb.data());
  cv::cvtColor(bgr, out, cv::COLOR_BGR2RGB);
}

std::vector<uint8_t> encode_png_rgb(std::span<const uint8_t> rgb, int height, int width) {
  const cv::Mat pixels(height, width, CV_8UC3, const_cast<uint8_t*>(rgb.data()));
  cv::Mat bgr;
  cv::cvtColor(pixels, bgr, cv::COLOR_RGB2BGR);
  std::vector<uint8_t> bytes;
  if (!cv::imencode(".png", bgr, bytes, {cv::IMWRITE_PNG_COMPRESSION, 6})) {
    throw std::runtime_error("it cannot be encoded");
  }
  return bytes;
}

}  // namespace cq
