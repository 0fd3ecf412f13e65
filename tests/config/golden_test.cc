// Compares with what Hydra 1.3.2 and OmegaConf 2.3 gave for the same files and overrides.
// tests/config/golden/make_golden.py writes the expectations; scripts/compare_hydra makes more.
#include <cstdlib>
#include <filesystem>
#include <fstream>

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

/// {"jobs": canonical configs or "refused", "yaml": as printed, "message": of a refusal}.
ordered_json outcome(const ordered_json& test, const fs::path& folder) {
  ComposeRequest request;
  request.primary = folder / (test.value("primary", "config") + ".yaml");
  request.overrides = test.value("overrides", std::vector<std::string>{});
  request.multirun = test.value("multirun", false);
  for (const std::string& dir : test.value("dirs", std::vector<std::string>{})) {
    request.extra_dirs.push_back(folder / dir);
  }
  try {
    ordered_json out{{"jobs", ordered_json::array()}, {"yaml", ordered_json::array()}};
    for (const ComposedJob& job : compose(request).jobs) {
      const Node config = test.value("resolve", false) ? resolve(job.config) : job.config;
      out["jobs"].push_back(canonical(config));
      out["yaml"].push_back(to_yaml(config));
    }
    return out;
  } catch (const UsageError& error) {
    return {{"jobs", "refused"}, {"message", error.what()}};
  }
}

/// What goes for every case, whatever Hydra gives.
void check_shape(const ordered_json& got) {
  if (got.at("jobs") == "refused") {
    EXPECT_GT(got.at("message").get<std::string>().size(), 10u);
    return;
  }
  for (std::size_t i = 0; i < got.at("jobs").size(); ++i) {
    const auto yaml = got.at("yaml")[i].get<std::string>();
    // What is text once it is resolved need not be an interpolation.
    if (yaml.find("${") != std::string::npos) continue;
    EXPECT_EQ(canonical(read_yaml(yaml, "emitted")), got.at("jobs")[i].get<std::string>()) << yaml;
  }
}

class Cases {
 public:
  explicit Cases(const fs::path& file) {
    std::ifstream stream(file);
    tests_ = ordered_json::parse(stream);
    ::setenv("CQ_GOLDEN_VAR", "from the environment", 1);
    ::unsetenv("CQ_GOLDEN_UNSET");
  }

  template <class Each>
  std::size_t run(Each each) const {
    for (const auto& test : tests_) {
      folder_.write(test.at("files"));
      const ordered_json got = outcome(test, folder_.path());
      check_shape(got);
      each(test, got);
    }
    return tests_.size();
  }

 private:
  Folder folder_;
  ordered_json tests_;
};

TEST(Golden, ComposesAsHydra) {
  const Cases cases(fs::path(CQ_SOURCE_DIR) / "tests/config/golden/cases.json");
  const std::size_t count = cases.run([](const ordered_json& test, const ordered_json& got) {
    EXPECT_EQ(got.at("jobs").dump(1), test.at("expected").dump(1)) << test.dump(1) << "\n"
                                                                   << got.value("message", "");
  });
  EXPECT_GE(count, 300u);
}

/// scripts/compare_hydra compares what is written here.
TEST(Golden, ComposesTheCasesOfTheEnvironment) {
  const char* file = std::getenv("CQ_GOLDEN_CASES");
  if (file == nullptr) GTEST_SKIP() << "scripts/compare_hydra sets CQ_GOLDEN_CASES";
  ordered_json all = ordered_json::array();
  Cases(file).run([&](const ordered_json&, const ordered_json& got) { all.push_back(got); });
  std::ofstream(std::string(file) + ".out") << all.dump();
}

}  // namespace
}  // namespace cq::config
