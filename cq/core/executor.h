#pragma once
#include "cq/core/layers/unit.h"
#include "cq/core/tensor.h"

namespace cq {

/// The layer after an attention.
struct Projection {
  const Unit& unit;
  const UnitInput& rest;  ///< its other operands, x undefined
};

/// Computes the units of a network. `step` is the index of the denoising step (0 = noisiest):
/// scales and corrections may differ from step to step. Const and safe to share between threads.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const = 0;
  /// `second` of the result of `first`, which nothing else reads: it need not come into being.
  /// `rest` has the second's other operands, its x undefined.
  virtual at::Tensor run_pair(const Unit& first, const UnitInput& in, const Unit& second,
                              const UnitInput& rest, int64_t step) const;
  /// Attention among the tokens of `in`, whose queries, keys and values are the thirds of what
  /// `qkv` gives [B, N, 3 H d], and the projection of what it gives. Nothing else reads either.
  virtual at::Tensor self_attention(const Unit& qkv, const UnitInput& in, const AttentionUnit& unit,
                                    const Projection& out, int64_t step) const;
  /// Attention and the projection of what it gives, which nothing else reads.
  virtual at::Tensor projected_attention(const AttentionUnit& unit, const at::Tensor& q,
                                         const at::Tensor& k, const at::Tensor& v,
                                         const Projection& out, int64_t step) const;
  /// q [B, N, H d], k and v [B, M, H d] -> [B, N, H d].
  virtual at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                               const at::Tensor& v, int64_t step) const = 0;
};

/// An executor that computes layers itself, and says what it runs each as.
class LayerExecutor : public Executor {
 public:
  /// For people: "u8 x s8, weights of 8 bits with zero points".
  virtual std::string describe(const Unit& unit) const = 0;
  virtual std::string describe(const AttentionUnit& unit) const = 0;
};

/// Full precision: the type of the parameters, or autocast where it is switched on.
class FloatExecutor : public LayerExecutor {
 public:
  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override;
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override;
  std::string describe(const Unit&) const override { return "float32"; }
  std::string describe(const AttentionUnit&) const override { return "float32"; }
};

/// Computes with another executor and throws RunError, naming the layer, at the first result that
/// is not finite: for the second visit of a step whose output was not.
class FiniteCheck : public Executor {
 public:
  explicit FiniteCheck(const Executor& inner) : inner_(inner) {}
  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override;
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override;

 private:
  const Executor& inner_;
};

/// Row of the first image of x [B, ...] that holds NaN or infinity; -1 for none.
int64_t first_not_finite(const at::Tensor& x);

/// [B, N, H d] -> [B, H, N, d].
at::Tensor split_heads(const at::Tensor& x, int64_t heads);
/// [B, H, N, d] -> [B, N, H d].
at::Tensor merge_heads(const at::Tensor& x);

}  // namespace cq
