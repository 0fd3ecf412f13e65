#include "cq/core/quant/integer_product.h"

#include <algorithm>

#include "cq/core/kernels/activate.h"
#include "cq/core/kernels/epilogue.h"
#include "cq/core/parallel.h"
#include "cq/core/quant/operands.h"
#include "cq/core/quant/product_layout.h"

namespace cq {

namespace {

constexpr int64_t kRows = kProductRows;
constexpr int64_t kMostBlock = 64;
/// Operations below which threads cost more than they save.
constexpr int64_t kSmall = 4'000'000;

class Product {
 public:
  Product(const ProductEngine& engine, const std::vector<ProductSide>& sides, const ProductEnd& end)
      : engine_(engine),
        sides_(sides),
        unit_(*end.unit),
        layout_(product_layout(unit_, *sides[0].codes,
                               end.input->channel_bias.defined() || end.input->gate.defined())),
        coefficients_(coefficients_of(sides, unit_.bias)),
        outputs_(sides[0].weight->shape.columns) {
    for (size_t i = 0; i < sides.size(); ++i) {
      for (int64_t t = 0; t < sides[i].weight->shape.taps; ++t) {
        taps_[i].push_back(t * sides[i].codes->line() * sides[i].codes->depth());
      }
      if (sides[i].weight->has_zero) window_sums_[i] = window_sums_of(unit_, sides[i], layout_);
    }
    const auto& in = *end.input;
    last_.rows_per_image = layout_.out_height * layout_.out_width;
    last_.bias = coefficients_.bias.data();
    last_.channel_bias = channel_rows(in.channel_bias);
    last_.gate = channel_rows(in.gate);
    if (in.residual.defined()) last_.residual = {in.residual.data_ptr<float>(), outputs_};
  }

  void run(float* out) const {
    each_block(engine_.blocks(outputs_), [&](int64_t row_block, int64_t column_block) {
      block(row_block, column_block, {out + column_block * engine_.block(), outputs_});
    });
  }

  void run(const std::vector<CodeSink>& sinks) const {
    const int64_t halves = sinks[0].act == Activation::geglu ? 2 : 1;
    const int64_t columns = engine_.blocks(outputs_) / halves;
    const int64_t each = columns / int64_t(sinks.size());
    each_block(columns, [&](int64_t row_block, int64_t column_block) {
      coded_block(sinks[size_t(column_block / each)], row_block, column_block,
                  {column_block % each * engine_.block(), halves, columns});
    });
    const int64_t rows = layout_.segments() * layout_.out_width;
    for (const auto& sink : sinks) {
      if (sink.out.sums == nullptr) continue;
      parallel_for(0, rows, 1024, [&](int64_t first, int64_t last) {
        kernels::code_sums(sink.out, sink.channels, first, last);
      });
    }
  }

 private:
  using Rows = kernels::Rows<float>;

  template <class Block>
  void each_block(int64_t columns, const Block& block) const {
    const int64_t rows = layout_.blocks();
    int64_t operand = 0, codes = 0;
    for (const auto& side : sides_) {
      operand += outputs_ * side.weight->shape.taps * side.weight->shape.depth;
      codes += rows * kRows * side.codes->depth();
    }
    // The smaller of weight and input is what is gone through again and again.
    const bool by_rows = operand <= codes;
    const int64_t tasks = rows * columns;
    const bool small = layout_.segments() * layout_.positions() * operand < kSmall;
    parallel_for(0, tasks, small ? tasks : 1, [&](int64_t first, int64_t last) {
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

  struct SinkColumns {
    int64_t first;  ///< in the sink
    int64_t halves, columns;
  };

  /// Values of a block, which stay in cache, then their codes. Rows are those of one long line.
  void coded_block(const CodeSink& sink, int64_t row_block, int64_t column_block,
                   const SinkColumns& at) const {
    alignas(64) float values[kRows * 2 * kMostBlock];
    const int64_t width = engine_.block(), stride = at.halves * width;
    const int64_t row = row_block / layout_.blocks_per_segment() * layout_.out_width +
                        row_block % layout_.blocks_per_segment() * kRows;
    const int64_t count = std::min(kRows, layout_.positions() - row % layout_.out_width);
    float* first = values - row * stride;
    for (int64_t h = 0; h < at.halves; ++h) {
      block(row_block, column_block + h * at.columns, {first + h * width, stride});
    }
    kernels::Activate a;
    a.x.floats = {first, stride};
    a.channels = std::min(width, sink.channels - at.first);
    a.act = kernels::Act(int(sink.act));
    a.out = sink.out;
    a.out.codes.data += at.first;
    a.out.sums = nullptr;
    a.out.segments = 1;
    kernels::activate(a, row, row + count);
  }

  /// `out`: of row 0, at the block's first column.
  void block(int64_t row_block, int64_t column_block, const Rows& out) const {
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
      finish_block(i, segment, {p0, count}, column_block, sums, out);
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
  void finish_block(size_t side, int64_t segment, Span p, int64_t column_block, const int32_t* sums,
                    const Rows& out) const {
    const int64_t c0 = column_block * engine_.block();
    auto e = side + 1 == sides_.size() ? last_ : kernels::Epilogue{};
    e.rows_per_image = last_.rows_per_image;
    e.channels = std::min(engine_.block(), outputs_ - c0);
    e.factor = coefficients_.factor[side].data() + c0;
    if (e.bias != nullptr) e.bias += c0;
    if (e.channel_bias) e.channel_bias.data += c0;
    if (e.gate) e.gate.data += c0;
    if (e.residual) e.residual.data += c0;
    e.out = out;
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
  ProductLayout layout_;
  Coefficients coefficients_;
  int64_t outputs_;
  std::vector<int64_t> taps_[2];
  at::Tensor window_sums_[2];
  kernels::Epilogue last_;  ///< of the last side, for all channels
};

}  // namespace

at::Tensor product_output(const Unit& unit, int64_t dimensions, const CodeImage::Shape& s,
                          const at::Device& device) {
  const auto floats = at::TensorOptions().dtype(at::kFloat).device(device);
  if (!unit.is_conv()) {
    std::vector<int64_t> shape{s.images, unit.out_channels()};
    if (dimensions == 3) shape.insert(shape.begin() + 1, s.width);
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
  const auto shape = sides[0].codes->shape();
  auto out = product_output(*end.unit, end.dimensions, shape, at::kCPU);
  Product(engine, sides, end).run(out.data_ptr<float>());
  return out;
}

bool can_end_in_codes(const ProductEngine& engine, const Unit& unit, int64_t parts) {
  const int64_t outputs = unit.out_channels();
  return !unit.is_conv() && unit.seam == 0 &&
         (parts == 1 || outputs % (parts * engine.block()) == 0);
}

void integer_product_to_codes(const ProductEngine& engine, const std::vector<ProductSide>& sides,
                              const ProductEnd& end, const std::vector<CodeSink>& sinks) {
  Product(engine, sides, end).run(sinks);
}

}  // namespace cq
