#pragma once
#include <memory>

#include "cq/core/models/classifier.h"
#include "cq/core/models/model.h"
#include "cq/experiments/training/image_data.h"
#include "cq/experiments/training/trainer.h"

namespace cq {

// Tasks keep their images on the device that they compute on.

struct DenoiserTaskConfig {
  int64_t batch = 128;
  uint64_t seed = 0;
  double label_dropout = 0.1;  ///< share of images trained without a class, for guidance
  double min_snr = 5;          ///< gamma of min-SNR weighting; 0 for none
  double guidance = 2;         ///< of the sample grids
};

/// Denoising loss over latents, weighted by min-SNR-gamma (Hang et al. 2023, arXiv 2303.09556).
/// Fits the patch basis first where the model's first stage is still the identity.
std::unique_ptr<TrainingTask> make_denoiser_task(Model& model, const ImageData& train,
                                                 const ImageData& test,
                                                 const DenoiserTaskConfig& config,
                                                 const at::Device& device);

struct KlTaskConfig {
  int64_t batch = 128;
  uint64_t seed = 0;
  std::string distance = "l1";  ///< of images and reconstructions: l1 or l2
  double kl_weight = 1e-6;
};

/// Mean distance of images and their reconstructions from a sample of the posterior, plus
/// `kl_weight` times the divergence from N(0, I). Distance and divergence relate as in LDM's
/// autoencoders, where both are sums (Rombach et al. 2022, appendix G); there is no adversary.
/// Exports `scale_factor`, one over the latents' deviation. Throws UsageError where the model's
/// first stage is not `kl`, or images do not fit its factor.
std::unique_ptr<TrainingTask> make_kl_task(Model& model, const ImageData& train,
                                           const ImageData& test, const KlTaskConfig& config,
                                           const at::Device& device);

struct ClassifierTaskConfig {
  int64_t batch = 128;
  uint64_t seed = 0;
  double label_smoothing = 0.1;
  double blur_probability = 0.3;
  int64_t cutout = 0;  ///< side of a square that is greyed out, pixels
  double mixup = 0;    ///< share of images that are mixed with another
};

/// Cross-entropy with flips, shifted crops, cutout, mixtures and blur, so that the features do not
/// depend on the sharpness that generated images lack.
std::unique_ptr<TrainingTask> make_classifier_task(Classifier& classifier, const ImageData& train,
                                                   const ImageData& test,
                                                   const ClassifierTaskConfig& config,
                                                   const at::Device& device);

/// Share of `data` that the classifier gets right.
double classifier_accuracy(const Classifier& classifier, const ImageData& data,
                           const at::Device& device);

}  // namespace cq
