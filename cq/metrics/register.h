#pragma once
#include "cq/metrics/metric.h"

namespace cq {

// Each metric's own file defines its line; metric_registry() names them all.
void register_accuracy(MetricRegistry& registry);
void register_clip_score(MetricRegistry& registry);
void register_cmmd(MetricRegistry& registry);
void register_coverage(MetricRegistry& registry);
void register_density(MetricRegistry& registry);
void register_fid(MetricRegistry& registry);
void register_fid_inf(MetricRegistry& registry);
void register_is(MetricRegistry& registry);
void register_kid(MetricRegistry& registry);
void register_lpips(MetricRegistry& registry);
void register_precision(MetricRegistry& registry);
void register_psnr(MetricRegistry& registry);
void register_recall(MetricRegistry& registry);
void register_sfid(MetricRegistry& registry);
void register_ssim(MetricRegistry& registry);

/// Every metric of the program.
MetricRegistry metric_registry();

}  // namespace cq
