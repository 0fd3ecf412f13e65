#pragma once
#include <cstdint>
#include <vector>

#include "cq/core/tensor.h"

namespace cq {

/// Two sets of feature vectors and the distances between them, for metrics that ask who lies in
/// whose k-nearest-neighbour ball. Products run in float32 (float64 for narrow features); every
/// comparison that their rounding could decide is settled by the exact float64 distance, so that
/// the answers are those of float64 and ties count as inside.
class NeighbourSpace {
 public:
  /// reference [M, D] and generated [N, D], any float type, one width (else UsageError).
  NeighbourSpace(const at::Tensor& reference, const at::Tensor& generated);

  enum class Side { reference, generated };

  /// Squared distance of each row to its k-th nearest other row of the same set. UsageError below
  /// k + 1 rows. Keeps the nearest distances for the next k: not for two threads at once.
  std::vector<double> squared_radii(Side side, int64_t k);

  /// Who lies in whose closed ball.
  struct Membership {
    std::vector<int32_t> reference_balls;  // [N]: reference balls that hold generated row j
    std::vector<uint8_t> covered;          // [M]: reference ball i holds some generated row
    std::vector<uint8_t> recalled;         // [M]: some generated ball holds reference row i
  };
  Membership membership(const std::vector<double>& reference_radii,
                        const std::vector<double>& generated_radii) const;

  int64_t count(Side side) const { return set(side).exact.size(0); }

 private:
  struct Set {
    at::Tensor exact;   // as given, float32 or float64, contiguous
    at::Tensor screen;  // centred, in the type of the products
    at::Tensor norms;   // squared norms of `screen`, float64
  };
  /// Squared distances of each row to its k nearest others, [rows, k] ascending.
  struct Nearest {
    int64_t k = 0;
    std::vector<double> distances;
  };
  const Set& set(Side side) const { return side == Side::reference ? reference_ : generated_; }
  double exact_distance(const Set& a, int64_t i, const Set& b, int64_t j) const;
  template <class Float>
  void find_nearest(const Set& set, Nearest& nearest) const;
  template <class Float>
  void fill(const std::vector<double>& reference_radii, const std::vector<double>& generated_radii,
            Membership& result) const;

  Set reference_;
  Set generated_;
  Nearest reference_nearest_;
  Nearest generated_nearest_;
  /// Rounding of a screened squared distance, relative to the sum of the two squared norms.
  double band_ = 0;
};

}  // namespace cq
