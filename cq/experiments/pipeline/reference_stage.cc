// The stage that looks at real images through the feature network.
#include <functional>

#include "cq/base/error.h"
#include "cq/core/image_resize.h"
#include "cq/core/io/image.h"
#include "cq/core/io/safetensors.h"
#include "cq/experiments/pipeline/reference.h"
#include "cq/experiments/pipeline/stages.h"
#include "cq/experiments/setup/program_files.h"
#include "cq/metrics/cifar_features.h"
#include "cq/metrics/inputs.h"

namespace cq {

namespace {

using Named = std::vector<std::pair<std::string, at::Tensor>>;

constexpr const char* kFile = "reference.safetensors";

/// Moments of one kind of features, and their rows where a metric wants those.
class Side {
 public:
  Side(std::string name, bool wanted, bool rows)
      : name_(std::move(name)), wanted_(wanted), rows_(rows) {}
  bool wanted() const { return wanted_; }
  void give(std::shared_ptr<const FeatureStatistics> statistics) { given_ = std::move(statistics); }
  bool computes() const { return wanted_ && (rows_ || !given_); }
  void add(const at::Tensor& features) {
    if (!computes()) return;
    if (!given_) moments_.add(features);
    if (rows_) parts_.push_back(features);
  }
  void write(Named& out) const {
    if (!wanted_) return;
    const auto statistics = given_ ? *given_ : moments_.statistics();
    out.emplace_back(name_ + ".mean", statistics.mean);
    out.emplace_back(name_ + ".covariance", statistics.covariance);
    out.emplace_back(name_ + ".count",
                     at::full({1}, statistics.count, at::TensorOptions().dtype(at::kLong)));
    if (rows_) out.emplace_back(name_, at::cat(parts_, 0));
  }

 private:
  std::string name_;
  bool wanted_, rows_;
  std::shared_ptr<const FeatureStatistics> given_;
  RunningMoments moments_;
  std::vector<at::Tensor> parts_;
};

struct Wanted {
  bool features = false, spatial = false, rows = false;
};

Wanted wanted_of(const CellSpec& cell) {
  Wanted wanted;
  for (const auto& metric : cell.metrics) {
    if (!metric.missing.empty() || metric.clip || !metric.needs.reference) continue;
    wanted.features |= metric.needs.features;
    wanted.spatial |= metric.needs.spatial;
    wanted.rows |= metric.needs.features && !metric.needs.statistics;
  }
  return wanted;
}

using Take = std::function<void(const at::Tensor& images)>;

/// Images of a folder, of any sizes, brought to one.
void each_cropped(const EvaluationInput& input, int64_t side, int64_t batch, const Take& take) {
  std::vector<at::Tensor> images;
  for (size_t i = 0; i < input.files().size(); ++i) {
    const auto image = read_image(input.files()[i]).unsqueeze(0);
    const auto cropped = resize_for_clip(image, side, "clip");  // bytes / 255
    images.push_back(cropped.mul(255).round().to(at::kByte).permute({0, 2, 3, 1}));
    if (int64_t(images.size()) < batch && i + 1 < input.files().size()) continue;
    take(at::cat(images, 0));
    images.clear();
  }
}

void each_image(const EvaluationInput& input, const std::optional<int64_t>& crop,
                const Take& take) {
  constexpr int64_t kBatch = 64;
  if (!crop) {
    input.each_batch(kBatch, false, [&](const auto& batch) { take(batch.images); });
  } else if (input.files().empty()) {
    throw UsageError("data.crop={}: {} is {}, expected a folder of images", *crop,
                     input.path().string(), input.describe());
  } else {
    each_cropped(input, *crop, kBatch, take);
  }
}

void look(const StageContext& context, const Wanted& wanted, StageFolder& folder) {
  const auto& data = context.cell->data;
  const auto input = EvaluationInput::open(find_data_file(*data.reference));
  Side features("features", wanted.features, wanted.rows),
      spatial("spatial", wanted.spatial, false);
  if (input.has_statistics()) features.give(input.statistics());
  if (input.has_spatial_statistics()) spatial.give(input.spatial_statistics());
  if (features.computes() || spatial.computes()) {
    if (!input.has_images()) {
      throw UsageError("data.reference: {} is {}, and the metrics need images",
                       input.path().string(), input.describe());
    }
    const auto network = context.bench->features(data.network, *data.features, data.resize);
    folder.expect(input.count(), "images");
    each_image(input, data.crop, [&](const at::Tensor& images) {
      const auto out = network->compute(images);
      features.add(out.features);
      if (spatial.wanted()) spatial.add(out.spatial);
      folder.bar().add(images.size(0));
    });
  }
  Named tensors;
  features.write(tensors);
  spatial.write(tensors);
  write_safetensors(folder.path() / kFile, tensors);
}

std::shared_ptr<const FeatureStatistics> statistics_of(const SafeTensors& file,
                                                       const std::string& name) {
  if (!file.contains(name + ".mean")) return nullptr;
  auto statistics = std::make_shared<FeatureStatistics>();
  statistics->mean = file.tensor(name + ".mean");
  statistics->covariance = file.tensor(name + ".covariance");
  statistics->count = file.tensor(name + ".count").item<int64_t>();
  return statistics;
}

}  // namespace

bool needs_reference_stage(const CellSpec& cell) {
  const auto wanted = wanted_of(cell);
  return cell.data.network != "cifar" && (wanted.features || wanted.spatial);
}

Stage reference_stage(const StageContext& context) {
  const auto& data = context.cell->data;
  const auto wanted = wanted_of(*context.cell);
  Stage stage{.kind = "reference",
              .params = network_key(context),
              .inputs = {},
              .compute = {},
              .cost = weighing(1)};
  stage.params["reference"] = context.bench->hash(*data.reference);
  if (data.crop) stage.params["crop"] = *data.crop;
  stage.params["features"] = wanted.features;
  stage.params["spatial"] = wanted.spatial;
  stage.params["rows"] = wanted.rows;
  stage.compute = [context, wanted](StageFolder& folder) { look(context, wanted, folder); };
  return stage;
}

Reference read_reference(const StageContext& context, const StageFolder& folder) {
  const auto& data = context.cell->data;
  Reference reference;
  if (data.network == "cifar") {
    const auto stored =
        read_reference(find_data_file(*data.reference), context.bench->hash(*data.features));
    reference.name = stored.name;
    reference.statistics = stored.statistics;
    reference.features = stored.features;
    return reference;
  }
  const auto file = SafeTensors::open(folder.input("reference") / kFile);
  reference.name = EvaluationInput::open(find_data_file(*data.reference)).name();
  reference.statistics = statistics_of(file, "features");
  reference.spatial_statistics = statistics_of(file, "spatial");
  if (file.contains("features")) reference.features = file.tensor("features");
  return reference;
}

}  // namespace cq
