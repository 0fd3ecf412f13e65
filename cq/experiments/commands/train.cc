#include "cq/experiments/commands/train.h"

#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/log.h"
#include "cq/config/emit.h"
#include "cq/experiments/commands/common_context.h"
#include "cq/experiments/setup/config_checks.h"
#include "cq/experiments/setup/load_model.h"
#include "cq/experiments/setup/program_config.h"
#include "cq/experiments/training/parameters.h"
#include "cq/experiments/training/tasks.h"
#include "cq/metrics/cifar_features.h"

namespace cq {

namespace {

struct Sets {
  ImageData train, test;
};

Sets read_sets(const config::Node& config, const std::filesystem::path& results,
               const TrainingConfig& training) {
  const auto data = data_parameters().parse(config.at("data"));
  const auto cache = results / ".store" / "data";
  Sets sets{read_image_data(data.path, data.train, cache),
            read_image_data(data.path, data.test, cache)};
  if (training.batch > sets.train.size()) {
    throw UsageError("{}batch {} is larger than the data set, {} images",
                     config.at("training").where(), training.batch, sets.train.size());
  }
  log_info("data: {} images to train on, {} held out", sets.train.size(), sets.test.size());
  return sets;
}

const config::Node& part(const config::Node& config, std::string_view key) {
  static const auto none = config::Node::dict();
  const auto* node = config.get(key);
  return node != nullptr ? *node : none;
}

TrainingConfig training_of(const config::Node& config) {
  auto training = training_parameters().parse(part(config, "training"));
  training.optimizer = optimizer_parameters().parse(part(config, "optimizer"));
  return training;
}

struct Job {
  const config::Node& config;
  const Context& context;
  std::filesystem::path results, folder;
  TrainingConfig training;
  uint64_t seed;
};

void train_denoiser(const Job& job) {
  auto config = denoiser_task_parameters().parse(part(job.config, "denoiser"));
  config.batch = job.training.batch;
  config.seed = job.seed;
  const auto sets = read_sets(job.config, job.results, job.training);
  const auto model = load_model(job.config, InitMode::training);
  model->to(job.context.device);
  log_info("{}: {} parameters", model->name(), model->parameter_count());
  const auto task = make_denoiser_task(*model, sets.train, sets.test, config, job.context.device);
  train(*task, job.training, job.context.device, job.folder);
}

void train_autoencoder(const Job& job) {
  auto config = kl_task_parameters().parse(part(job.config, "autoencoder"));
  config.batch = job.training.batch;
  config.seed = job.seed;
  const auto sets = read_sets(job.config, job.results, job.training);
  const auto model = load_model(job.config, InitMode::training);
  model->to(job.context.device);
  log_info("{}: {} parameters", model->name(), model->first_stage().weights().count());
  const auto task = make_kl_task(*model, sets.train, sets.test, config, job.context.device);
  train(*task, job.training, job.context.device, job.folder);
}

void train_classifier(const Job& job) {
  auto config = classifier_task_parameters().parse(part(job.config, "augment"));
  config.batch = job.training.batch;
  config.seed = job.seed;
  const auto sets = read_sets(job.config, job.results, job.training);
  const auto shape = Classifier::parameters().parse(part(job.config, "classifier"));
  Classifier classifier(shape, Weights(InitMode::training, job.seed));
  classifier.weights().to(job.context.device);
  log_info("classifier: {} parameters", classifier.weights().count());
  const auto task =
      make_classifier_task(classifier, sets.train, sets.test, config, job.context.device);
  train(*task, job.training, job.context.device, job.folder);
  // What generated images are compared with, in this classifier's features.
  constexpr int64_t kKept = 5000;
  const auto network = make_cifar_features(job.folder / "weights.safetensors", job.context.device);
  log_info("reference: features of {} images", sets.train.size());
  const auto name =
      fmt::format("{} train, {} images", data_parameters().parse(job.config.at("data")).name,
                  sets.train.size());
  write_reference(job.folder / "reference.safetensors", *network, name,
                  sets.train.images.permute({0, 2, 3, 1}), kKept);
}

}  // namespace

int train_command(const TrainOptions& options) {
  const auto config = compose_file(options.config, options.overrides);
  const std::string task = config.at("task").as_string();
  std::vector<std::string> keys{"name", "results_dir", "seed",     "task",
                                "data", "training",    "optimizer"};
  if (task == "denoiser") {
    keys.insert(keys.end(), {"model", "sampler", "denoiser"});
  } else if (task == "autoencoder") {
    keys.insert(keys.end(), {"model", "sampler", "autoencoder"});
  } else if (task == "classifier") {
    keys.insert(keys.end(), {"classifier", "augment"});
  } else {
    throw UsageError("{}unknown task '{}': denoiser, autoencoder or classifier",
                     config.at("task").where(), task);
  }
  check_keys(config, keys);
  const std::filesystem::path results = config.at("results_dir").as_string();
  const auto folder = results / config.at("name").as_string();
  const auto training = training_of(config);
  const auto context = make_context(options.common);
  const Job job{config, context, results, folder, training, uint64_t(config.at("seed").as_int())};
  write_if_changed(folder / "config.yaml", config::to_yaml(config));
  if (task == "denoiser") {
    train_denoiser(job);
  } else if (task == "autoencoder") {
    train_autoencoder(job);
  } else {
    train_classifier(job);
  }
  const auto weights = folder / "weights.safetensors";
  if (options.common.json) {
    const nlohmann::ordered_json json = {{"weights", weights.string()}, {"steps", training.steps}};
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print("{}\n", weights.string());
  }
  return 0;
}

}  // namespace cq
