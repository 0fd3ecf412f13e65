#include "cq/core/quant/integer_product.h"

#include <algorithm>

#include "cq/core/kernels/epilogue.h"
#include "cq/core/kernels/images.h"
#include "cq/core/quant/operands.h"

namespace cq {

namespace {

constexpr int64_t kRows = 128;
constexpr int64_t kMostBlock = 64;
/// Operations below which threads cost more than they save.
constexpr int64_t kSmall = 4'000'000;

/// How output positions are laid out as rows of the product. Positions of a segment are counted
/// along the code image, gaps included, so that rows are equally far apart; what gaps give is left.
struct Layout {
  int64_t images = 1, out_height = 1, out_width = 1;
  int64_t line = 0;  ///< positions from one line of outputs to the next
  int64_t stride = 1;
  int64_t lines_per_segment = 1;  ///< all lines of an image, or one
  bool merged = false;            ///< lines follow each other without a break and count as one
  int64_t segments() const { return images * out_height / lines_per_segment; }
  int64_t positions() const { return (lines_per_segment - 1) * line + out_width; }
  int64_t blocks_per_segment() const { return (positions() + kRows - 1) / kRows; }
  int64_t blocks() const { return segments() * blocks_per_segment(); }
};

Layout layout_of(const Unit& unit, const CodeImage& codes, bool per_image) {
  const auto& s = codes.shape();
  const auto& g = unit.conv;
  Layout l;
  l.images = s.images;
  const int64_t kh = unit.is_conv() ? unit.weight.size(2) : 1;
  const int64_t kw = unit.is_conv() ? unit.weight.size(3) : 1;
  l.out_height = (s.height + g.padding[2] + g.padding[3] - kh) / g.stride + 1;
  l.out_width = (s.width + g.padding[0] + g.padding[1] - kw) / g.stride + 1;
  l.line = codes.line();
  l.stride = g.stride;
  if (kh * kw == 1 && g.stride == 1 && !codes.has_gaps()) {
    // Rows follow each other without a break, through all images where they need not be told apart.
    l.out_width *= per_image ? l.out_height : l.out_height * l.images;
    l.images = per_image ? l.images : 1;
    l.out_height = 1;
    l.merged = true;
    return l;
  }
  // With a stride, half of the positions or more are not wanted: worth it for short lines only.
  constexpr int64_t kLongLine = 16;
  if (g.stride == 1 || l.out_width < kLongLine) l.lines_per_segment = l.out_height;
  return l;
}

/// Factors by output channel, side by side, and everything that is added by channel.
struct Coefficients {
  std::vector<float> factor[2], zero[2], bias;
};

Coefficients coefficients_of(const std::vector<ProductSide>& sides, const at::Tensor& bias) {
  Coefficients c;
  const int64_t outputs = sides[0].weight->shape.columns;
  std::vector<double> sum(size_t(outputs), 0);
  if (bias.defined()) std::copy_n(bias.data_ptr<float>(), outputs, sum.begin());
  for (size_t i = 0; i < sides.size(); ++i) {
    const auto& s = sides[i];
    c.factor[i].resize(size_t(outputs));
    c.zero[i].resize(size_t(outputs));
    for (size_t o = 0; o < size_t(outputs); ++o) {
      const double slope = s.slope == nullptr ? 1 : double(s.slope[o]);
      const double factor = s.range.scale * double(s.weight->scale[o]) * slope;
      c.factor[i][o] = float(factor);
      c.zero[i][o] = float(-factor * double(s.weight->zero[o]));
      sum[o] -= factor * double(s.range.zero_point) * double(s.weight->column_sums[o]);
      if (s.offset != nullptr) sum[o] += double(s.offset[o]);
    }
  }
  c.bias.assign(sum.begin(), sum.end());
  return c;
}

/// Sums of the inputs of each window, where the weight has zero points.
at::Tensor sums_of_windows(const Unit& unit, const ProductSide& side, const Layout& l) {
  const auto& s = side.codes->shape();
  const auto& g = unit.conv;
  const int64_t kh = unit.is_conv() ? unit.weight.size(2) : 1;
  const int64_t kw = unit.is_conv() ? unit.weight.size(3) : 1;
  if (kh * kw == 1 && g.stride == 1 && !side.codes->has_gaps()) return {};
  const int64_t lines = l.images * l.out_height;
  auto out = at::empty({lines * l.out_width}, at::kInt);
  const kernels::WindowSums w{.in = side.codes->sums(),
                              .out = out.data_ptr<int32_t>(),
                              .height = s.height,
                              .width = s.width,
                              .out_height = l.out_height,
                              .out_width = l.out_width,
                              .kernel_height = kh,
                              .kernel_width = kw,
                              .stride = g.stride,
                              .pad_top = g.padding[2],
                              .pad_left = g.padding[0]};
  at::parallel_for(0, lines, 16, [&](int64_t a, int64_t b) { kernels::window_sums(w, a, b); });
  return out;
}

class Product {
 public:
  Product(const ProductEngine& engine, const std::vector<ProductSide>& sides, const ProductEnd& end,
          const at::Tensor& out)
      : engine_(engine),
        sides_(sides),
        unit_(*end.unit),
        layout_(layout_of(unit_, *sides[0].codes,
                          end.input->channel_bias.defined() || end.input->gate.defined())),
        coefficients_(coefficients_of(sides, unit_.bias)),
        outputs_(sides[0].weight->shape.columns) {
    for (size_t i = 0; i < sides.size(); ++i) {
      for (int64_t t = 0; t < sides[i].weight->shape.taps; ++t) {
        taps_[i].push_back(t * sides[i].codes->line() * sides[i].codes->depth());
      }
      if (sides[i].weight->has_zero) window_sums_[i] = sums_of_windows(unit_, sides[i], layout_);
    }
    const auto& in = *end.input;
    last_.rows_per_image = layout_.out_height * layout_.out_width;
    last_.bias = coefficients_.bias.data();
    last_.channel_bias = channel_rows(in.channel_bias);
    last_.gate = channel_rows(in.gate);
    if (in.residual.defined()) last_.residual = {in.residual.data_ptr<float>(), outputs_};
    out_ = {out.data_ptr<float>(), outputs_};
  }

