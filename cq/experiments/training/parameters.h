#pragma once
// Training configs as typed parameters.
#include <string>

#include "cq/config/params.h"
#include "cq/experiments/training/tasks.h"

namespace cq {

/// `data`: where the images are.
struct DataConfig {
  std::string name = "CIFAR-10";
  std::string path;
  std::string train = "train";
  std::string test = "test";
};

const config::Params<DataConfig>& data_parameters();
/// `training`; the optimiser's and the tasks' parameters are groups of their own.
const config::Params<TrainingConfig>& training_parameters();
const config::Params<OptimizerConfig>& optimizer_parameters();
const config::Params<DenoiserTaskConfig>& denoiser_task_parameters();
const config::Params<KlTaskConfig>& kl_task_parameters();
const config::Params<ClassifierTaskConfig>& classifier_task_parameters();

}  // namespace cq
