#include "cq/experiments/setup/feature_networks.h"

#include "cq/base/error.h"
#include "cq/experiments/setup/program_files.h"
#include "cq/metrics/cifar_features.h"
#include "cq/metrics/clip_features.h"
#include "cq/metrics/inception_features.h"

namespace cq {
namespace {

std::filesystem::path given_weights(const FeatureNetworkChoice& choice, const char* where_from) {
  if (choice.weights.empty()) {
    throw UsageError("--features {} needs --weights F: {}", choice.name, where_from);
  }
  if (!std::filesystem::exists(choice.weights)) {
    throw UsageError("{}: no such file", choice.weights.string());
  }
  return choice.weights;
}

}  // namespace

std::unique_ptr<FeatureNetwork> make_feature_network(const FeatureNetworkChoice& choice) {
  if (choice.name == "cifar") {
    if (!choice.resize.empty()) {
      throw UsageError("--resize {}: the network 'cifar' takes images of 32 x 32 as they are",
                       choice.resize);
    }
    return make_cifar_features(choice.weights.empty()
                                   ? find_data_file("models/cifar-classifier.safetensors")
                                   : given_weights(choice, ""),
                               choice.device);
  }
  if (choice.name == "inception") {
    return make_inception_features(
        given_weights(choice, "pt_inception-2015-12-05-6726825d.pth of pytorch-fid"),
        choice.resize.empty() ? "pytorch-fid" : choice.resize, choice.device);
  }
  if (choice.name == "clip") {
    return make_clip_features(given_weights(choice, "a checkpoint of CLIP, text and vision"),
                              choice.resize.empty() ? "clip" : choice.resize, choice.device);
  }
  throw UsageError("--features {}: expected none, cifar, inception or clip", choice.name);
}

}  // namespace cq