  void run() const {
    const int64_t rows = layout_.blocks(), columns = engine_.blocks(outputs_);
    int64_t operand = 0, codes = 0;
    for (const auto& side : sides_) {
      operand += outputs_ * side.weight->shape.taps * side.weight->shape.depth;
      codes += rows * kRows * side.codes->depth();
    }
    // The smaller of weight and input is what is gone through again and again.
    const bool by_rows = operand <= codes;
    const int64_t tasks = rows * columns;
    const bool small = layout_.segments() * layout_.positions() * operand < kSmall;
    at::parallel_for(0, tasks, small ? tasks : 1, [&](int64_t first, int64_t last) {
      for (int64_t t = first; t < last; ++t) {
        if (by_rows) {
          block(t / columns, t % columns);
        } else {
          block(t % rows, t / rows);
        }
      }
      engine_.finish();
    });
  }

 private:
  void block(int64_t row_block, int64_t column_block) const {
    alignas(64) int32_t sums[kRows * kMostBlock];
    const int64_t segment = row_block / layout_.blocks_per_segment();
    const int64_t p0 = row_block % layout_.blocks_per_segment() * kRows;
    const int64_t count = std::min(kRows, layout_.positions() - p0);
    for (size_t i = 0; i < sides_.size(); ++i) {
      const auto& codes = *sides_[i].codes;
      engine_.multiply({.a = codes.codes() + first_position(codes, segment, p0) * codes.depth(),
                        .a_stride = layout_.stride * codes.depth(),
                        .rows = count,
                        .tap_offsets = taps_[i].data(),
                        .sums = sums,
                        .sums_stride = engine_.block()},
                       sides_[i].weight->shape, sides_[i].weight->packed.data_ptr(), column_block);
      finish_block(i, segment, {p0, count}, column_block, sums);
    }
  }

