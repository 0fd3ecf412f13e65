#include "cq/core/quant/integer_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "cq/base/round_up.h"
#include "cq/core/kernels/activate.h"
#include "cq/core/kernels/epilogue.h"
#include "cq/core/kernels/softmax.h"
#include "cq/core/parallel.h"
#include "cq/core/quant/integer_weights.h"
#include "cq/core/quant/operands.h"

namespace cq {

namespace {

/// Queries that are multiplied at once, at most; as many as leave their scores in the second-level
/// cache.
constexpr int64_t kQueries = 128;
constexpr int64_t kScoresAtOnce = 128 * 1024;
constexpr int64_t kSlack = 64;
constexpr int64_t kScore = sizeof(int32_t);
constexpr int32_t kSignedOffset = 128;
constexpr int64_t kSmall = 16384;
constexpr int64_t kMostColumns = ProductEngine::kMostColumns;

/// Bytes from row to row of an operand of `n` bytes a row: whole cache lines, as a tile's row that
/// lies across two costs several times as much, and an odd number of them, as rows at multiples of
/// 4096 bytes would share one place in the cache.
int64_t row_bytes(int64_t n) {
  return round_up(n, kSlack) | kSlack;
}

/// Tokens as rows that a kernel can walk through.
at::Tensor with_rows(const at::Tensor& x) {
  const bool rows = x.stride(2) == 1 && x.stride(0) == x.size(1) * x.stride(1);
  return x.scalar_type() == at::kFloat && rows ? x : x.to(at::kFloat).contiguous();
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
  Attention(const ProductEngine& engine, const CodedTokens& q, const CodedTokens& k,
            const CodedTokens& v, int64_t heads, const AttentionRanges& ranges)
      : engine_(engine),
        ranges_(ranges),
        heads_(heads),
        batch_(q.batch()),
        queries_(q.tokens()),
        keys_(k.tokens()),
        channels_(q.channels()),
        width_(channels_ / heads),
        q_(q),
        k_(k),
        v_(v),
        key_shape_{.columns = keys_, .taps = 1, .depth = code_depth(width_)},
        value_shape_{.columns = width_, .taps = 1, .depth = code_depth(keys_)},
        queries_at_once_(keys_ * kQueries <= kScoresAtOnce ? kQueries : kQueries / 2),
        query_stride_(row_bytes(key_shape_.depth)),
        score_stride_(row_bytes(round_up(keys_, engine.block()) * kScore) / kScore),
        code_stride_(row_bytes(value_shape_.depth)) {
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
    auto out = at::empty({batch_, queries_, channels_}, at::kFloat);
    attend_all({.floats = out.data_ptr<float>(), .codes = nullptr});
    return out;
  }

  void run(const kernels::CodeOutput& out) {
    attend_all({.floats = nullptr, .codes = &out});
    if (out.sums == nullptr) return;
    parallel_for(0, batch_ * queries_, 1024, [&](int64_t first, int64_t last) {
      kernels::code_sums(out, channels_, first, last);
    });
  }

 private:
  /// One of the two.
  struct Target {
    float* floats;
    const kernels::CodeOutput* codes;
  };

  void attend_all(const Target& out) {
    const int64_t pairs = batch_ * heads_;
    parallel_for(0, pairs, 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) pack(i);
    });
    const int64_t blocks = (queries_ + queries_at_once_ - 1) / queries_at_once_;
    const int64_t threads = at::get_num_threads();
    const PackedParts queries(threads, queries_at_once_ * query_stride_);
    const PackedParts scores(threads, queries_at_once_ * score_stride_ * kScore);
    const PackedParts codes(threads, queries_at_once_ * code_stride_);
    parallel_for(0, pairs * blocks, 1, [&](int64_t first, int64_t last) {
      const int64_t thread = at::get_thread_num();
      for (int64_t i = first; i < last; ++i) {
        attend(
            i / blocks, i % blocks * queries_at_once_, out,
            {queries.at(thread), reinterpret_cast<int32_t*>(scores.at(thread)), codes.at(thread)});
      }
      engine_.finish();
    });
  }

  struct Workspace {
    uint8_t* queries;
    int32_t* scores;
    uint8_t* codes;
  };

