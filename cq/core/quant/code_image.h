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
  /// Where codes lie, and what a row's bytes are rounded up to a multiple of.
  struct Placement {
    at::Device device = at::kCPU;
    int64_t multiple = 4;
  };
  CodeImage(const Shape& shape, const ConvGeometry& geometry, bool sums,
            const Placement& placement);
  CodeImage(const Shape& shape, const ConvGeometry& geometry, bool sums)
      : CodeImage(shape, geometry, sums, Placement{}) {}

  const Shape& shape() const { return shape_; }
  int64_t depth() const { return depth_; }
  /// Positions from one line to the next.
  int64_t line() const { return shape_.width + gap_x_; }
  /// Positions from one image to the next.
  int64_t image() const { return (shape_.height + gap_y_) * line(); }
  /// Position of the first value of line `y` of image `b`; codes lie at depth() times that.
  int64_t position(int64_t b, int64_t y) const {
    return gap_x_ + (gap_y_ + y) * line() + b * image();
  }
  uint8_t* codes() const { return codes_.data_ptr<uint8_t>(); }
  /// All bytes, gaps included.
  const at::Tensor& bytes() const { return codes_; }
  /// [images][height][width] sums of code - zero point, without gaps; null where not asked for.
  int32_t* sums() const { return sums_.defined() ? sums_.data_ptr<int32_t>() : nullptr; }
  /// Makes the sums 0, where they are there: for kernels that add to them.
  void clear_sums() const;
  bool has_gaps() const { return gap_x_ + gap_y_ > 0; }
  /// Writes the zero point into all gaps.
  void fill_gaps(uint8_t zero_point) const;
  /// The same in one stroke, before codes are written: everything is the zero point.
  void fill(uint8_t zero_point) const;

 private:
  Shape shape_;
  int64_t depth_ = 0, gap_x_ = 0, gap_y_ = 0;
  at::Tensor codes_, sums_;
};

}  // namespace cq
