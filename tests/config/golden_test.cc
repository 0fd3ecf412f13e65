// Compares with what Hydra 1.3.2 and OmegaConf 2.3 gave for the same files and overrides.
// tests/config/golden/make_golden.py writes the expectations; scripts/compare_hydra makes more.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <unistd.h>

#include "cq/config/compose.h"
#include "cq/config/emit.h"
#include "cq/config/resolve.h"
#include "cq/config/scalar.h"
#include "cq/config/yaml_reader.h"

namespace cq::config {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

std::string canonical(const Node& node) {
  if (node.is_dict()) {
    std::string out;
    for (const auto& [key, value] : node.items()) {
      const std::string name = key.kind == KeyKind::string ? ordered_json(key.text()).dump()
                               : key.kind == KeyKind::real
                                   ? "f" + python_real(read_plain_scalar(key.text()).as_double())
                                   : key.text();
      out += (out.empty() ? "" : ", ") + name + ": " + canonical(value);
    }
    return "{" + out + "}";
  }
  if (node.is_list()) {
    std::string out;
    for (const Node& item : node.elements()) out += (out.empty() ? "" : ", ") + canonical(item);
    return "[" + out + "]";
  }
  if (node.is_double()) return "f" + python_real(node.as_double());
  if (node.is_string()) return ordered_json(node.as_string()).dump();
  if (node.is_bool()) return node.as_bool() ? "true" : "false";
  return node.is_null() ? "null" : std::to_string(node.as_int());
}

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / fmt::format("cq_golden_{}", ::getpid())) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }
  void write(const ordered_json& files) const {
    fs::remove_all(path_);
    fs::create_directories(path_);
    for (const auto& [name, text] : files.items()) {
      fs::create_directories((path_ / name).parent_path());
      std::ofstream(path_ / name, std::ios::binary) << text.get<std::string>();
    }
  }

 private:
  fs::path path_;
};

ordered_json outcome(const ordered_json& test, const fs::path& folder) {
  ComposeRequest request;
  request.primary = folder / (test.value("primary", "config") + ".yaml");
  request.overrides = test.value("overrides", std::vector<std::string>{});
  request.multirun = test.value("multirun", false);
  for (const std::string& dir : test.value("dirs", std::vector<std::string>{})) {
    request.extra_dirs.push_back(folder / dir);
  }
  try {
    const Composition composition = compose(request);
    ordered_json jobs = ordered_json::array();
    for (const ComposedJob& job : composition.jobs) {
      const Node config = test.value("resolve", false) ? resolve(job.config) : job.config;
      jobs.push_back(canonical(config));
      EXPECT_EQ(canonical(read_yaml(to_yaml(config), "emitted")), canonical(config))
          << to_yaml(config);
    }
    return jobs;
  } catch (const UsageError& error) {
    EXPECT_GT(std::string(error.what()).size(), 10u);
    return fmt::format("refused: {}", error.what());
  }
}

/// Where we differ on purpose, by the text of the primary config or the override: what comes out
/// here ("refused" or the jobs' canonical configs), and why.
const std::map<std::string, ordered_json>& differences() {
  static const std::map<std::string, ordered_json> all{
      // Refused on purpose (the interface says so): a root that is no mapping.
      {"just a string\n", "refused"},
      {"a:1\n", "refused"},
  };
  return all;
}

const ordered_json* difference(const ordered_json& test) {
  const auto& all = differences();
  auto found = all.find(test.at("files").value("config.yaml", std::string()));
  for (const auto& over : test.value("overrides", std::vector<std::string>{})) {
    if (found == all.end()) found = all.find(over);
  }
  return found == all.end() ? nullptr : &found->second;
}

int run_file(const fs::path& file) {
  std::ifstream stream(file);
  const ordered_json tests = ordered_json::parse(stream);
  const Folder folder;
  ::setenv("CQ_GOLDEN_VAR", "from the environment", 1);
  ::unsetenv("CQ_GOLDEN_UNSET");
  for (const auto& test : tests) {
    folder.write(test.at("files"));
    const ordered_json got = outcome(test, folder.path());
    const ordered_json* ours = difference(test);
    const ordered_json expected = ours != nullptr ? *ours : test.at("expected");
    const ordered_json got_shape = got.is_string() ? ordered_json("refused") : got;
    EXPECT_EQ(got_shape.dump(1), expected.dump(1))
        << test.dump(1) << "\n"
        << (got.is_string() ? got.get<std::string>() : "");
  }
  return static_cast<int>(tests.size());
}

TEST(Golden, ComposesAsHydra) {
  EXPECT_GE(run_file(fs::path(CQ_SOURCE_DIR) / "tests/config/golden/cases.json"), 300);
}

TEST(Golden, ComposesTheCasesOfTheEnvironment) {
  const char* file = std::getenv("CQ_GOLDEN_CASES");
  if (file == nullptr) GTEST_SKIP() << "scripts/compare_hydra sets CQ_GOLDEN_CASES";
  EXPECT_GT(run_file(file), 0);
}

}  // namespace
}  // namespace cq::config
