#pragma once
// Integer products of u8 rows with packed s8 columns, summed in 32 bits: what every layer and
// attention comes down to. Two engines do it exactly: oneDNN's matrix micro-kernel, which libtorch
// exposes and which runs on VNNI and AMX, and the 16-bit kernel of our own where a CPU's byte
// products would saturate.
#include <cstdint>

#include "cq/core/tensor.h"

namespace cq {

/// Shape of a right operand: `columns` columns of `taps` x `depth` values.
struct OperandShape {
  int64_t columns = 0;
  int64_t taps = 1;
  int64_t depth = 0;  ///< a multiple of 4
};

/// Where a right operand's values are, s8, before packing.
struct OperandSource {
  const int8_t* data = nullptr;
  int64_t column_stride = 0;
  int64_t tap_stride = 0;
  int64_t depth_stride = 1;
  int64_t depth = 0;  ///< values that exist; the rest of the shape's depth is zero
};

/// Some rows of a product. Row r of the left operand is, for each tap t, `depth` codes from
/// a + r a_stride + tap_offsets[t]; rows may overlap.
struct RowBlock {
  const uint8_t* a = nullptr;
  int64_t a_stride = 0;
  int64_t rows = 0;
  const int64_t* tap_offsets = nullptr;
  int32_t* sums = nullptr;  ///< [rows][sums_stride]
  int64_t sums_stride = 0;
  /// Of as many columns behind those that are multiplied, part `ahead` of `aheads` may be fetched
  /// to the second-level cache meanwhile; negative: they are not what comes next.
  int64_t ahead = -1, aheads = 1;
};

class ProductEngine {
 public:
  /// Columns of a block, blocks multiplied at once and columns of these: at most.
  static constexpr int64_t kMostBlock = 64, kMostBlocks = 3,
                           kMostColumns = kMostBlock * kMostBlocks;

  virtual ~ProductEngine() = default;
  virtual const char* name() const = 0;
  /// Columns come in blocks of so many, a multiple of 8. Sums have room for whole blocks.
  virtual int64_t block() const = 0;
  int64_t blocks(int64_t columns) const { return (columns + block() - 1) / block(); }
  /// Blocks that are best multiplied at once, at most kMostBlocks.
  virtual int64_t blocks_at_once(const OperandShape& shape) const = 0;
  virtual int64_t packed_bytes(const OperandShape& shape) const = 0;
  virtual void pack(const OperandSource& source, const OperandShape& shape, void* packed) const = 0;
  /// sums[r][0 .. count block()) = the columns of `count` blocks from `first` on; what lies past
  /// the last column is 0 or left as it was.
  virtual void multiply(const RowBlock& rows, const OperandShape& shape, const void* packed,
                        int64_t first, int64_t count) const = 0;
  /// To be called by a thread at the end of a series of products.
  virtual void finish() const = 0;
};

/// Holds the library to the instruction set in force. To be called before its first use.
void limit_products();

/// The engine of the instruction set in force (cq/core/kernels/isa.h).
const ProductEngine& product_engine();
/// Both, whatever is in force; `byte_products` must be supported by the CPU.
const ProductEngine& byte_product_engine();
const ProductEngine& wide_product_engine();

}  // namespace cq
