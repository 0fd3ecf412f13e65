#include "cq/experiments/pipeline/workbench.h"

#include "cq/base/hash.h"
#include "cq/base/json.h"
#include "cq/experiments/commands/common_model.h"
#include "cq/metrics/cifar_features.h"

namespace cq {

const std::string& Workbench::hash(const std::string& file) {
  auto found = hashes_.find(file);
  if (found == hashes_.end()) {
    found = hashes_.emplace(file, sha256_file(find_data_file(file))).first;
  }
  return found->second;
}

std::shared_ptr<const ModelChoice> Workbench::choose(const config::Node& job) {
  auto part = job.at("model").to_json();
  for (const char* key : {"doc", "sampling", "weights"}) part.erase(key);
  nlohmann::ordered_json key{{"model", part}};
  const std::string weights = job.at("weights").as_string();
  if (weights == "random") {
    key["random"] = job.at("seed").as_int();
  } else {
    key["weights"] = hash(weights);
  }
  for (const char* text : {"prompt", "negative_prompt"}) {
    const auto* node = job.get(std::string_view(text));
    if (node != nullptr && !node->is_null()) key[text] = node->as_string();
  }
  const auto* prompts = job.get(std::string_view("prompts"));
  if (prompts != nullptr && !prompts->is_null()) key["prompts"] = hash(prompts->as_string());
  auto& choice = choices_[canonical_json(key)];
  if (!choice) {
    auto made = std::make_shared<ModelChoice>();
    made->config = job;
    made->key = key;
    made->shapes = load_model(job, InitMode::shapes);
    choice = std::move(made);
  }
  return choice;
}

std::shared_ptr<const Model> Workbench::model(const ModelChoice& choice) {
  auto& model = models_[canonical_json(choice.key)];
  if (!model) model = load_model(choice.config);
  return model;
}

void Workbench::keep(std::shared_ptr<const void> thing) {
  constexpr size_t kMost = 16;
  kept_.push_back(std::move(thing));
  if (kept_.size() > kMost) kept_.pop_front();
}

std::shared_ptr<FeatureNetwork> Workbench::features(const std::string& weights) {
  auto& network = networks_[weights];
  if (!network) network = make_cifar_features(find_data_file(weights));
  return network;
}

}  // namespace cq
