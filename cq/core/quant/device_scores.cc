#include <algorithm>
#include <cmath>

#include "cq/core/quant/device_layer.h"
#include "cq/core/quant/operands.h"

namespace cq {

namespace {

using kernels::DeviceKernels;

constexpr int64_t kScoreBytes = 256 << 20;
constexpr int64_t kMostPairs = 65535;  // products of a batch: CUDA's limit of a grid's depth
constexpr int64_t kSignedOffset = 128;

int64_t padded(int64_t depth) {
  return code_depth(depth, kernels::kDeviceDepth);
}

struct SummedCodes {
  at::Tensor codes;  ///< u8 or s8 [B, N, H, d padded], zeros beyond d
  at::Tensor sums;   ///< int32 [B, N, H], or undefined
};

/// Of this type and device; zeros where rows are longer than what is written into them.
at::Tensor code_rows(at::IntArrayRef shape, int64_t written, const at::Tensor& like) {
  const auto bytes = like.options().dtype(at::kByte);
  return shape.back() == written ? at::empty(shape, bytes) : at::zeros(shape, bytes);
}

/// Tokens [B, N, H d], each head's part on its own so that it begins at a multiple of 16 bytes.
SummedCodes quantize_heads(const DeviceKernels& kernels, const at::Tensor& tokens, int64_t heads,
                           const kernels::CodeRange& range, bool as_signed, bool sums) {
  const int64_t images = tokens.size(0), count = tokens.size(1), width = tokens.size(2) / heads;
  SummedCodes made;
  made.codes = code_rows({images, count, heads, padded(width)}, width, tokens);
  if (sums) made.sums = at::empty({images, count, heads}, tokens.options().dtype(at::kInt));
  encode_heads(kernels, tokens, heads,
               {.codes = {made.codes.data_ptr<uint8_t>(), padded(width)},
                .range = range,
                .as_signed = as_signed,
                .sums = sums ? made.sums.data_ptr<int32_t>() : nullptr});
  return made;
}

class ScoredAttention {
 public:
  ScoredAttention(const DeviceKernels& kernels, const at::Tensor& q, const at::Tensor& k,
                  const at::Tensor& v, int64_t heads, const AttentionRanges& ranges)
      : kernels_(kernels),
        ranges_(ranges),
        heads_(heads),
        queries_(q.size(1)),
        keys_(k.size(1)),
        width_(q.size(2) / heads),
        q_(quantize_heads(kernels, q, heads, code_range(ranges.q, ranges.act_bits), false, false)),
        k_(quantize_heads(kernels, k, heads, code_range(ranges.k, ranges.act_bits), true, true)) {
    column_terms_ = (k_.sums.permute({0, 2, 1}) * -ranges.q.zero_point).contiguous();
    set_values(
        quantize_heads(kernels, v, heads, code_range(ranges.v, ranges.act_bits), true, false));
  }

  at::Tensor run() const {
    const int64_t images = q_.codes.size(0);
    const auto out =
        at::empty({images, queries_, heads_ * width_}, q_.codes.options().dtype(at::kFloat));
    const int64_t bytes_of_image = heads_ * queries_ * keys_ * int64_t(sizeof(int32_t));
    const int64_t most =
        std::max<int64_t>(1, std::min(kScoreBytes / bytes_of_image, kMostPairs / heads_));
    for (int64_t first = 0; first < images; first += most) {
      attend(first, std::min(most, images - first), out);
    }
    return out;
  }

 private:
  /// Values with keys along their rows, [B, H, d, M padded], zeros beyond M; what they add.
  void set_values(const SummedCodes& v) {
    const int64_t images = v.codes.size(0);
    const auto codes = at::empty({images, heads_, width_, padded(keys_)}, v.codes.options());
    kernels_.tokens_last({.in = v.codes.data_ptr<uint8_t>(),
                          .out = codes.data_ptr<uint8_t>(),
                          .images = images,
                          .tokens = keys_,
                          .heads = heads_,
                          .width = width_,
                          .in_width = padded(width_),
                          .out_tokens = padded(keys_)});
    values_ = codes.view(at::kChar);
    // (p - zp) (v - zv) = p v' - zp v' + (128 - zv) (p - zp), v' = v - 128 as stored.
    const auto factor = float(ranges_.p.scale * ranges_.v.scale);
    const auto floats = codes.options().dtype(at::kFloat);
    factor_ = at::full({width_}, factor, floats);
    row_factor_ = at::full({width_}, factor * float(kSignedOffset - ranges_.v.zero_point), floats);
    if (ranges_.p.zero_point == 0) return;
    bias_ = (values_.sum({3}, false, at::kLong) * ranges_.p.zero_point).to(at::kFloat) * -factor;
  }

