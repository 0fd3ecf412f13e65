#pragma once
// The cells of an experiment before they are planned: composed now, or frozen by a launch.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cq/config/compose.h"
#include "cq/config/params.h"
#include "cq/experiments/harness/plan.h"
#include "cq/experiments/launchers/launch.h"

namespace cq {

/// Gives the same whenever it is asked, so that a plan need not keep configurations.
class JobSource {
 public:
  virtual ~JobSource() = default;
  virtual size_t size() const = 0;
  virtual std::vector<std::string> overrides(size_t i) const = 0;
  /// Resolved, with dotted paths; without the keys that say how to run (see RunPolicy).
  virtual config::Node config(size_t i) const = 0;
  /// The cell's folder where it is settled already.
  virtual std::string name(size_t) const { return {}; }
  /// Where the results lie, if that is not for the cells' configs to say.
  virtual std::optional<ResultsLayout> layout() const { return {}; }
};

/// Keys of an experiment that say how it is run; they are no part of a cell.
struct RunPolicy {
  config::Node launcher = config::Node::dict({{"name", "local"}});
  int64_t retry = 0;  ///< times that a stage is tried again after an error that may pass
};
const config::Params<RunPolicy>& run_policy_parameters();

class ComposedJobs : public JobSource {
 public:
  /// Throws UsageError where cells differ in how they are run, or launcher and retry are wrong.
  /// config() throws it where a group is no mapping, or `quant.name` none of the group's options.
  explicit ComposedJobs(std::shared_ptr<const config::JobList> jobs);

  size_t size() const override { return jobs_->size(); }
  std::vector<std::string> overrides(size_t i) const override { return jobs_->overrides(i); }
  config::Node config(size_t i) const override;
  const RunPolicy& policy() const { return policy_; }

 private:
  std::shared_ptr<const config::JobList> jobs_;
  RunPolicy policy_;
  std::vector<std::string> quantizations_;  ///< options of `quant`
};

/// Some cells of a launch, or all.
class FrozenJobs : public JobSource {
 public:
  explicit FrozenJobs(std::shared_ptr<const Launch> launch);
  FrozenJobs(std::shared_ptr<const Launch> launch, std::vector<size_t> cells)
      : launch_(std::move(launch)), cells_(std::move(cells)) {}

  size_t size() const override { return cells_.size(); }
  std::vector<std::string> overrides(size_t i) const override {
    return launch_->cell(cells_.at(i)).overrides;
  }
  config::Node config(size_t i) const override;
  std::string name(size_t i) const override { return launch_->cell(cells_.at(i)).name; }
  /// The launch's own place: a folder may have another name where the worker runs.
  std::optional<ResultsLayout> layout() const override;

 private:
  std::shared_ptr<const Launch> launch_;
  std::vector<size_t> cells_;
};

}  // namespace cq
