#pragma once
#include <cstdint>
#include <functional>

#include "cq/core/tensor.h"

namespace cq {

/// Makes kernels, in place, of the scalar products float64 of rows `row`, ... of one set with rows
/// `column`, ... of another.
using ProductKernel = std::function<void(at::Tensor& products, int64_t row, int64_t column)>;

/// (x.y / width + 1)^3.
ProductKernel cubic_kernel(int64_t width);
/// exp(-gamma |x - y|^2) of the rows of x and y.
ProductKernel gaussian_kernel(const at::Tensor& x, const at::Tensor& y, double gamma);

// Sums over pairs of rows. All sets are float64. They are cut into the same blocks whatever the
// number of threads, and each block is one thread's: the digits do not depend on it.

/// Row and column sums of the kernel between two sets.
struct KernelSums {
  at::Tensor rows;     // [m]
  at::Tensor columns;  // [n]
};
KernelSums kernel_sums(const at::Tensor& x, const at::Tensor& y, const ProductKernel& kernel);
/// For each row of x, the sum of its kernel with all other rows; half the products are enough.
at::Tensor kernel_sums_within(const at::Tensor& x, const ProductKernel& kernel);

/// [S]: for each of S subsets, the sum of the kernels of its rows of x with its rows of y. Column s
/// of in_x [m, S] and in_y [n, S] is 1 where a row belongs to subset s, else 0. Every product is
/// computed once, in however many subsets it is.
at::Tensor subset_kernel_sums(const at::Tensor& x, const at::Tensor& y, const at::Tensor& in_x,
                              const at::Tensor& in_y, const ProductKernel& kernel);
/// The same within x; pairs of a row with itself do not count.
at::Tensor subset_kernel_sums_within(const at::Tensor& x, const at::Tensor& in_x,
                                     const ProductKernel& kernel);

}  // namespace cq
