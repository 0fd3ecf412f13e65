#include "cq/metrics/register.h"

namespace cq {

MetricRegistry metric_registry() {
  MetricRegistry registry("metric");
  register_fid(registry);
  register_fid_inf(registry);
  register_sfid(registry);
  register_kid(registry);
  register_cmmd(registry);
  register_is(registry);
  register_precision(registry);
  register_recall(registry);
  register_density(registry);
  register_coverage(registry);
  register_accuracy(registry);
  register_clip_score(registry);
  register_psnr(registry);
  register_ssim(registry);
  register_lpips(registry);
  return registry;
}

}  // namespace cq
