#pragma once
// Results folders as an ablation leaves them, with made-up figures.
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace cq::testing {

using Json = nlohmann::ordered_json;

/// A folder that goes with the test.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct FakeCell {
  std::string name = {}, cache = "none", quant = "none", correct = "none", reconstruct = "none";
  int interval = 10, bits = 8, seed = 0;
};

/// config.json of a cell, as composed.
Json fake_config(const FakeCell& cell);
/// {"value", "std" where `spread` >= 0, "protocol"}.
Json fake_metric(double value, double spread = -1, const std::string& reference = "cifar10-train");

void write_json_file(const std::filesystem::path& path, const Json& json);
void write_cell(const std::filesystem::path& results, const FakeCell& cell, const Json& metrics);

/// The paper's rows for N = 10 and 20, W8A8 and W4A8, three seeds, with a failed cell, error
/// curves, schedules and picture grids. `shift` moves every Frechet distance.
void write_ablation(const std::filesystem::path& results, double shift = 0);

}  // namespace cq::testing
