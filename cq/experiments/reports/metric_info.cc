#include "cq/experiments/reports/metric_info.h"

#include <map>

namespace cq::reports {
namespace {

// Names and directions as in docs/metrics.md.
const std::map<std::string, MetricInfo>& known_metrics() {
  static const std::map<std::string, MetricInfo> known = {
      {"fid", {"FID", false, 2, 0, false}},
      {"fd", {"FD", false, 2, 0, false}},
      {"fid_inf", {"FID-inf", false, 2, 0, false}},
      {"fd_inf", {"FD-inf", false, 2, 0, false}},
      {"sfid", {"sFID", false, 2, 1, false}},
      {"sfd", {"sFD", false, 2, 1, false}},
      {"kid", {"KID", false, 4, 2, false}},
      {"kd", {"KD", false, 4, 2, false}},
      {"cmmd", {"CMMD", false, 3, 2, false}},
      {"mmd", {"MMD", false, 3, 2, false}},
      {"is", {"IS", true, 2, 3, false}},
      {"precision", {"precision", true, 3, 4, false}},
      {"recall", {"recall", true, 3, 5, false}},
      {"density", {"density", true, 3, 6, false}},
      {"coverage", {"coverage", true, 3, 7, false}},
      {"accuracy", {"accuracy", true, 3, 8, false}},
      {"clip_score", {"CLIP score", true, 2, 9, false}},
      {"psnr", {"PSNR", true, 2, 10, true}},
      {"ssim", {"SSIM", true, 3, 11, true}},
      {"lpips", {"LPIPS", false, 3, 12, true}},
  };
  return known;
}

}  // namespace

MetricInfo metric_info(const std::string& name) {
  const auto& known = known_metrics();
  if (const auto at = known.find(name); at != known.end()) return at->second;
  // The longest known beginning: `fd_inf_cifar` is no `fd` of a network `inf_cifar`.
  for (size_t cut = name.rfind('_'); cut != std::string::npos && cut > 0;
       cut = name.rfind('_', cut - 1))
    if (const auto at = known.find(name.substr(0, cut)); at != known.end()) {
      MetricInfo info = at->second;
      info.title += " (" + name.substr(cut + 1) + ")";
      return info;
    }
  MetricInfo unknown;
  unknown.title = name;
  return unknown;
}

}  // namespace cq::reports
