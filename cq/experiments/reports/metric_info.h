#pragma once
#include <optional>
#include <string>

namespace cq::reports {

/// How a metric is shown. Metrics that are not known here still appear, under their own name.
struct MetricInfo {
  std::string title;
  std::optional<bool> higher_is_better;
  int decimals = 3;
  int rank = 100;       ///< columns are ordered by it
  bool paired = false;  ///< compares image by image with full precision
};

/// By the metric's name or, for `fd_cifar`, `is_inception` and the like, by what comes before the
/// feature network: the network stays in the title, a bare FID is never printed for it.
MetricInfo metric_info(const std::string& name);

}  // namespace cq::reports
