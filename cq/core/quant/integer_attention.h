#pragma once
#include "cq/core/kernels/rows.h"
#include "cq/core/quant/product_engine.h"
#include "cq/core/quant/quantizer.h"

namespace cq {

/// Ranges of an attention's operands at one step.
struct AttentionRanges {
  QuantRange q, k, v, p;  ///< p: the softmax's output
  int64_t act_bits = 8;
  int64_t softmax_bits = 8;
};

/// Tokens [B, N, H d] as an attention's products read them.
class CodedTokens {
 public:
  enum class Role { queries, keys, values };
  CodedTokens(Role role, const QuantRange& range, int64_t bits, at::IntArrayRef sizes,
              int64_t heads);
  /// Where codes are to be written, [B N][H d] rows.
  kernels::CodeOutput output() const;
  int64_t batch() const { return batch_; }
  int64_t tokens() const { return tokens_; }
  int64_t channels() const { return channels_; }
  const uint8_t* codes() const { return codes_.data_ptr<uint8_t>(); }
  /// [B N][H] sums of code - zero point over each head; of keys only.
  const int32_t* sums() const { return sums_.data_ptr<int32_t>(); }

 private:
  QuantRange range_;
  int64_t bits_, batch_, tokens_, channels_, heads_;
  bool as_signed_;
  at::Tensor codes_, sums_;
};

CodedTokens quantize_tokens(CodedTokens::Role role, const at::Tensor& tokens,
                            const QuantRange& range, int64_t bits, int64_t heads);

/// softmax(q k^T / sqrt(d)) v with q, k, v and the softmax's output quantized and both products in
/// integers. q [B, N, H d], k and v [B, M, H d] float32 with contiguous rows -> [B, N, H d].
at::Tensor integer_attention(const ProductEngine& engine, const at::Tensor& q, const at::Tensor& k,
                             const at::Tensor& v, int64_t heads, const AttentionRanges& ranges);

/// The same of tokens that are codes already; several keys.
at::Tensor integer_attention(const ProductEngine& engine, const CodedTokens& q,
                             const CodedTokens& k, const CodedTokens& v, int64_t heads,
                             const AttentionRanges& ranges);

/// The same to codes, rows of [B N][H d], its floats never leaving the cache.
void integer_attention_to_codes(const ProductEngine& engine, const CodedTokens& q,
                                const CodedTokens& k, const CodedTokens& v, int64_t heads,
                                const AttentionRanges& ranges, const kernels::CodeOutput& out);

/// What every query gets of a single key and value, as the softmax of one score is 1: [B, 1, H d].
at::Tensor attend_one_key(const CodedTokens& v, const AttentionRanges& ranges);

}  // namespace cq