  /// Images [first, first + count).
  void attend(int64_t first, int64_t count, const at::Tensor& out) const {
    const int64_t pairs = count * heads_, depth = padded(keys_);
    const auto whole = out.options().dtype(at::kInt);
    const auto scores = at::empty({pairs * queries_, keys_}, whole);
    const auto codes = at::empty({pairs * queries_, depth}, whole.dtype(at::kByte));
    const auto row_sums = at::empty({pairs * queries_}, whole);
    multiply_keys(first, pairs, scores);
    kernels::Softmax s;
    s.sums = {scores.data_ptr<int32_t>(), keys_};
    s.columns = keys_;
    s.column_terms = {column_terms_[first].data_ptr<int32_t>(), keys_};
    s.rows_per_block = queries_;
    s.factor = float(ranges_.q.scale * ranges_.k.scale / std::sqrt(double(width_)));
    s.out = {.codes = {codes.data_ptr<uint8_t>(), depth},
             .range = code_range(ranges_.p, ranges_.softmax_bits),
             .sums = row_sums.data_ptr<int32_t>()};
    kernels_.softmax(s, pairs * queries_);
    multiply_values(first, pairs, codes, row_sums, out);
  }

  void multiply_keys(int64_t first, int64_t pairs, const at::Tensor& scores) const {
    const int64_t depth = padded(width_), token = heads_ * depth;
    kernels::DeviceProduct p;
    p.a = q_.codes[first].data_ptr<uint8_t>();
    p.rows_at = {.width = queries_, .step = token};
    p.b = k_.codes.view(at::kChar)[first].data_ptr<int8_t>();
    p.b_column = token;
    p.rows = queries_;
    p.columns = keys_;
    p.depth = depth;
    p.sums = {scores.data_ptr<int32_t>(), keys_};
    p.batch = pairs;
    p.inner = heads_;
    p.a_batch = {queries_ * token, depth};
    p.b_batch = {keys_ * token, depth};
    p.out_batch = {heads_ * queries_ * keys_, queries_ * keys_};
    kernels_.product(p);
  }

  void multiply_values(int64_t first, int64_t pairs, const at::Tensor& codes,
                       const at::Tensor& row_sums, const at::Tensor& out) const {
    const int64_t depth = padded(keys_), channels = heads_ * width_;
    kernels::DeviceProduct p;
    p.a = codes.data_ptr<uint8_t>();
    p.rows_at = {.width = queries_, .step = depth};
    p.b = values_[first].data_ptr<int8_t>();
    p.b_column = depth;
    p.rows = queries_;
    p.columns = width_;
    p.depth = depth;
    p.end.rows_per_image = queries_;
    p.end.factor = factor_.data_ptr<float>();
    if (bias_.defined()) p.end.bias = bias_[first].data_ptr<float>();
    p.end.terms[0] = {row_sums.data_ptr<int32_t>(), row_factor_.data_ptr<float>()};
    p.end.out = {out[first].data_ptr<float>(), channels};
    p.batch = pairs;
    p.inner = heads_;
    p.a_batch = {heads_ * queries_ * depth, queries_ * depth};
    p.b_batch = {channels * depth, width_ * depth};
    p.out_batch = {queries_ * channels, width_};
    p.bias_batch = {channels, width_};
    p.row_sums_batch = {heads_ * queries_, queries_};
    kernels_.product(p);
  }

  const DeviceKernels& kernels_;
  AttentionRanges ranges_;
  int64_t heads_, queries_, keys_, width_;
  SummedCodes q_, k_;
  at::Tensor column_terms_;         // int32 [B, H, M]
  at::Tensor values_, bias_;        // s8 [B, H, d, M padded]; [B, H, d] or undefined
  at::Tensor factor_, row_factor_;  // [d]
};

}  // namespace

at::Tensor device_attention_by_scores(const DeviceKernels& kernels, const at::Tensor& q,
                                      const at::Tensor& k, const at::Tensor& v, int64_t heads,
                                      const AttentionRanges& ranges) {
  return ScoredAttention(kernels, q, k, v, heads, ranges).run();
}

}  // namespace cq
