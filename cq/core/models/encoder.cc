#include "cq/core/models/encoder.h"

#include "cq/core/models/clip.h"
#include "cq/core/models/inception.h"

namespace cq {

const FeatureEncoderRegistry& encoder_registry() {
  static const auto registry = [] {
    FeatureEncoderRegistry r("encoder", "kind");
    r.add<InceptionEncoder>();
    r.add<ClipEncoder>();
    return r;
  }();
  return registry;
}

}  // namespace cq
