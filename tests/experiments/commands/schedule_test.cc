#include "cq/experiments/commands/schedule.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "cq/base/error.h"
#include "cq/core/io/npy.h"

namespace cq {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class ScheduleCommand : public testing::Test {
 protected:
  ScheduleCommand()
      : folder_(fs::temp_directory_path() / ("cq_schedule_" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~ScheduleCommand() override { fs::remove_all(folder_); }

  // C[i][t] = (t - i)^2 + i, float64.
  fs::path costs(int64_t steps, const std::function<void(double*)>& spoil = {}) {
    at::Tensor table = at::empty({steps, steps}, at::kDouble);
    auto* out = table.mutable_data_ptr<double>();
    for (int64_t i = 0; i < steps; ++i) {
      for (int64_t t = 0; t < steps; ++t) {
        out[i * steps + t] = t < i ? -5 : t == i ? 0 : static_cast<double>((t - i) * (t - i) + i);
      }
    }
    if (spoil) spoil(out);
    const fs::path path = folder_ / "c.npy";
    write_npy(path, table);
    return path;
  }

  static nlohmann::json run(ScheduleOptions options) {
    options.json = true;
    return nlohmann::json::parse(schedule_report(options));
  }

  template <class E = UsageError>
  static std::string refusal(const ScheduleOptions& options) {
    try {
      return "printed " + schedule_report(options);
    } catch (const E& error) {
      return error.what();
    }
  }

  fs::path folder_;
};

TEST_F(ScheduleCommand, PrintsTheContractsDocument) {
  ScheduleOptions options{"uniform", 10, 4, {}, {}, {}, {}, true};
  EXPECT_EQ(schedule_report(options), "{\"recompute\":[0,4,8],\"groups\":[[0,4],[4,8],[8,10]]}\n");
  options.cost = costs(10);
  // (1 + 4 + 9) + (1 + 4 + 9 + 3 * 4) + (1 + 8)
  EXPECT_EQ(run(options)["cost"], 14 + 26 + 9);
}

TEST_F(ScheduleCommand, TakesTheMethodsParameters) {
  ScheduleOptions options{"deepcache-quad", 50, 10, {}, {}, {}, {"p=1.4", "c=15"}, true};
  EXPECT_EQ(run(options)["recompute"], (std::vector<int64_t>{0, 9, 17, 26, 37}));
  options = {"ldm-quad", 250, 20, {}, {}, {}, {"p=1.5"}, true};
  EXPECT_EQ(run(options)["recompute"].size(), 13u);
  options.params = {"q=1.5"};
  EXPECT_THAT(refusal(options), HasSubstr("q"));
  options.params = {"p=1.5", "p=1.4"};
  EXPECT_THAT(refusal(options), HasSubstr("given twice"));
  options.params = {"p"};
  EXPECT_THAT(refusal(options), HasSubstr("key=value"));
  options.params = {"p=much"};
  EXPECT_THAT(refusal(options), HasSubstr("p"));
  options = {"unifrom", 50, 10, {}, {}, {}, {}, true};
  EXPECT_THAT(refusal(options), HasSubstr("uniform"));
}

TEST_F(ScheduleCommand, BoundsAreForDpsAlone) {
  ScheduleOptions options{"uniform", 10, 4, {}, 2, {}, {}, true};
  EXPECT_THAT(refusal(options), HasSubstr("min_group"));
  options = {"dps", 7, 4, costs(7), 5, 6, {}, true};
  EXPECT_THAT(refusal(options),
              HasSubstr("[dps] no partition of T=7 steps into K=2 groups of 5..6"));
  options.max_group = 1000;
  options.min_group = 1;
  EXPECT_EQ(run(options)["groups"].size(), 2u);
  options.params = {"min_group=2"};
  EXPECT_THAT(refusal(options), HasSubstr("say the same"));
}

TEST_F(ScheduleCommand, DpsWithoutCostsSaysSo) {
  EXPECT_THAT(refusal({"dps", 50, 10, {}, {}, {}, {}, true}), HasSubstr("--cost"));
}

TEST_F(ScheduleCommand, DpsIsNeverDearerThanUniform) {
  ScheduleOptions options{"dps", 20, 5, costs(20), {}, {}, {}, true};
  const double dps = run(options)["cost"];
  options.method = "uniform";
  EXPECT_LE(dps, run(options)["cost"].get<double>());
}

TEST_F(ScheduleCommand, BadTablesNameTheFile) {
  for (const double bad : {std::nan(""), -1.0, HUGE_VAL}) {
    const auto path = costs(8, [&](double* c) { c[2 * 8 + 5] = bad; });
    EXPECT_THAT(refusal({"dps", 8, 2, path, {}, {}, {}, true}), HasSubstr("c.npy"));
  }
  EXPECT_THAT(refusal({"dps", 9, 2, costs(8), {}, {}, {}, true}), HasSubstr("9 x 9"));
  const auto below = costs(8, [](double* c) { c[5 * 8 + 2] = std::nan(""); });
  EXPECT_THAT(refusal({"dps", 8, 2, below, {}, {}, {}, true}), HasSubstr("printed"));
  std::ofstream(folder_ / "bad.npy") << "not an array";
  EXPECT_THAT(refusal<Error>({"dps", 8, 2, folder_ / "bad.npy", {}, {}, {}, true}),
              HasSubstr("bad.npy"));
}

TEST_F(ScheduleCommand, PeopleSeeStepsAndCost) {
  const std::string text = schedule_report({"uniform", 4, 2, costs(4), {}, {}, {}, false});
  EXPECT_EQ(text,
            "uniform: 4 steps, interval 2, 2 recomputed\nrecompute  0 2\n"
            "groups     [0, 2) [2, 4)\ncost       4\n");
}

}  // namespace
}  // namespace cq