  /// Keys and values of one head of one image.
  void pack(int64_t pair) {
    const int64_t image = pair / heads_, head = pair % heads_;
    const int64_t at = image * keys_ * channels_ + head * width_;
    const auto* k = reinterpret_cast<const int8_t*>(k_.codes()) + at;
    const auto* v = reinterpret_cast<const int8_t*>(v_.codes()) + at;
    engine_.pack({.data = k, .column_stride = channels_, .depth_stride = 1, .depth = width_},
                 key_shape_, packed_keys_.at(pair));
    engine_.pack({.data = v, .column_stride = 1, .depth_stride = channels_, .depth = keys_},
                 value_shape_, packed_values_.at(pair));
    const int32_t* sums = k_.sums() + image * keys_ * heads_ + head;
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

  void attend(int64_t pair, int64_t first, const Target& out, const Workspace& w) const {
    const int64_t image = pair / heads_, head = pair % heads_, none = 0;
    const int64_t count = std::min(queries_at_once_, queries_ - first);
    const int64_t row = image * queries_ + first;
    for (int64_t i = 0; i < count; ++i) {
      std::memcpy(w.queries + i * query_stride_, q_.codes() + (row + i) * channels_ + head * width_,
                  size_t(width_));
    }
    RowBlock block{.a = w.queries,
                   .a_stride = query_stride_,
                   .rows = count,
                   .tap_offsets = &none,
                   .sums = w.scores,
                   .sums_stride = score_stride_};
    engine_.multiply(block, key_shape_, packed_keys_.at(pair), 0, engine_.blocks(keys_));
    int32_t row_sums[kQueries];
    const double scale = ranges_.q.scale * ranges_.k.scale / std::sqrt(double(width_));
    kernels::softmax({.sums = {w.scores, score_stride_},
                      .columns = keys_,
                      .column_terms = {column_terms_.data_ptr<int32_t>() + pair * keys_, keys_},
                      .rows_per_block = kQueries,
                      .factor = float(scale),
                      .out = {.codes = {w.codes, code_stride_},
                              .range = code_range(ranges_.p, ranges_.softmax_bits),
                              .sums = row_sums}},
                     0, count);
    alignas(64) int32_t sums[kQueries * kMostColumns];
    const int64_t at_once = engine_.blocks_at_once(value_shape_);
    const int64_t columns = at_once * engine_.block();
    for (int64_t c0 = 0; c0 < width_; c0 += columns) {
      engine_.multiply({.a = w.codes,
                        .a_stride = code_stride_,
                        .rows = count,
                        .tap_offsets = &none,
                        .sums = sums,
                        .sums_stride = columns},
                       value_shape_, packed_values_.at(pair), c0 / engine_.block(),
                       std::min(at_once, engine_.blocks(width_ - c0)));
      kernels::Epilogue e{.sums = {sums, columns},
                          .channels = std::min(columns, width_ - c0),
                          .rows_per_image = kQueries,
                          .factor = factor_.data(),
                          .bias = value_bias_.data_ptr<float>() + pair * width_ + c0,
                          .out = {}};
      e.terms[0] = {row_sums, row_factor_.data()};
      finish(e, count, row * channels_ + head * width_ + c0, out);
    }
  }

  /// From sums to the target, from its value `at` on.
  void finish(kernels::Epilogue& e, int64_t count, int64_t at, const Target& out) const {
    if (out.codes == nullptr) {
      e.out = {out.floats + at, channels_};
      kernels::epilogue(e, 0, count);
      return;
    }
    alignas(64) float values[kQueries * kMostColumns];
    e.out = {values, e.channels};
    kernels::epilogue(e, 0, count);
    kernels::Activate a;
    a.x.floats = {values, e.channels};
    a.channels = e.channels;
    a.out = *out.codes;
    a.out.codes.data += at;
    a.out.sums = nullptr;
    kernels::activate(a, 0, count);
  }

  const ProductEngine& engine_;
  AttentionRanges ranges_;
  int64_t heads_, batch_, queries_, keys_, channels_, width_;
  const CodedTokens &q_, &k_, &v_;
  OperandShape key_shape_, value_shape_;
  int64_t queries_at_once_;
  int64_t query_stride_, score_stride_, code_stride_;  ///< scores count numbers, the others bytes
  PackedParts packed_keys_, packed_values_;
  at::Tensor column_terms_, value_bias_;
  std::vector<float> factor_, row_factor_;  ///< [width]
};

}  // namespace

