#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/kernels/cuda/cuda_kernels.h"
#include "cq/experiments/commands/bench_kernels.h"
#include "cq/experiments/commands/bench_model.h"
#include "cq/experiments/commands/bench_report.h"
#include "cq/experiments/commands/bench_timing.h"
#include "cq/experiments/commands/common_expect.h"

namespace cq {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(TimeInTurns, EachRunsInEveryRoundAfterAWarmUp) {
  std::string order;
  const auto timings = time_in_turns({[&] { order += 'a'; }, [&] { order += 'b'; }}, 3);
  EXPECT_EQ(order, "abababab");
  ASSERT_EQ(timings.size(), 2U);
  for (const auto& t : timings) {
    EXPECT_LE(t.min, t.median);
    EXPECT_LE(t.median, t.max);
    EXPECT_GE(t.min, 0);
  }
}

TEST(BenchKernels, WithoutAGpuCudaIsRefusedWithTheReason) {
  const auto missing = kernels::cuda_missing();
  if (missing.empty()) GTEST_SKIP() << "there is a GPU";
  BenchOptions options;
  options.common.device = "cuda";
  EXPECT_THAT([&] { bench_kernels(options); },
              ThrowsMessage<UsageError>("--device cuda: " + missing));
}

TEST(BenchModel, WhatAGpuLacksIsSaidBeforeAnythingRuns) {
  BenchOptions options;
  options.common.device = "cuda";
  options.overrides = {"model=ldm-cifar10"};
  options.roofline = "layers.svg";
  EXPECT_THAT([&] { bench_model(options); }, ThrowsMessage<UsageError>(HasSubstr("--roofline")));
  if (kernels::cuda_missing().empty()) GTEST_SKIP() << "there is a GPU";
  options.roofline.clear();
  EXPECT_THAT([&] { bench_model(options); },
              ThrowsMessage<UsageError>(HasSubstr("--device cuda: no GPU")));
}

TEST(BenchReport, OfAGpuHasItsNameInsteadOfTheInstructionSet) {
  BenchReport report{.model = "m", .batch = 8, .threads = 4, .device = "GPU, 9.0"};
  report.cells = {{"integer", "full", 2e9, {0.5, 1, 2}}};
  report.peak_gops = {{"integer", 4}};
  const auto cell = document_of(report)["cells"][0];
  EXPECT_EQ(cell["device"], "GPU, 9.0");
  EXPECT_FALSE(cell.contains("isa"));
  EXPECT_EQ(cell["gops"], 2);
  EXPECT_EQ(cell["peak_fraction"], 0.5);
  EXPECT_THAT(table_of(report), HasSubstr("m, batch 8, GPU, 9.0\n"));
  report.device.clear();
  EXPECT_EQ(document_of(report)["cells"][0]["threads"], 4);
}

TEST(Expectation, RelationsAndNumbers) {
  for (const auto& [text, value, holds] : {std::tuple{"a_b>=2.5", 2.5, true},
                                           {"a_b>2.5", 2.5, false},
                                           {"a_b<=2.5", 2.5, true},
                                           {"a_b<2.5", 2.5, false},
                                           {"a_b<1e3", 999.0, true},
                                           {"a_b>-1", -2.0, false}}) {
    const auto expectation = read_expectation(text, "x>=1");
    EXPECT_EQ(expectation.name, "a_b") << text;
    EXPECT_EQ(expectation.holds(value), holds) << text;
  }
}

TEST(Expectation, OtherTextShowsTheExample) {
  for (const char* text : {"", "a", ">=1", "a>=", "a>=x", "a>=1x", "a==1", "a>=inf", "a>=nan"}) {
    EXPECT_THAT([&] { read_expectation(text, "x>=1"); },
                ThrowsMessage<UsageError>(HasSubstr("(x>=1)")))
        << text;
  }
}

TEST(Expectation, AllThatFailAreListed) {
  const std::vector<Expectation> all{read_expectation("a>=1", ""), read_expectation("b>=1", ""),
                                     read_expectation("c>=1", "")};
  const auto value = [](const std::string& name) { return name == "b" ? 1.0 : 0.5; };
  EXPECT_THAT([&] { check_expectations(all, value); },
              ThrowsMessage<CheckError>("a>=1 does not hold: it is 0.5; c>=1 does not hold: it is "
                                        "0.5"));
  EXPECT_NO_THROW(check_expectations({all[1]}, value));
}

}  // namespace
}  // namespace cq
