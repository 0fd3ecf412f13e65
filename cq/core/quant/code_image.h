#pragma once
#include "cq/core/layers/unit.h"

namespace cq {

/// Codes of a product's left operand: images of rows of positions of `depth` bytes. Between lines
/// and images lie gaps that hold the zero point, so that windows read padding like any other
/// position and a line's right padding is the next one's left. Tokens are images of one line.
class CodeImage {
 public:
  struct Shape {
    int64_t images = 1, height = 1, width = 1;
    int64_t channels = 0;
  };
  CodeImage() = default;
  CodeImage(const Shape& shape, const ConvGeometry& geometry, bool sums);

  const Shape& shape() const { return shape_; }
  int64_t depth() const { return depth_; }
  /// Positions from one line to the next.
  int64_t line() const { return shape_.width + gap_x_; }
  /// Position of the first value of line `y` of image `b`; codes lie at depth() times that.
  int64_t position(int64_t b, int64_t y) const {
    return gap_x_ + (gap_y_ + b * (shape_.height + gap_y_) + y) * line();
  }
  uint8_t* codes() const { return codes_.data_ptr<uint8_t>(); }
  /// [images][height][width] sums of code - zero point, without gaps; null where not asked for.
  int32_t* sums() const { return sums_.defined() ? sums_.data_ptr<int32_t>() : nullptr; }
  bool has_gaps() const { return gap_x_ + gap_y_ > 0; }
  /// Writes the zero point into all gaps.
  void fill_gaps(uint8_t zero_point) const;

 private:
  Shape shape_;
  int64_t depth_ = 0, gap_x_ = 0, gap_y_ = 0;
  at::Tensor codes_, sums_;
};

}  // namespace cq
