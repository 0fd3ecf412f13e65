#include "cq/experiments/pipeline/jobs.h"

#include <algorithm>
#include <numeric>

#include "cq/base/error.h"
#include "cq/config/resolve.h"
#include "cq/config/yaml_reader.h"
#include "cq/experiments/launchers/launcher.h"
#include "cq/experiments/setup/config_checks.h"

namespace cq {

namespace {

constexpr const char* kRunKeys[] = {"launcher", "retry"};
const std::vector<std::string> kGroups{"model", "sampler", "cache", "quant", "correct"};

std::string where_of(const config::Node& config, const char* key) {
  const auto* node = config.get(std::string_view(key));
  return node == nullptr ? std::string(key) + ": " : node->where();
}

RunPolicy policy_of(const config::Node& config) {
  RunPolicy policy;
  if (const auto* node = config.get(std::string_view("retry"))) {
    policy = run_policy_parameters().parse(config::Node::dict({{"retry", *node}}));
  }
  if (const auto* node = config.get(std::string_view("launcher"))) policy.launcher = *node;
  const auto* name =
      policy.launcher.is_dict() ? policy.launcher.get(std::string_view("name")) : nullptr;
  if (name == nullptr) {
    throw UsageError("{}expected a mapping with a name, such as launcher=local",
                     where_of(config, "launcher"));
  }
  launcher_registry().check(name->as_string(), policy.launcher);
  return policy;
}

}  // namespace

const config::Params<RunPolicy>& run_policy_parameters() {
  static const auto params = config::Params<RunPolicy>().field(
      "retry", &RunPolicy::retry, "times that a stage is tried again after an error that may pass",
      {0, 1000});
  return params;
}

ComposedJobs::ComposedJobs(std::shared_ptr<const config::JobList> jobs) : jobs_(std::move(jobs)) {
  if (jobs_->size() == 0) {
    if (jobs_->dropped() == 0) throw UsageError("the sweep has no cell: a key has no value");
    throw UsageError("the sweep has no cell: `where` left out all {}", jobs_->dropped());
  }
  quantizations_ = jobs_->options("quant");
  check_groups(jobs_->job(0).config, kGroups);
  policy_ = policy_of(config::resolve(jobs_->job(0).config).with_paths());
  for (const auto& text : jobs_->overrides(jobs_->size() - 1)) {
    // Equal in all cells, or the first and the last one differ in it.
    const auto first = jobs_->overrides(0);
    const bool about_run = text.starts_with("launcher") || text.starts_with("retry");
    if (about_run && std::find(first.begin(), first.end(), text) == first.end()) {
      throw UsageError("'{}': all cells of an experiment are run in one way, it cannot be swept",
                       text);
    }
  }
}

config::Node ComposedJobs::config(size_t i) const {
  auto config = jobs_->job(i).config;
  for (const char* key : kRunKeys) config.erase(config::Key(key));
  check_groups(config, kGroups);
  config = config::resolve(config).with_paths();
  check_option_name(config, "quant", quantizations_);
  return config;
}

FrozenJobs::FrozenJobs(std::shared_ptr<const Launch> launch)
    : launch_(std::move(launch)), cells_(launch_->cells()) {
  std::iota(cells_.begin(), cells_.end(), size_t{0});
}

std::optional<ResultsLayout> FrozenJobs::layout() const {
  const auto experiment = launch_->folder().parent_path().parent_path();
  return ResultsLayout{experiment.parent_path(), experiment.filename().string()};
}

config::Node FrozenJobs::config(size_t i) const {
  const auto cell = launch_->cell(cells_.at(i));
  return config::read_yaml(cell.config_yaml, "frozen cell " + cell.name).with_paths();
}

}  // namespace cq