  /// Where in the code image row `p` of a segment begins.
  int64_t first_position(const CodeImage& codes, int64_t segment, int64_t p) const {
    const auto& padding = unit_.conv.padding;
    const int64_t line = segment * layout_.lines_per_segment;
    const int64_t image = line / layout_.out_height, y = line % layout_.out_height;
    if (layout_.merged) return image * layout_.out_width + p;
    return codes.position(image, 0) + (y * layout_.stride - padding[2]) * codes.line() -
           padding[0] + layout_.stride * p;
  }

  struct Span {
    int64_t first, count;
  };

  /// From sums to outputs, line by line.
  void finish_block(size_t side, int64_t segment, Span p, int64_t column_block,
                    const int32_t* sums) const {
    const int64_t c0 = column_block * engine_.block();
    auto e = side + 1 == sides_.size() ? last_ : kernels::Epilogue{};
    e.rows_per_image = last_.rows_per_image;
    e.channels = std::min(engine_.block(), outputs_ - c0);
    e.factor = coefficients_.factor[side].data() + c0;
    if (e.bias != nullptr) e.bias += c0;
    if (e.channel_bias) e.channel_bias.data += c0;
    if (e.gate) e.gate.data += c0;
    if (e.residual) e.residual.data += c0;
    e.out = {out_.data + c0, out_.stride};
    if (side > 0) e.addend = {e.out.data, e.out.stride};
    if (sides_[side].weight->has_zero) {
      const auto& windows = window_sums_[side];
      e.terms[0] = {windows.defined() ? windows.data_ptr<int32_t>() : sides_[side].codes->sums(),
                    coefficients_.zero[side].data() + c0};
    }
    if (layout_.lines_per_segment == 1) {
      finish_line(e, segment * layout_.out_width, p, p, sums);
      return;
    }
    const int64_t end = p.first + p.count;
    for (int64_t y = p.first / layout_.line; y * layout_.line < end; ++y) {
      const int64_t from = std::max(p.first, y * layout_.line);
      const int64_t to = std::min(end, y * layout_.line + layout_.out_width);
      if (from >= to) continue;
      const int64_t row = (segment * layout_.lines_per_segment + y) * layout_.out_width;
      finish_line(e, row - y * layout_.line, p, {from, to - from}, sums);
    }
  }

  /// `shift`: the output row of position 0.
  void finish_line(kernels::Epilogue& e, int64_t shift, Span block, Span part,
                   const int32_t* sums) const {
    e.sums = {sums - (shift + block.first) * engine_.block(), engine_.block()};
    kernels::epilogue(e, shift + part.first, shift + part.first + part.count);
  }

  const ProductEngine& engine_;
  const std::vector<ProductSide>& sides_;
  const Unit& unit_;
  Layout layout_;
  Coefficients coefficients_;
  int64_t outputs_;
  std::vector<int64_t> taps_[2];
  at::Tensor window_sums_[2];
  kernels::Epilogue last_;  ///< of the last side, for all channels
  kernels::Rows<float> out_;
};

}  // namespace

at::Tensor product_output(const Unit& unit, const UnitInput& in, const CodeImage::Shape& s) {
  const auto floats = in.x.options().dtype(at::kFloat);
  if (!unit.is_conv()) {
    auto shape = in.x.sizes().vec();
    shape.back() = unit.out_channels();
    return at::empty(shape, floats);
  }
  const auto& g = unit.conv;
  return at::empty({s.images, unit.out_channels(),
                    (s.height + g.padding[2] + g.padding[3] - unit.weight.size(2)) / g.stride + 1,
                    (s.width + g.padding[0] + g.padding[1] - unit.weight.size(3)) / g.stride + 1},
                   floats.memory_format(at::MemoryFormat::ChannelsLast));
}

at::Tensor integer_product(const ProductEngine& engine, const std::vector<ProductSide>& sides,
                           const ProductEnd& end) {
  auto out = product_output(*end.unit, *end.input, sides[0].codes->shape());
  Product(engine, sides, end, out).run();
  return out;
}

}  // namespace cq
