#include "cq/experiments/list_options.h"

#include <algorithm>
#include <sstream>

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Words = std::vector<std::string>;

Words split(const std::string& line) {
  std::istringstream stream(line);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// A command with what `bench` has of each kind, and one without overrides.
class ListOptions : public ::testing::Test {
 protected:
  ListOptions() {
    auto* bench = app_.add_subcommand("bench");
    bench->add_option("what", what_)->required();
    bench->add_option("overrides", overrides_);
    bench->add_option("--executions", executions_)->delimiter(',');
    bench->add_option("--expect", expect_);
    bench->add_option("--folder", folders_)->allow_extra_args(false);
    bench->add_option("--rounds", rounds_);
    bench->add_flag("--layers", layers_);
    auto* evaluate = app_.add_subcommand("evaluate");
    evaluate->add_option("--metrics", metrics_)->delimiter(',');
  }

  void parse(const std::string& line) {
    auto words = end_lists_at_overrides(app_, split(line));
    std::reverse(words.begin(), words.end());
    app_.parse(std::move(words));
  }

  CLI::App app_;
  std::string what_;
  Words overrides_, executions_, expect_, folders_, metrics_;
  int rounds_ = 0;
  bool layers_ = false;
};

TEST_F(ListOptions, EndAtAnOverride) {
  parse("bench model --executions float32 integer model=a sampler.steps=4");
  EXPECT_EQ(what_, "model");
  EXPECT_THAT(executions_, ElementsAre("float32", "integer"));
  EXPECT_THAT(overrides_, ElementsAre("model=a", "sampler.steps=4"));
}

TEST_F(ListOptions, EndAtADeletion) {
  parse("bench model --executions float32 ~cache");
  EXPECT_THAT(executions_, ElementsAre("float32"));
  EXPECT_THAT(overrides_, ElementsAre("~cache"));
}

TEST_F(ListOptions, TakeCommasAndSeveralNamings) {
  parse("bench model --executions a,b model=x --executions=c cache.blocks=[1,2]");
  EXPECT_THAT(executions_, ElementsAre("a", "b", "c"));
  EXPECT_THAT(overrides_, ElementsAre("model=x", "cache.blocks=[1,2]"));
}

TEST_F(ListOptions, BoundsAreNoOverrides) {
  parse("bench model --expect a<=1 b>=2 model=x --layers y=z --rounds 3");
  EXPECT_THAT(expect_, ElementsAre("a<=1", "b>=2"));
  EXPECT_THAT(overrides_, ElementsAre("model=x", "y=z"));
  EXPECT_TRUE(layers_);
  EXPECT_EQ(rounds_, 3);
}

TEST_F(ListOptions, LeaveTheLastWordToARequiredOne) {
  parse("bench --rounds 2 --executions float32 integer model");
  EXPECT_EQ(what_, "model");
  EXPECT_THAT(executions_, ElementsAre("float32", "integer"));
}

TEST_F(ListOptions, OptionsOfOneWordStayThat) {
  parse("bench --folder a --folder b model model=x");
  EXPECT_THAT(folders_, ElementsAre("a", "b"));
  EXPECT_EQ(what_, "model");
  EXPECT_THAT(overrides_, ElementsAre("model=x"));
}

TEST_F(ListOptions, TheFirstValueIsOneWhateverItLooksLike) {
  parse("bench model --executions a=b c=d");
  EXPECT_THAT(executions_, ElementsAre("a=b"));
  EXPECT_THAT(overrides_, ElementsAre("c=d"));
}

TEST_F(ListOptions, CommandsWithoutOverridesStayAsTheyAre) {
  parse("evaluate --metrics fid kid");
  EXPECT_THAT(metrics_, ElementsAre("fid", "kid"));
  EXPECT_THAT(end_lists_at_overrides(app_, {}), IsEmpty());
  EXPECT_THAT(end_lists_at_overrides(app_, {"--help"}), ElementsAre("--help"));
  EXPECT_THAT(end_lists_at_overrides(app_, {"bunch", "--x"}), ElementsAre("bunch", "--x"));
}

}  // namespace
}  // namespace cq
