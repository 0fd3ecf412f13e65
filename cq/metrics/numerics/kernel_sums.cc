#include "cq/metrics/numerics/kernel_sums.h"

#include <algorithm>

#include "cq/core/parallel.h"

namespace cq {
namespace {

// Blocks are cut the same way whatever the number of threads, and each is computed by one thread:
// so are the same digits.
constexpr int64_t kRowsAtOnce = 256;
constexpr int64_t kColumnsAtOnce = 2048;

int64_t blocks_of(const at::Tensor& x) {
  return (x.size(0) + kRowsAtOnce - 1) / kRowsAtOnce;
}

/// Calls `use(row, column, kernels)` for every block of x's rows with y's; `triangle`: x is y, and
/// blocks end where their last row's diagonal does. Blocks of the same rows come one after another.
void each_block(const at::Tensor& x, const at::Tensor& y, bool triangle,
                const ProductKernel& kernel,
                const std::function<void(int64_t, int64_t, at::Tensor&)>& use) {
  parallel_for(0, blocks_of(x), 1, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; ++block) {
      const int64_t row = block * kRowsAtOnce;
      const at::Tensor left = x.slice(0, row, row + kRowsAtOnce);
      const int64_t columns = triangle ? row + left.size(0) : y.size(0);
      for (int64_t column = 0; column < columns; column += kColumnsAtOnce) {
        const int64_t end = std::min(column + kColumnsAtOnce, columns);
        at::Tensor kernels = left.mm(y.slice(0, column, end).t());
        kernel(kernels, row, column);
        use(row, column, kernels);
      }
    }
  });
}

/// Empties the main diagonal of the whole in a block of a triangle.
void clear_diagonal(at::Tensor& kernels, int64_t row, int64_t column) {
  const int64_t first = std::max(row, column);
  const int64_t end = std::min(row + kernels.size(0), column + kernels.size(1));
  for (int64_t i = first; i < end; ++i) {
    kernels.data_ptr<double>()[(i - row) * kernels.size(1) + i - column] = 0;
  }
}

}  // namespace

ProductKernel cubic_kernel(int64_t width) {
  return [scale = 1.0 / static_cast<double>(width)](const at::Tensor& products, int64_t, int64_t) {
    double* values = products.data_ptr<double>();
    for (int64_t i = 0; i < products.numel(); ++i) {
      const double base = values[i] * scale + 1;
      values[i] = base * base * base;
    }
  };
}

ProductKernel gaussian_kernel(const at::Tensor& x, const at::Tensor& y, double gamma) {
  const at::Tensor of_x = x.square().sum(1), of_y = y.square().sum(1);
  return [gamma, of_x, of_y](at::Tensor& products, int64_t row, int64_t column) {
    products.mul_(-2)
        .add_(of_x.slice(0, row, row + products.size(0)).unsqueeze(1))
        .add_(of_y.slice(0, column, column + products.size(1)))
        .clamp_min_(0)
        .mul_(-gamma)
        .exp_();
  };
}

KernelSums kernel_sums(const at::Tensor& x, const at::Tensor& y, const ProductKernel& kernel) {
  KernelSums sums{at::zeros({x.size(0)}, at::kDouble), {}};
  // One row of partial sums for each block, added up in their order.
  const at::Tensor columns = at::zeros({blocks_of(x), y.size(0)}, at::kDouble);
  each_block(x, y, false, kernel, [&](int64_t row, int64_t column, const at::Tensor& kernels) {
    sums.rows.slice(0, row, row + kernels.size(0)).add_(kernels.sum(1));
    columns[row / kRowsAtOnce].slice(0, column, column + kernels.size(1)).copy_(kernels.sum(0));
  });
  sums.columns = columns.sum(0);
  return sums;
}

at::Tensor kernel_sums_within(const at::Tensor& x, const ProductKernel& kernel) {
  at::Tensor rows = at::zeros({x.size(0)}, at::kDouble);
  const at::Tensor columns = at::zeros({blocks_of(x), x.size(0)}, at::kDouble);
  each_block(x, x, true, kernel, [&](int64_t row, int64_t column, at::Tensor& kernels) {
    clear_diagonal(kernels, row, column);
    rows.slice(0, row, row + kernels.size(0)).add_(kernels.sum(1));
    // Columns from `row` on are rows of this block as well: counted already.
    const int64_t mirrored = std::min(kernels.size(1), row - column);
    if (mirrored <= 0) return;
    columns[row / kRowsAtOnce]
        .slice(0, column, column + mirrored)
        .copy_(kernels.slice(1, 0, mirrored).sum(0));
  });
  return rows + columns.sum(0);
}

at::Tensor subset_kernel_sums(const at::Tensor& x, const at::Tensor& y, const at::Tensor& in_x,
                              const at::Tensor& in_y, const ProductKernel& kernel) {
  const at::Tensor sums = at::zeros({blocks_of(x), in_x.size(1)}, at::kDouble);
  each_block(x, y, false, kernel, [&](int64_t row, int64_t column, const at::Tensor& kernels) {
    const at::Tensor of_rows = kernels.mm(in_y.slice(0, column, column + kernels.size(1)));
    sums[row / kRowsAtOnce].add_(of_rows.mul_(in_x.slice(0, row, row + kernels.size(0))).sum(0));
  });
  return sums.sum(0);
}

at::Tensor subset_kernel_sums_within(const at::Tensor& x, const at::Tensor& in_x,
                                     const ProductKernel& kernel) {
  const at::Tensor sums = at::zeros({blocks_of(x), in_x.size(1)}, at::kDouble);
  each_block(x, x, true, kernel, [&](int64_t row, int64_t column, at::Tensor& kernels) {
    clear_diagonal(kernels, row, column);
    const int64_t mirrored = std::min(kernels.size(1), row - column);
    if (mirrored > 0) kernels.slice(1, 0, mirrored).mul_(2);
    const at::Tensor of_rows = kernels.mm(in_x.slice(0, column, column + kernels.size(1)));
    sums[row / kRowsAtOnce].add_(of_rows.mul_(in_x.slice(0, row, row + kernels.size(0))).sum(0));
  });
  return sums.sum(0);
}

}  // namespace cq
