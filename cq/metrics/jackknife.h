#pragma once
#include <functional>
#include <memory>
#include <string>

#include "cq/metrics/metric.h"

namespace cq {

/// Adds a 95 % interval to a result, and its standard error as `std` where it has none: the
/// delete-one-split jackknife (Quenouille; Tukey 1958) over `splits` random parts of the generated
/// rows, the same for every order of the rows, the reference held fixed. UsageError where a side is
/// known by statistics alone or has fewer rows than parts.
void add_interval(MetricResult& result, const std::function<std::unique_ptr<Metric>()>& make,
                  const MetricBatch& all, int64_t splits);

/// Adds the 95 % interval of a normal distribution with the result's `std`.
void add_normal_interval(MetricResult& result, const std::string& method);

}  // namespace cq
