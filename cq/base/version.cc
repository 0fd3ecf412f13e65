#include "cq/base/version.h"

#include "cq/base/version_info.h"

namespace cq {

const char* version() { return CQ_VERSION; }

}  // namespace cq
