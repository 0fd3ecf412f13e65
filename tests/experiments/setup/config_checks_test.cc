#include "cq/experiments/setup/config_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/config/yaml_reader.h"

namespace cq {
namespace {

using config::read_yaml;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ConfigChecks : public ::testing::Test {
 protected:
  static config::Node read(const std::string& text) { return read_yaml(text, "c.yaml"); }
  static bool given(const config::Node&) { return true; }
  static bool left_alone(const config::Node&) { return false; }
};

TEST_F(ConfigChecks, GroupsAreMappings) {
  check_groups(read("cache: {name: none}\nquant: ${other}\n"), {"cache", "quant"});
  EXPECT_THAT(
      [] {
        check_groups(read("cache: {name: none}\n"), {"cache", "model"});
      },
      ThrowsMessage<UsageError>(HasSubstr("model=OPTION")));
  EXPECT_THAT([] { check_groups(read("model: 3\n"), {"model"}); },
              ThrowsMessage<UsageError>(HasSubstr("c.yaml:1:8")));
}

TEST_F(ConfigChecks, ANameIsAnOption) {
  const auto config = read("quant: {name: w8}\n");
  check_option_name(config, "quant", {"none", "w8"});
  check_option_name(config, "quant", {});
  check_option_name(config, "cache", {"none"});
  EXPECT_THAT(
      [&] {
        check_option_name(config, "quant", {"none", "w8a8"});
      },
      ThrowsMessage<UsageError>(AllOf(HasSubstr("'w8'"), HasSubstr("did you mean 'w8a8'"))));
}

TEST_F(ConfigChecks, NoneReadsNoKeys) {
  const auto config = read("quant: {name: none, weight_bits: 8}\ncache: {name: none, branch: 1}\n");
  check_none_reads(config, "quant", left_alone);
  EXPECT_THAT([&] { check_none_reads(config, "quant", given); },
              ThrowsMessage<UsageError>(
                  AllOf(HasSubstr("c.yaml:1:"), HasSubstr("quantized"), HasSubstr("quant=none"))));
  EXPECT_THAT([&] { check_none_reads(config, "cache", given); },
              ThrowsMessage<UsageError>(AllOf(HasSubstr("c.yaml:2:"), HasSubstr("nothing is kept"),
                                              HasSubstr("choose cache="))));
}

TEST_F(ConfigChecks, OtherOptionsReadTheirKeys) {
  check_none_reads(read("cache: {name: deepcache, branch: 1}\n"), "cache", given);
  check_none_reads(read("cache: {name: none, interval: 1}\n"), "cache", given);
  check_none_reads(read("quant: {name: none}\n"), "quant", given);
  check_none_reads(read("a: 1\n"), "quant", given);
}

TEST_F(ConfigChecks, KeysAreKnown) {
  const auto config = read("seed: 1\nstep: 2\n");
  check_keys(config, {"seed", "step"});
  EXPECT_THAT(
      [&] {
        check_keys(config, {"seed", "steps"});
      },
      ThrowsMessage<UsageError>(AllOf(HasSubstr("c.yaml:2:"), HasSubstr("'steps'"))));
}

}  // namespace
}  // namespace cq
