#include "cq/base/version.h"

#include <fmt/format.h>

#include "cq/base/version_info.h"

namespace cq {

const BuildInfo& build_info() {
  static const BuildInfo info{CQ_VERSION, CQ_REVISION, CQ_DIRTY, CQ_COMPILER, CQ_BUILD_TYPE};
  return info;
}

const char* version() {
  return CQ_VERSION;
}

std::string version_line(const BuildInfo& info) {
  const std::string revision =
      info.revision.empty() ? "no git revision" : info.revision.substr(0, 12);
  return fmt::format("cq-exp {} ({}{}; {}, {})", info.version, revision,
                     info.dirty ? ", modified" : "", info.compiler, info.build_type);
}

}  // namespace cq
