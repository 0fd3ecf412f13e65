#include "cq/core/quant/integer_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cq/core/kernels/activate.h"
#include "cq/core/kernels/epilogue.h"
#include "cq/core/kernels/softmax.h"
#include "cq/core/quant/integer_weights.h"

namespace cq {

namespace {

/// Queries that are multiplied at once: their scores stay in the second-level cache.
constexpr int64_t kQueries = 64;
constexpr int64_t kSlack = 64;
constexpr int32_t kSignedOffset = 128;
constexpr int64_t kSmall = 16384;

int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

/// Tokens as rows that a kernel can walk through.
at::Tensor with_rows(const at::Tensor& x) {
  const bool rows = x.stride(2) == 1 && x.stride(0) == x.size(1) * x.stride(1);
  return x.scalar_type() == at::kFloat && rows ? x : x.to(at::kFloat).contiguous();
}

struct CodedTokens {
  at::Tensor codes;  ///< [rows][channels]
  at::Tensor sums;   ///< [rows][heads], or undefined
};

/// Codes of all tokens; `heads` > 0: with the sums of each head's part.
CodedTokens quantize_tokens(const at::Tensor& tokens, const QuantRange& range, int64_t bits,
                            bool as_signed, int64_t heads) {
  const auto x = with_rows(tokens);
  const int64_t rows = x.size(0) * x.size(1), channels = x.size(2);
  CodedTokens out{at::empty({rows * channels + kSlack}, at::kByte), {}};
  if (heads > 0) out.sums = at::empty({rows, heads}, at::kInt);
  kernels::Activate a;
  a.x.floats = {x.data_ptr<float>(), x.stride(1)};
  a.channels = channels;
  a.out = {.codes = {out.codes.data_ptr<uint8_t>(), channels},
           .range = {1.0f / float(range.scale), int32_t(range.zero_point),
                     int32_t((int64_t(1) << bits) - 1)},
           .as_signed = as_signed,
           .sums = heads > 0 ? out.sums.data_ptr<int32_t>() : nullptr,
           .segments = std::max<int64_t>(1, heads)};
  at::parallel_for(0, rows, std::max<int64_t>(1, kSmall / channels),
                   [&](int64_t first, int64_t last) { kernels::activate(a, first, last); });
  return out;
}

/// One piece of memory in equal parts, a cache line or more apart. (Selecting rows of a tensor
/// takes longer than a small product.)
class PackedParts {
 public:
  PackedParts() = default;
  PackedParts(int64_t count, int64_t bytes)
      : stride_(round_up(bytes, kSlack)), bytes_(at::empty({count * stride_}, at::kByte)) {}
  uint8_t* at(int64_t i) const { return bytes_.data_ptr<uint8_t>() + i * stride_; }

 private:
  int64_t stride_ = 0;
  at::Tensor bytes_;
};

class Attention {
 public:
  Attention(const ProductEngine& engine, const at::Tensor& q, const at::Tensor& k,
            const at::Tensor& v, int64_t heads, const AttentionRanges& ranges)
      : engine_(engine),
        ranges_(ranges),
        heads_(heads),
        batch_(q.size(0)),
        queries_(q.size(1)),
        keys_(k.size(1)),
        channels_(q.size(2)),
        width_(channels_ / heads),
        q_(quantize_tokens(q, ranges.q, ranges.act_bits, false, 0)),
        k_(quantize_tokens(k, ranges.k, ranges.act_bits, true, heads)),
        v_(quantize_tokens(v, ranges.v, ranges.act_bits, true, 0)),
        key_shape_{.columns = keys_, .taps = 1, .depth = code_depth(width_)},
        value_shape_{.columns = width_, .taps = 1, .depth = code_depth(keys_)},
        score_stride_(round_up(keys_, engine.block())) {
    const int64_t pairs = batch_ * heads_;
    packed_keys_ = {pairs, engine.packed_bytes(key_shape_)};
    packed_values_ = {pairs, engine.packed_bytes(value_shape_)};
    column_terms_ = at::empty({pairs, keys_}, at::kInt);
    value_bias_ = at::empty({pairs, width_}, at::kFloat);
    const auto factor = float(ranges.p.scale * ranges.v.scale);
    factor_.assign(size_t(width_), factor);
    row_factor_.assign(size_t(width_), factor * float(kSignedOffset - ranges.v.zero_point));
  }

  at::Tensor run() {
    const int64_t pairs = batch_ * heads_;
    at::parallel_for(0, pairs, 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) pack(i);
    });
    auto out = at::empty({batch_, queries_, channels_}, at::kFloat);
    const int64_t blocks = (queries_ + kQueries - 1) / kQueries;
    const int64_t threads = at::get_num_threads();
    const PackedParts scores(threads, kQueries * score_stride_ * int64_t(sizeof(int32_t)));
    const PackedParts codes(threads, kQueries * value_shape_.depth + kSlack);
    at::parallel_for(0, pairs * blocks, 1, [&](int64_t first, int64_t last) {
      const int64_t thread = at::get_thread_num();
      for (int64_t i = first; i < last; ++i) {
        attend(i / blocks, i % blocks * kQueries, out.data_ptr<float>(),
               {reinterpret_cast<int32_t*>(scores.at(thread)), codes.at(thread)});
      }
      engine_.finish();
    });
    return out;
  }

 private:
  struct Workspace {
    int32_t* scores;
    uint8_t* codes;
  };

