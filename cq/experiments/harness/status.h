#pragma once
// Where an experiment stands, told from its files alone: any process may ask while others work.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cq/experiments/harness/failure.h"

namespace cq {

struct ExperimentStatus {
  struct FailedCell {
    std::string cell;
    FailureRecord failure;
  };
  struct Work {
    std::string what;  // `<kind>/<12 digits>` or a cell
    std::string host;
    int64_t pid = 0;
    /// `gone` when the process is known not to live any more; the work will be taken over.
    bool gone = false;
  };
  struct Kind {
    size_t all = 0;
    size_t complete = 0;
  };
  std::string name;
  size_t cells = 0;
  size_t done = 0;
  std::vector<FailedCell> failed;
  std::vector<std::string> waiting;
  std::vector<Work> running;
  std::map<std::string, Kind> kinds;
};

/// `experiment` is results/<name>. Throws UsageError when it holds no plan.json.
ExperimentStatus read_status(const std::filesystem::path& experiment);

std::string to_text(const ExperimentStatus& status);
nlohmann::ordered_json to_json(const ExperimentStatus& status);

}  // namespace cq
