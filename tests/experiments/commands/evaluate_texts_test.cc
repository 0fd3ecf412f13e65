#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/text/clip_tokenizer.h"
#include "tests/experiments/commands/evaluate_fixture.h"

namespace cq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class EvaluateTexts : public test::EvaluateFixture {};

TEST_F(EvaluateTexts, TextsPairWithImages) {
  EvaluateOptions options = features({"clip_score"});
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<UsageError>(HasSubstr("--prompts")));
  options.prompts = folder_ / "x.npy";
  EXPECT_NEAR(evaluate(options)["metrics"]["clip_score"]["value"].get<double>(), 100, 1e-9);
  options.prompts = folder_ / "y.npy";
  EXPECT_THAT([&] { evaluate(options); },
              ThrowsMessage<UsageError>(AllOf(HasSubstr("y.npy"), HasSubstr("280 texts"))));
  options = images({"clip_score"});
  options.features = "clip";
  options.generated = write_folder("a", pictures(1));
  write_npy(folder_ / "t.npy", at::ones({20, 5}, at::kLong));
  options.prompts = folder_ / "t.npy";
  // Grey on the whole, whatever the colour's brightness.
  EXPECT_GT(evaluate(options)["metrics"]["clip_score"]["value"].get<double>(), 99);
  options.metrics = {"psnr"};
  options.reference = folder_ / "a";
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<UsageError>(HasSubstr("prompts")));
}

TEST_F(EvaluateTexts, TextsAreTokenized) {
  const std::filesystem::path folder = std::string(CQ_SOURCE_DIR) + "/models/clip-tokenizer";
  int64_t seen = 0;
  EvaluateOptions options = images({"clip_score"}, &seen);
  options.features = "clip";
  options.find_tokenizer = [&] { return folder; };
  options.generated = write_folder("a", pictures(1));
  const ClipTokenizer tokenizer(folder);
  std::string lines;
  at::Tensor tokens = at::empty({20, 6}, at::kLong);
  for (int64_t i = 0; i < 20; ++i) {
    const std::string text = fmt::format("a photo of {} dogs, and of a cat that is asleep", i);
    lines += text + "\n";
    const std::vector<int64_t> row = tokenizer.context(text, 6);
    std::copy(row.begin(), row.end(), tokens[i].data_ptr<int64_t>());
  }
  test::write_text(folder_ / "t.txt", lines);
  write_npy(folder_ / "t.npy", tokens);
  options.prompts = folder_ / "t.npy";
  const auto of_tokens = evaluate(options)["metrics"]["clip_score"];
  options.prompts = folder_ / "t.txt";
  const auto of_texts = evaluate(options)["metrics"]["clip_score"];
  EXPECT_EQ(of_texts["value"], of_tokens["value"]);
  EXPECT_EQ(of_texts["protocol"]["prompts"], "t.txt");
  EXPECT_EQ(of_texts["protocol"]["prompts_sha256"].get<std::string>().size(), 64u);
  EXPECT_EQ(seen, 40);
  // An image that cannot be read takes its text with it; too few texts stop before the network.
  test::write_text(folder_ / "a" / "103.png", "no image");
  options.skip_bad = true;
  EXPECT_EQ(evaluate(options)["metrics"]["clip_score"]["protocol"]["samples"], 19);
  EXPECT_EQ(seen, 59);
  test::write_text(folder_ / "t.txt", "one\ntwo\n");
  EXPECT_THAT([&] { evaluate(options); },
              ThrowsMessage<UsageError>(AllOf(HasSubstr("t.txt"), HasSubstr("2 texts"))));
  options.features = "none";
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<UsageError>(HasSubstr("features")));
  EXPECT_EQ(seen, 59);
}

}  // namespace
}  // namespace cq
