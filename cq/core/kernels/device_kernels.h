#pragma once
// The kernels of integer execution as an accelerator runs them: one launch for all rows, on memory
// of the device, in the order in which they were asked for. They take the structs of the CPU's
// kernels, whose comments say what is computed.
#include <string>

#include "cq/core/kernels/activate.h"
#include "cq/core/kernels/epilogue.h"
#include "cq/core/kernels/group_norm.h"
#include "cq/core/kernels/images.h"
#include "cq/core/kernels/layer_norm.h"
#include "cq/core/kernels/softmax.h"

namespace cq::kernels {

/// Where row r of a batch of images lies: rows fill lines of `width`, lines images of `height`. All
/// three are below 2^32, as divisions of longer numbers take a GPU long.
struct Lattice {
  int64_t width = 1, height = 1;
  int64_t step = 0, line = 0, image = 0;  ///< from one row, line and image to the next
  constexpr int64_t offset(int64_t r) const {
    const auto row = uint32_t(r), across = uint32_t(width), down = uint32_t(height);
    const uint32_t y = row / across;
    return y / down * image + y % down * line + row % across * step;
  }
};

/// From one product of a batch to the next: product i is number i % inner of group i / inner.
struct BatchStep {
  int64_t outer = 0, inner = 0;
};

/// Bytes that are copied at once: depths and strides of a product's operands are multiples.
inline constexpr int64_t kDeviceDepth = 16;

/// What becomes of the sums of a side of a layer, from ranges that change from step to step:
///   scale weight_scale[c] slope[c] (sum - zero_point column_sums[c] - weight_zero[c] row_sums[r])
///     + bias[c] + offset[c],
/// the first difference in 32 bits, exact.
struct Coefficients {
  float scale = 1;  ///< of the input's codes
  int32_t zero_point = 0;
  const float* weight_scale = nullptr;  ///< [O], this and what follows; null: no coefficients
  const float* weight_zero = nullptr;
  const float* column_sums = nullptr;  ///< whole numbers below 2^24
  const float* slope = nullptr;        ///< of an error correction, or null
  const float* offset = nullptr;       ///< with slope
  const float* bias = nullptr;         ///< or null
  const int32_t* row_sums = nullptr;   ///< [rows] sums of code - zero point, or null
  constexpr explicit operator bool() const { return weight_scale != nullptr; }
};

/// Where a part of a product's columns goes as codes, in `out`: its `sums` [rows], or null, are
/// added to, and its segments are not read. Columns are `segment` at a time (a head of attention)
/// and `segment_stride` bytes apart; 0: all side by side.
struct CodeColumns {
  CodeOutput out;
  int64_t segment = 0, segment_stride = 0;
};

/// sums[r][c] = sum over taps t and k < depth of a[rows.offset(r) + t a_tap + k] b[c][t depth + k],
/// u8 times s8 in 32 bits, then the epilogue. Windows of a convolution are rows of `a` that
/// overlap, a tap being a row of its kernel.
struct DeviceProduct {
  const uint8_t* a = nullptr;
  Lattice rows_at;  ///< in bytes
  int64_t a_tap = 0;
  const int8_t* b = nullptr;  ///< [columns][b_column], of which taps x depth are used
  int64_t b_column = 0;
  int64_t rows = 0, columns = 0, taps = 1, depth = 0;
  /// What becomes of the sums: stored as they are (`sums` there) or through the epilogue, whose
  /// `sums`, `products`, `channels` and second term are not read.
  Rows<int32_t> sums = {};
  Epilogue end = {};
  Coefficients coefficients =
      {};  ///< where there, in place of the epilogue's factor, bias and terms
  /// Products of the same shape. `out` steps the epilogue's `out` or `sums`; `bias` its bias,
  /// `row_sums` the sums of its terms.
  int64_t batch = 1, inner = 1;
  BatchStep a_batch, b_batch, out_batch, bias_batch, row_sums_batch;
  /// Where there are parts, the values of so many equal parts of the columns are not stored (no
  /// `sums`, no `out`, no batch): they go through `act` to codes. geglu takes columns by two
  /// halves, value | gate, and parts are of the first.
  static constexpr int64_t kMostParts = 3;
  int64_t parts = 0;
  Act act = Act::none;
  CodeColumns codes[kMostParts] = {};
};

/// softmax(factor (q - q_zero) k^T) v, all of it on the chip: scores in 32 bits, softmax to codes
/// of `range`, and the product with v in 32 bits. Tokens' codes are rows of bytes whose heads begin
/// `head_stride` apart; k and v hold code - 128. What lies between heads is not used.
struct DeviceAttention {
  struct Tokens {
    const uint8_t* codes = nullptr;
    int64_t stride = 0;  ///< of a token, bytes; a multiple of kDeviceDepth, as head_stride is
  };
  Tokens q = {}, k = {}, v = {};
  int64_t head_stride = 0;
  int64_t images = 0, heads = 0, queries = 0, keys = 0;
  int64_t width = 0;  ///< of a head, at most kMostWidth
  static constexpr int64_t kMostWidth = 160;
  int32_t q_zero = 0;
  float factor = 1;
  CodeRange range = {};  ///< of the softmax
  /// value = sum_factor (sum over keys of code v) + row_factor (sum over keys of code - zero point)
  ///   + bias[image][head][c], the bias null or [images][heads][width].
  float sum_factor = 1, row_factor = 0;
  const float* bias = nullptr;
  /// Rows [images][queries], channels [heads][width]: floats, or codes, whose sums, where there,
  /// are added to.
  Rows<float> out = {};
  CodeOutput codes = {};
};

/// Between activation and quantization.
enum class Resampling { none, up, down };

/// activate() and activate_pooled() with codes on a lattice. `up` repeats each value 2 x 2 times.
/// Images of the input have `in_positions` positions, `in_width` to a line, unless `none`.
struct DeviceActivate {
  Activate a;
  int64_t rows = 0;            ///< of the output
  Lattice to;                  ///< where codes of a row go, in units of a.out.codes.stride
  int32_t* cleared = nullptr;  ///< [rows] made 0, for a later kernel to add to, or null
  Resampling resampling = Resampling::none;
  int64_t in_positions = 0, in_width = 0, out_width = 0;
  /// Where rows of the input lie, in units of their stride, without resampling; width 0: one after
  /// the other.
  Lattice from = {.width = 0};
};

struct DeviceLayerNorm {
  LayerNorm norm;
  int64_t rows = 0;
  Lattice to;  ///< as in DeviceActivate
  int32_t* cleared = nullptr;
};

/// Codes of tokens [images][tokens][heads][in_width], of which `width` are used, to [images][heads]
/// [width][out_tokens], zeros beyond the last token. in_width and out_tokens are multiples of
/// kDeviceDepth.
struct TokensLast {
  const uint8_t* in = nullptr;
  uint8_t* out = nullptr;
  int64_t images = 0, tokens = 0, heads = 0, width = 0;
  int64_t in_width = 0, out_tokens = 0;
};

class DeviceKernels {
 public:
  virtual ~DeviceKernels() = default;
  virtual std::string name() const = 0;
  virtual void product(const DeviceProduct& p) const = 0;
  /// Both passes.
  virtual void group_norm(const GroupNorm& n, int64_t images) const = 0;
  virtual void activate(const DeviceActivate& a) const = 0;
  virtual void layer_norm(const DeviceLayerNorm& n) const = 0;
  virtual void softmax(const Softmax& s, int64_t rows) const = 0;
  virtual void attention(const DeviceAttention& a) const = 0;
  virtual void tokens_last(const TokensLast& t) const = 0;
  virtual void window_sums(const WindowSums& w, int64_t lines) const = 0;
  virtual void decode(const Decode& d, int64_t rows) const = 0;
};

}  // namespace cq::kernels