  /// Keys and values of one head of one image.
  void pack(int64_t pair) {
    const int64_t image = pair / heads_, head = pair % heads_;
    const int64_t at = image * keys_ * channels_ + head * width_;
    const auto* k = reinterpret_cast<const int8_t*>(k_.codes.data_ptr<uint8_t>()) + at;
    const auto* v = reinterpret_cast<const int8_t*>(v_.codes.data_ptr<uint8_t>()) + at;
    engine_.pack({.data = k, .column_stride = channels_, .depth_stride = 1, .depth = width_},
                 key_shape_, packed_keys_.at(pair));
    engine_.pack({.data = v, .column_stride = 1, .depth_stride = channels_, .depth = keys_},
                 value_shape_, packed_values_.at(pair));
    const int32_t* sums = k_.sums.data_ptr<int32_t>() + image * keys_ * heads_ + head;
    int32_t* terms = column_terms_.data_ptr<int32_t>() + pair * keys_;
    for (int64_t j = 0; j < keys_; ++j) {
      terms[j] = -int32_t(ranges_.q.zero_point) * sums[j * heads_];
    }
    // (p - zp) (v - zv) = p v' - zp v' + (128 - zv) (p - zp), v' = v - 128 as stored.
    float* bias = value_bias_.data_ptr<float>() + pair * width_;
    std::fill_n(bias, width_, 0.0f);
    if (ranges_.p.zero_point == 0) return;
    for (int64_t c = 0; c < width_; ++c) {
      int64_t sum = 0;
      for (int64_t j = 0; j < keys_; ++j) sum += v[j * channels_ + c];
      bias[c] = -factor_[0] * float(ranges_.p.zero_point * sum);
    }
  }

  void attend(int64_t pair, int64_t first, float* out, const Workspace& w) const {
    const int64_t image = pair / heads_, head = pair % heads_, none = 0;
    const int64_t count = std::min(kQueries, queries_ - first);
    const int64_t row = image * queries_ + first;
    RowBlock block{.a = q_.codes.data_ptr<uint8_t>() + row * channels_ + head * width_,
                   .a_stride = channels_,
                   .rows = count,
                   .tap_offsets = &none,
                   .sums = w.scores,
                   .sums_stride = score_stride_};
    for (int64_t b = 0; b < engine_.blocks(keys_); ++b, block.sums += engine_.block()) {
      engine_.multiply(block, key_shape_, packed_keys_.at(pair), b);
    }
    int32_t row_sums[kQueries];
    const double scale = ranges_.q.scale * ranges_.k.scale / std::sqrt(double(width_));
    kernels::softmax(
        {.sums = {w.scores, score_stride_},
         .columns = keys_,
         .column_terms = {column_terms_.data_ptr<int32_t>() + pair * keys_, keys_},
         .rows_per_block = kQueries,
         .factor = float(scale),
         .out = {.codes = {w.codes, value_shape_.depth},
                 .range = {1.0f / float(ranges_.p.scale), int32_t(ranges_.p.zero_point),
                           int32_t((int64_t(1) << ranges_.softmax_bits) - 1)},
                 .sums = row_sums}},
        0, count);
    alignas(64) int32_t sums[kQueries * 64];
    for (int64_t b = 0; b < engine_.blocks(width_); ++b) {
      const int64_t c0 = b * engine_.block();
      engine_.multiply({.a = w.codes,
                        .a_stride = value_shape_.depth,
                        .rows = count,
                        .tap_offsets = &none,
                        .sums = sums,
                        .sums_stride = engine_.block()},
                       value_shape_, packed_values_.at(pair), b);
      kernels::Epilogue e{.sums = {sums, engine_.block()},
                          .channels = std::min(engine_.block(), width_ - c0),
                          .rows_per_image = kQueries,
                          .factor = factor_.data(),
                          .bias = value_bias_.data_ptr<float>() + pair * width_ + c0,
                          .out = {out + row * channels_ + head * width_ + c0, channels_}};
      e.terms[0] = {row_sums, row_factor_.data()};
      kernels::epilogue(e, 0, count);
    }
  }

  const ProductEngine& engine_;
  AttentionRanges ranges_;
  int64_t heads_, batch_, queries_, keys_, channels_, width_;
  CodedTokens q_, k_, v_;
  OperandShape key_shape_, value_shape_;
  int64_t score_stride_;
  PackedParts packed_keys_, packed_values_;
  at::Tensor column_terms_, value_bias_;
  std::vector<float> factor_, row_factor_;  ///< [width]
};

/// The softmax of one score is 1 whatever the query: every token gets the one value, both at the
/// rounding of their quantizers.
at::Tensor attend_one_key(int64_t queries, const at::Tensor& v, const AttentionRanges& ranges) {
  const int64_t batch = v.size(0), channels = v.size(2);
  const double top = double((int64_t(1) << ranges.softmax_bits) - 1);
  const double steps = std::nearbyint(double(1.0f / float(ranges.p.scale)));
  const double code = std::clamp(steps + double(ranges.p.zero_point), 0.0, top);
  const double weight = (code - double(ranges.p.zero_point)) * ranges.p.scale * ranges.v.scale;
  const auto values = quantize_tokens(v, ranges.v, ranges.act_bits, false, 0);
  const auto codes = values.codes.narrow(0, 0, batch * channels).to(at::kFloat);
  const auto one = ((codes - double(ranges.v.zero_point)) * weight).view({batch, 1, channels});
  return one.expand({-1, queries, -1}).contiguous();
}

}  // namespace

at::Tensor integer_attention(const ProductEngine& engine, const at::Tensor& q, const at::Tensor& k,
                             const at::Tensor& v, int64_t heads, const AttentionRanges& ranges) {
  if (k.size(1) == 1) return attend_one_key(q.size(1), v, ranges);
  return Attention(engine, q, k, v, heads, ranges).run();
}

}  // namespace cq
