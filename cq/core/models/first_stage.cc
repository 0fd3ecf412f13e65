#include "cq/core/models/first_stage.h"

#include <algorithm>

#include "cq/core/models/kl_stage.h"
#include "cq/core/models/patch_stage.h"
#include "cq/core/models/vq_stage.h"

namespace cq {

namespace {

/// Pixels that a first stage works on at once: activations of an autoencoder are some thousand
/// bytes a pixel.
constexpr int64_t kPixelsAtOnce = 512 * 512;

/// Groups of images, channels last on a CPU: of an image whose channels come first, the library's
/// convolutions make copies, as large as their input and their output.
template <class Map>
at::Tensor in_groups(const at::Tensor& given, int64_t pixels_each, const Map& map) {
  const bool on_cpu = given.device().is_cpu();
  const auto x = on_cpu ? given.contiguous(at::MemoryFormat::ChannelsLast) : given;
  const int64_t group = std::max<int64_t>(1, kPixelsAtOnce / std::max<int64_t>(1, pixels_each));
  if (x.size(0) <= group) return map(x);
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < x.size(0); first += group) {
    parts.push_back(map(x.narrow(0, first, std::min(group, x.size(0) - first))));
  }
  return at::cat(parts, 0);
}

}  // namespace

at::Tensor FirstStage::encode(const at::Tensor& images) const {
  const FloatExecutor executor;
  const auto latents =
      in_groups(images, images.size(2) * images.size(3),
                [&](const at::Tensor& part) { return to_latents(part, executor); });
  return scale_ == 1 ? latents : latents * scale_;
}

at::Tensor FirstStage::decode(const at::Tensor& latents) const {
  const FloatExecutor executor;
  const auto unscaled = scale_ == 1 ? latents : latents / scale_;
  return in_groups(unscaled, latents.size(2) * latents.size(3) * factor() * factor(),
                   [&](const at::Tensor& part) { return to_images(part, executor); });
}

const FirstStageRegistry& first_stage_registry() {
  static const auto registry = [] {
    FirstStageRegistry r("first stage", "kind");
    r.add<PatchStage>();
    r.add<NoStage>();
    r.add<KlStage>();
    r.add<VqStage>();
    return r;
  }();
  return registry;
}

const config::Params<NoStage::Parameters>& NoStage::parameters() {
  static const config::Params<Parameters> params;
  return params;
}

}  // namespace cq
