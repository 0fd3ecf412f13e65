#pragma once
#include <vector>

#include "cq/core/cache.h"
#include "cq/core/executor.h"
#include "cq/core/models/model.h"
#include "cq/core/quant/simulated.h"

namespace cq {

/// What the two counters in use take for a layer. Both count the products of convolutions and
/// linear layers, and neither the products of attention.
enum class Counter {
  thop,      ///< no bias; layer norms 4 a value, 2 where they have no affine part
  deepcache  ///< with biases, and 2 a value for norms that are not the UNet's own subclass
};

/// Operations of one layer in one call of a network, batch 1.
struct LayerCount {
  std::string name;
  std::string kind;  ///< conv, linear, attention
  int64_t macs = 0;
};

struct StepCount {
  std::vector<LayerCount> layers;
  int64_t conv = 0, linear = 0, norm = 0, attention = 0;
  /// What goes into BOPs: everything but the products of attention.
  int64_t macs() const { return conv + linear + norm; }
};

/// Runs nothing: gives tensors of the right shapes, and adds up what they would have cost.
class CountingExecutor : public Executor {
 public:
  explicit CountingExecutor(Counter counter) : counter_(counter) {}
  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override;
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override;
  const StepCount& count() const { return count_; }

 private:
  int64_t norm_cost(const Unit& unit, int64_t values) const;

  Counter counter_;
  mutable StepCount count_;
};

struct NetworkCount {
  StepCount full, cached;  ///< cached == full where nothing is kept
};

/// Both kinds of step of a network; `point` null for a network without cache. The cached step gets
/// the value that the full one left at the point.
NetworkCount count_network(const Model& model, const CachePoint* point, Counter counter);

/// 32 over the mean stored bits of the products' weights; first and last layers keep 8.
double weight_compression(const Network& network, const QuantParameters& quant);

}  // namespace cq
