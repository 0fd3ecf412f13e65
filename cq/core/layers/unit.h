#pragma once
// Units: the grain at which networks are written and kernels are fused,
//   [normalise] -> [modulate] -> [activate] -> [resample] -> product -> [gate] -> [add].
// A unit is a description. How it is computed (float, simulated quantization, integer) is the
// executor's business, so a network is written once.
#include <array>
#include <cstdint>
#include <string>

#include "cq/core/tensor.h"

namespace cq {

enum class NormKind { none, group, layer };
/// Between activation and product: nearest neighbour to twice the size, or 2x2 average.
enum class Resample { none, up, down };
enum class Activation { none, silu, gelu_tanh, gelu_erf, geglu, quick_gelu, relu };

struct Norm {
  NormKind kind = NormKind::none;
  int64_t groups = 32;
  double eps = 1e-5;
  at::Tensor weight;  ///< [C], undefined where the norm has no affine part
  at::Tensor bias;    ///< [C]
};

/// Geometry of a convolution. Padding is (left, right, top, bottom), as it need not be symmetric.
struct ConvGeometry {
  int64_t stride = 1;
  std::array<int64_t, 4> padding{0, 0, 0, 0};
  int64_t groups = 1;
  bool symmetric() const {
    return padding[0] == padding[1] && padding[2] == padding[3] && padding[0] == padding[2];
  }
};

struct Unit {
  std::string name;  ///< of its product, as in the checkpoint
  int64_t id = -1;   ///< index among the network's units
  Norm norm;
  Activation act = Activation::none;
  Resample resample = Resample::none;
  at::Tensor weight;  ///< convolution [O, I, kh, kw] or linear [O, I]
  at::Tensor bias;    ///< [O] or undefined
  ConvGeometry conv;
  /// Channels of the first operand where the input is a (never materialised) concatenation with a
  /// skip connection; each side of the seam has its own quantizers. 0: one operand.
  int64_t seam = 0;
  /// First or last layer of the network: always 8 bits.
  bool boundary = false;
  /// Runs once a sample, not once a position (time and class embeddings).
  bool embedding = false;

  bool is_conv() const { return weight.dim() == 4; }
  int64_t in_channels() const { return weight.size(1) * conv.groups; }
  int64_t out_channels() const { return weight.size(0); }
};

/// Product of queries, keys and values, softmax(q k^T scale) v.
struct AttentionUnit {
  std::string name;
  int64_t id = -1;
  int64_t heads = 1;
};

/// Operands of one call. Images are [B, C, H, W], tokens [B, N, C].
struct UnitInput {
  at::Tensor x;                  ///< the first (or only) operand
  at::Tensor skip = {};          ///< the second operand of a unit with a seam
  at::Tensor scale = {};         ///< modulation after the norm: norm(x) (1 + scale) + shift; [B, C]
  at::Tensor shift = {};         ///< [B, C]
  at::Tensor gate = {};          ///< factor of the product before the residual add; [B, O]
  at::Tensor residual = {};      ///< added to the result, shape of the result
  at::Tensor channel_bias = {};  ///< added to every position of the result; [B, O]
};

/// Norm, modulation and activation: what the product is fed with. Both operands of a seam come
/// concatenated along channels.
at::Tensor unit_prologue(const Unit& unit, const UnitInput& in);
/// The bare product in float, with `bias` undefined for none.
at::Tensor unit_product(const Unit& unit, const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias);
/// Channel bias, gate and residual add.
at::Tensor unit_epilogue(at::Tensor y, const UnitInput& in);

at::Tensor resample(Resample kind, const at::Tensor& x);

/// [B, C] as [B, C, 1, 1] for images, [B, 1, C] for tokens, so that it broadcasts over positions.
at::Tensor over_positions(const at::Tensor& per_channel, int64_t dimensions);

}  // namespace cq
