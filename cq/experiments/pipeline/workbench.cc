#include "cq/experiments/pipeline/workbench.h"

#include <algorithm>

#include "cq/base/hash.h"
#include "cq/base/json.h"
#include "cq/experiments/setup/feature_networks.h"
#include "cq/experiments/setup/load_model.h"
#include "cq/experiments/setup/program_files.h"

namespace cq {

namespace {

/// Of the names and contents of all files below, in order of name.
std::string hash_of_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  Sha256 hash;
  for (const auto& file : files) {
    hash.add(file.lexically_relative(folder).string()).add(std::string_view("\0", 1));
    hash.add(sha256_file(file));
  }
  return hash.hex();
}

}  // namespace

void Workbench::use(const at::Device& device) {
  if (device == device_) return;
  device_ = device;
  models_.clear();
  networks_.clear();
}

const std::string& Workbench::hash(const std::string& file) {
  auto found = hashes_.find(file);
  if (found == hashes_.end()) {
    const auto path = find_data_file(file);
    const bool folder = std::filesystem::is_directory(path);
    found = hashes_.emplace(file, folder ? hash_of_folder(path) : sha256_file(path)).first;
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
  if (!model) {
    auto made = load_model(choice.config);
    made->to(device_);
    model = std::move(made);
  }
  return model;
}

void Workbench::keep(std::shared_ptr<const void> thing) {
  constexpr size_t kMost = 16;
  kept_.push_back(std::move(thing));
  if (kept_.size() > kMost) kept_.pop_front();
}

std::shared_ptr<FeatureNetwork> Workbench::features(const std::string& network,
                                                    const std::string& weights,
                                                    const std::optional<std::string>& resize) {
  auto& made = networks_[fmt::format("{} {} {}", network, resize.value_or(""), weights)];
  if (!made) {
    made = make_feature_network({network, find_data_file(weights), resize.value_or(""), device_});
  }
  return made;
}

}  // namespace cq
