#include "cq/experiments/training/parameters.h"

namespace cq {

namespace {
constexpr double kMany = 1e9;
}

const config::Params<DataConfig>& data_parameters() {
  using C = DataConfig;
  static const auto params =
      config::Params<C>()
          .field("name", &C::name, "what reports call the data set")
          .field("path", &C::path,
                 "a zip archive or folder with <split>/<class>/<image>, or a safetensors file")
          .field("train", &C::train, "split that is trained on")
          .field("test", &C::test, "split that is held out");
  return params;
}

const config::Params<TrainingConfig>& training_parameters() {
  using C = TrainingConfig;
  static const auto params =
      config::Params<C>()
          .field("steps", &C::steps, "updates", {1, kMany}, "steps")
          .field("batch", &C::batch, "images a step", {1, kMany}, "images")
          .field("warmup", &C::warmup, "steps of linear warm-up", {0, kMany}, "steps")
          .field("learning_rate", &C::learning_rate, "peak of the cosine", {0, 10})
          .field("final_rate", &C::final_rate, "end of the cosine over its peak", {0, 1})
          .field("ema_decay", &C::ema_decay, "of the averaged weights", {0, 1})
          .field("precision", &C::precision, "arithmetic; auto is bfloat16 where the device has it")
          .choices({"auto", "float32", "bfloat16"})
          .field("log_every", &C::log_every, "rows of losses.csv", {1, kMany}, "steps")
          .field("evaluate_every", &C::evaluate_every, "held-out figures and grids", {1, kMany},
                 "steps")
          .field("checkpoint_every", &C::checkpoint_every, "checkpoints", {1, kMany}, "steps")
          .field("stop_after", &C::stop_after, "stop with a checkpoint; 0 for never", {0, kMany},
                 "seconds");
  return params;
}

const config::Params<OptimizerConfig>& optimizer_parameters() {
  using C = OptimizerConfig;
  const std::string source = "Loshchilov & Hutter 2019, arXiv 1711.05101";
  static const auto params =
      config::Params<C>()
          .field("rule", &C::rule, "how gradients become updates")
          .choices({"adamw", "sgd"})
          .field("momentum", &C::momentum, "Nesterov momentum of sgd", {0, 1}, "",
                 "Sutskever et al. 2013, Proc. ICML 28(3)")
          .field("beta1", &C::beta1, "decay of the first moment", {0, 1}, "", source)
          .field("beta2", &C::beta2, "decay of the second moment", {0, 1}, "", source)
          .field("eps", &C::eps, "added to the root of the second moment", {0, 1}, "", source)
          .field("weight_decay", &C::weight_decay, "weight decay, decoupled in adamw", {0, 10}, "",
                 source)
          .field("clip_norm", &C::clip_norm, "norm that all gradients together are cut to",
                 {0, kMany});
  return params;
}

const config::Params<DenoiserTaskConfig>& denoiser_task_parameters() {
  using C = DenoiserTaskConfig;
  static const auto params =
      config::Params<C>()
          .field("label_dropout", &C::label_dropout, "share of images trained without a class",
                 {0, 1})
          .field("min_snr", &C::min_snr, "gamma of the loss weights; 0 for none", {0, 1000}, "",
                 "Hang et al. 2023, arXiv 2303.09556")
          .field("guidance", &C::guidance, "of the sample grids", {0, 100});
  return params;
}

const config::Params<KlTaskConfig>& kl_task_parameters() {
  using C = KlTaskConfig;
  static const auto params =
      config::Params<C>()
          .field("distance", &C::distance, "of images and reconstructions")
          .choices({"l1", "l2"})
          .field("kl_weight", &C::kl_weight, "of the divergence from a standard normal", {0, kMany},
                 "", "Rombach et al. 2022, arXiv 2112.10752");
  return params;
}

const config::Params<ClassifierTaskConfig>& classifier_task_parameters() {
  using C = ClassifierTaskConfig;
  static const auto params =
      config::Params<C>()
          .field("label_smoothing", &C::label_smoothing, "mass given to the other classes", {0, 1})
          .field("blur_probability", &C::blur_probability, "share of images that are blurred",
                 {0, 1})
          .field("cutout", &C::cutout, "side of the square that is greyed out in each image",
                 {0, 1024}, "pixels", "DeVries & Taylor 2017, arXiv 1708.04552")
          .field("mixup", &C::mixup, "share of images that are mixed with another of the batch",
                 {0, 1}, "", "Zhang et al. 2018, arXiv 1710.09412");
  return params;
}

}  // namespace cq
