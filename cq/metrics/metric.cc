#include "cq/metrics/metric.h"

#include <array>
#include <utility>

namespace cq {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 5> kNamedAfterInception = {{
    {"fid", "fd_"},
    {"fid_inf", "fd_inf_"},
    {"sfid", "sfd_"},
    {"kid", "kd_"},
    {"is", "is_"},
}};

bool bears_plain_names(const std::string& network) {
  return network == "none" || network == "inception";
}

}  // namespace

std::string metric_label(const std::string& metric, const std::string& network) {
  // CMMD is known by CLIP's features.
  if (metric == "cmmd") {
    return network == "none" || network == "clip" ? metric : "mmd_" + network;
  }
  if (bears_plain_names(network)) return metric;
  for (const auto& [plain, prefix] : kNamedAfterInception) {
    if (metric == plain) return prefix + network;
  }
  return metric;
}

std::string metric_of_label(const std::string& label, const std::string& network) {
  if (label == metric_label("cmmd", network)) return "cmmd";
  for (const auto& [plain, prefix] : kNamedAfterInception) {
    if (label == metric_label(plain, network)) return plain;
  }
  return label;
}

}  // namespace cq
