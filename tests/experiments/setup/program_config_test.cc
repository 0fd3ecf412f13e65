#include "cq/experiments/setup/program_config.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"

namespace cq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ProgramConfig : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("CQ_CONFIGS", CQ_SOURCE_DIR "/configs", 1); }

  static config::Node compose(std::vector<std::string> overrides) {
    overrides.insert(overrides.begin(), {"model=ldm-cifar10", "weights=random"});
    return compose_program("command", overrides);
  }

  static void refuses(const std::string& override, const std::string& words) {
    EXPECT_THAT([&] { compose({override}); },
                ThrowsMessage<UsageError>(AllOf(HasSubstr(override), HasSubstr(words))));
  }
};

TEST_F(ProgramConfig, IsResolved) {
  const auto config = compose({"cache=deepcache", "cache.branch=1", "seed=3"});
  EXPECT_EQ(config.at("cache").at("branch").as_int(), 1);
  EXPECT_EQ(config.at("weights").as_string(), "random");
}

TEST_F(ProgramConfig, KeysThatNoneDoesNotReadAreRefused) {
  refuses("cache.branch=1", "nothing is kept (cache=none)");
  refuses("cache.branch=0", "nothing is kept (cache=none)");
  refuses("+quant.weight_bits=8", "nothing is quantized (quant=none)");
  EXPECT_EQ(compose({"cache.interval=1"}).at("cache").at("interval").as_int(), 1);
}

TEST_F(ProgramConfig, IsOneJob) {
  refuses("seed=1,2", "several values");
}

TEST_F(ProgramConfig, NeedsWeights) {
  EXPECT_THAT([] { compose_program("command", {"model=ldm4-imagenet"}); },
              ThrowsMessage<UsageError>(HasSubstr("weights=FILE")));
}

}  // namespace
}  // namespace cq
