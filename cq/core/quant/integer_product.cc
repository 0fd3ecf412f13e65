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
constexpr int64_t kMostSums = kRows * ProductEngine::kMostColumns;
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
    int64_t codes = 0;
    for (const auto& side : sides) {
      operand_ += outputs_ * side.weight->shape.taps * side.weight->shape.depth;
      codes += layout_.blocks() * kRows * side.codes->depth();
    }
    by_rows_ = operand_ <= codes;
    const auto& in = *end.input;
    last_.rows_per_image = layout_.out_height * layout_.out_width;
    last_.bias = coefficients_.bias.data();
    last_.channel_bias = channel_rows(in.channel_bias);
    last_.gate = channel_rows(in.gate);
    if (in.residual.defined()) last_.residual = {in.residual.data_ptr<float>(), outputs_};
  }

  void run(float* out) const {
    each_block(engine_.blocks(outputs_), [&](int64_t row_block, const Columns& c) {
      const auto p = part(row_block);
      alignas(64) int32_t sums[kMostSums];
      for (size_t i = 0; i < sides_.size(); ++i) {
        multiply(i, p, c, sums);
        finish(i, p, c, {sums, c.count * engine_.block()},
               {out + c.first * engine_.block(), outputs_});
      }
    });
  }

  void run(const std::vector<CodeSink>& sinks) const {
    const int64_t halves = sinks[0].act == Activation::geglu ? 2 : 1;
    const int64_t columns = engine_.blocks(outputs_) / halves;
    const int64_t each = columns / int64_t(sinks.size());
    each_block(columns, [&](int64_t row_block, const Columns& c) {
      const auto p = part(row_block);
      alignas(64) int32_t sums[2][kMostSums];
      for (int64_t h = 0; h < halves; ++h) {
        multiply(0, p, {c.first + h * columns, c.count}, sums[h]);
      }
      for (int64_t i = 0; i < c.count; ++i) {
        const int64_t column = c.first + i, offset = i * engine_.block();
        const HalvesOfBlock block{.sums = {sums[0] + offset, sums[1] + offset},
                                  .stride = c.count * engine_.block(),
                                  .column = {column, column + columns},
                                  .count = halves};
        encode(sinks[size_t(column / each)], p, block, column % each * engine_.block());
      }
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

  /// Blocks of columns that are multiplied at once.
  struct Columns {
    int64_t first, count;
  };
  /// Positions of a segment that are multiplied at once.
  struct Part {
    int64_t segment, first, count;
  };

  template <class Block>
  void each_block(int64_t columns, const Block& block) const {
    const int64_t rows = layout_.blocks();
    int64_t at_once = engine_.blocks_at_once(sides_[0].weight->shape);
    // Where there is little to share out, parts are small rather than fast.
    constexpr int64_t kPartsOfThread = 4;
    if (rows * at::divup(columns, at_once) < kPartsOfThread * at::get_num_threads()) at_once = 1;
    const int64_t groups = at::divup(columns, at_once);
    const int64_t tasks = rows * groups;
    const bool small = layout_.segments() * layout_.positions() * operand_ < kSmall;
    parallel_for(0, tasks, small ? tasks : 1, [&](int64_t first, int64_t last) {
      for (int64_t t = first; t < last; ++t) {
        const int64_t group = by_rows_ ? t % groups : t / rows;
        const int64_t c = group * at_once;
        block(by_rows_ ? t / groups : t % rows, Columns{c, std::min(at_once, columns - c)});
      }
      engine_.finish();
    });
  }

  Part part(int64_t row_block) const {
    const int64_t first = row_block % layout_.blocks_per_segment() * kRows;
    return {row_block / layout_.blocks_per_segment(), first,
            std::min(kRows, layout_.positions() - first)};
  }

  void multiply(size_t side, const Part& p, const Columns& c, int32_t* sums) const {
    const auto& codes = *sides_[side].codes;
    engine_.multiply(
        {.a = codes.codes() + first_position(codes, p.segment, p.first) * codes.depth(),
         .a_stride = layout_.stride * codes.depth(),
         .rows = p.count,
         .tap_offsets = taps_[side].data(),
         .sums = sums,
         .sums_stride = c.count * engine_.block(),
         .ahead = by_rows_ ? -1 : p.segment * layout_.blocks_per_segment() + p.first / kRows,
         .aheads = layout_.blocks()},
        sides_[side].weight->shape, sides_[side].weight->packed.data_ptr(), c.first, c.count);
  }

  /// The sums of a block of columns; values and gates of geglu are two halves.
  struct HalvesOfBlock {
    const int32_t* sums[2];
    int64_t stride;
    int64_t column[2];
    int64_t count;
  };

  /// Values of a block, which stay in cache, then their codes, from channel `channel` of the sink
  /// on. Rows are those of one long line.
  void encode(const CodeSink& sink, const Part& p, const HalvesOfBlock& block,
              int64_t channel) const {
    alignas(64) float values[kRows * 2 * ProductEngine::kMostBlock];
    const int64_t width = engine_.block(), stride = block.count * width;
    const int64_t row = p.segment * layout_.out_width + p.first;
    float* first = values - row * stride;
    for (int64_t h = 0; h < block.count; ++h) {
      finish(0, p, {block.column[h], 1}, {block.sums[h], block.stride},
             {first + h * width, stride});
    }
    kernels::Activate a;
    a.x.floats = {first, stride};
    a.channels = std::min(width, sink.channels - channel);
    a.act = kernels::Act(int(sink.act));
    a.out = sink.out;
    a.out.codes.data += channel;
    a.out.sums = nullptr;
    a.out.segments = 1;
    kernels::activate(a, row, row + p.count);
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

  struct Sums {
    const int32_t* data;  ///< of the part's first position
    int64_t stride;
  };

  /// From sums to outputs, line by line. `out`: of row 0, at the first column.
  void finish(size_t side, const Part& p, const Columns& c, const Sums& sums,
              const Rows& out) const {
    const int64_t c0 = c.first * engine_.block();
    auto e = side + 1 == sides_.size() ? last_ : kernels::Epilogue{};
    e.rows_per_image = last_.rows_per_image;
    e.channels = std::min(c.count * engine_.block(), outputs_ - c0);
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
      finish_line(e, p.segment * layout_.out_width, p, {p.first, p.count}, sums);
      return;
    }
    const int64_t end = p.first + p.count;
    for (int64_t y = p.first / layout_.line; y * layout_.line < end; ++y) {
      const int64_t from = std::max(p.first, y * layout_.line);
      const int64_t to = std::min(end, y * layout_.line + layout_.out_width);
      if (from >= to) continue;
      const int64_t row = (p.segment * layout_.lines_per_segment + y) * layout_.out_width;
      finish_line(e, row - y * layout_.line, p, {from, to - from}, sums);
    }
  }

  struct Span {
    int64_t first, count;
  };

  /// `shift`: the output row of position 0.
  void finish_line(kernels::Epilogue& e, int64_t shift, const Part& p, Span line,
                   const Sums& sums) const {
    e.sums = {sums.data - (shift + p.first) * sums.stride, sums.stride};
    kernels::epilogue(e, shift + line.first, shift + line.first + line.count);
  }

  const ProductEngine& engine_;
  const std::vector<ProductSide>& sides_;
  const Unit& unit_;
  ProductLayout layout_;
  Coefficients coefficients_;
  int64_t outputs_;
  int64_t operand_ = 0;  ///< values of the weights
  /// The smaller of weight and input is what is gone through again and again.
  bool by_rows_ = true;
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
