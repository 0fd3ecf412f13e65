#include "cq/experiments/pipeline/cell_metrics.h"

#include "cq/base/error.h"
#include "cq/config/naming.h"
#include "cq/metrics/register.h"

namespace cq {

namespace {

void check(const CellMetric& metric, const ReferenceParameters& data, int64_t samples) {
  const bool embedded = data.network == "cifar";
  if (metric.needs.perceptual) {
    throw UsageError(
        "[metrics] '{}' needs weights that experiments do not take; `cq-exp evaluate` takes it on "
        "a cell's images",
        metric.name);
  }
  if (metric.needs.spatial && embedded) {
    throw UsageError(
        "[metrics] '{}' needs more than the embedded classifier's features: set "
        "data.network=inception",
        metric.name);
  }
  if (metric.missing.empty() && samples < metric.needs.generated_rows) {
    throw UsageError("[metrics] '{}' needs at least {} images, got samples={}", metric.name,
                     metric.needs.generated_rows, samples);
  }
}

void check_crop(const ReferenceParameters& data) {
  if (!data.crop) return;
  if (data.network == "cifar" || !data.reference) {
    throw UsageError("data.crop={}: it is of the images of data.reference, and of Inception's",
                     *data.crop);
  }
}

std::string missing_of(const CellMetric& metric, const ReferenceParameters& data, bool texts) {
  if (metric.clip) {
    if (!data.clip) return "data.clip names no weights of CLIP";
    return texts ? "" : "the images were asked for without texts (prompts=FILE)";
  }
  if (metric.on_features() && !data.features) {
    return "data.features names no weights of the feature network";
  }
  if (metric.needs.reference && !data.reference) return "data.reference names no real images";
  return "";
}

}  // namespace

const config::Params<ReferenceParameters>& reference_parameters() {
  using P = ReferenceParameters;
  static const auto params =
      config::Params<P>()
          .field("network", &P::network,
                 "feature network: cifar (embedded, 32 x 32) or inception (of FID)")
          .choices({"cifar", "inception"})
          .field("features", &P::features, "its weights; null: metrics on features are left out")
          .field("reference", &P::reference,
                 "what images are compared with. cifar: stored features; inception: a folder of "
                 "images, an npz or HDF5 file of samples or statistics; null: left out")
          .field("resize", &P::resize,
                 "of images to Inception's size: pytorch-fid, adm or clean; null: pytorch-fid")
          .field("crop", &P::crop,
                 "pixels that the shorter side of each image in the reference's folder is resized "
                 "to (Pillow's bicubic) before its centre is cut out; null: as they are",
                 {1, 65536}, "pixels")
          .field("clip", &P::clip, "weights of CLIP for clip_score; null: left out");
  return params;
}

std::vector<CellMetric> read_cell_metrics(const config::Node& asked,
                                          const ReferenceParameters& data, bool texts,
                                          int64_t samples) {
  check_crop(data);
  const auto registry = metric_registry();
  std::vector<CellMetric> metrics;
  const auto read = [&](const std::string& label) {
    CellMetric metric;
    metric.name = metric_of_label(label, data.network);
    registry.check(metric.name, config::Node::dict());
    metric.needs = registry.make(metric.name, config::Node::dict(), MetricSource{})->needs();
    metric.clip = metric.needs.text;
    metric.label = metric_label(metric.name, metric.clip ? "clip" : data.network);
    metric.missing = missing_of(metric, data, texts);
    check(metric, data, samples);
    for (const auto& earlier : metrics) {
      if (earlier.name == metric.name) {
        throw UsageError("the metric '{}' is asked for twice", metric.name);
      }
    }
    metrics.push_back(std::move(metric));
  };
  for (const auto& item : asked.elements()) {
    config::naming(item, [&] { read(item.as_string()); });
  }
  return metrics;
}

}  // namespace cq
