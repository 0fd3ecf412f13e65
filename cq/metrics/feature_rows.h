#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cq/metrics/shared_work.h"

namespace cq {

/// Rows that arrive in batches, kept as they came (metrics that are fed the same tensors share
/// their memory).
class FeatureRows {
 public:
  /// `owner` and `what` ("fid", "generated features") begin the messages.
  FeatureRows(std::string owner, std::string what)
      : owner_(std::move(owner)), what_(std::move(what)) {}

  /// rows: [n, D] of a float type. UsageError for other shapes and types and for a width other than
  /// the earlier rows'; RunError for NaN and infinity, naming the row.
  void add(const at::Tensor& rows);
  void merge(const FeatureRows& other);

  int64_t count() const { return count_; }
  int64_t width() const { return width_; }
  bool empty() const { return count_ == 0; }
  const std::string& what() const { return what_; }

  /// All rows in the order in which they came.
  at::Tensor in_order(SharedWork& shared) const;
  /// All rows in lexicographic order of their values: the same tensor whatever the order, batches
  /// and shards they came in.
  at::Tensor by_content(SharedWork& shared) const;

 private:
  void check(const at::Tensor& rows) const;

  std::string owner_;
  std::string what_;
  std::vector<at::Tensor> batches_;
  int64_t count_ = 0;
  int64_t width_ = 0;
};

}  // namespace cq