CodedTokens::CodedTokens(Role role, const QuantRange& range, int64_t bits, at::IntArrayRef sizes,
                         int64_t heads)
    : range_(range),
      bits_(bits),
      batch_(sizes[0]),
      tokens_(sizes[1]),
      channels_(sizes[2]),
      heads_(heads),
      as_signed_(role != Role::queries),
      codes_(at::empty({batch_ * tokens_ * channels_ + kSlack}, at::kByte)) {
  if (role == Role::keys) sums_ = at::empty({batch_ * tokens_, heads}, at::kInt);
}

kernels::CodeOutput CodedTokens::output() const {
  return {.codes = {codes_.data_ptr<uint8_t>(), channels_},
          .range = code_range(range_, bits_),
          .as_signed = as_signed_,
          .sums = sums_.defined() ? sums_.data_ptr<int32_t>() : nullptr,
          .segments = sums_.defined() ? heads_ : 1};
}

CodedTokens quantize_tokens(CodedTokens::Role role, const at::Tensor& tokens,
                            const QuantRange& range, int64_t bits, int64_t heads) {
  const auto x = with_rows(tokens);
  const CodedTokens coded(role, range, bits, x.sizes(), heads);
  kernels::Activate a;
  a.x.floats = {x.data_ptr<float>(), x.stride(1)};
  a.channels = coded.channels();
  a.out = coded.output();
  parallel_for(0, coded.batch() * coded.tokens(), std::max<int64_t>(1, kSmall / a.channels),
               [&](int64_t first, int64_t last) { kernels::activate(a, first, last); });
  return coded;
}

/// Both at the rounding of their quantizers.
at::Tensor attend_one_key(const CodedTokens& v, const AttentionRanges& ranges) {
  const int64_t batch = v.batch(), channels = v.channels();
  const double top = double((int64_t(1) << ranges.softmax_bits) - 1);
  const double steps = std::nearbyint(double(1.0f / float(ranges.p.scale)));
  const double code = std::clamp(steps + double(ranges.p.zero_point), 0.0, top);
  const auto weight = float((code - double(ranges.p.zero_point)) * ranges.p.scale * ranges.v.scale);
  const auto* codes = reinterpret_cast<const int8_t*>(v.codes());
  auto out = at::empty({batch, 1, channels}, at::kFloat);
  auto* values = out.data_ptr<float>();
  for (int64_t i = 0; i < batch * channels; ++i) {
    values[i] = weight * float(codes[i] + kSignedOffset - ranges.v.zero_point);
  }
  return out;
}

at::Tensor integer_attention(const ProductEngine& engine, const CodedTokens& q,
                             const CodedTokens& k, const CodedTokens& v, int64_t heads,
                             const AttentionRanges& ranges) {
  return Attention(engine, q, k, v, heads, ranges).run();
}

void integer_attention_to_codes(const ProductEngine& engine, const CodedTokens& q,
                                const CodedTokens& k, const CodedTokens& v, int64_t heads,
                                const AttentionRanges& ranges, const kernels::CodeOutput& out) {
  Attention(engine, q, k, v, heads, ranges).run(out);
}

at::Tensor integer_attention(const ProductEngine& engine, const at::Tensor& q, const at::Tensor& k,
                             const at::Tensor& v, int64_t heads, const AttentionRanges& r) {
  using Role = CodedTokens::Role;
  const auto values = quantize_tokens(Role::values, v, r.v, r.act_bits, heads);
  if (k.size(1) == 1) return attend_one_key(values, r).expand(q.sizes()).contiguous();
  return integer_attention(engine, quantize_tokens(Role::queries, q, r.q, r.act_bits, heads),
                           quantize_tokens(Role::keys, k, r.k, r.act_bits, heads), values, heads,
                           r);
}

}  // namespace cq
