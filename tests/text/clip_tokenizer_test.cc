#include "cq/core/text/clip_tokenizer.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cq/base/error.h"

namespace cq {
namespace {

const std::filesystem::path kRoot = CQ_SOURCE_DIR;

const ClipTokenizer& tokenizer() {
  static const ClipTokenizer made(kRoot / "models/clip-tokenizer");
  return made;
}

// Odd strings and thousands of random ones (golden/make_tokens.py).
TEST(ClipTokenizer, TokensOfTheReference) {
  std::ifstream file(kRoot / "tests/text/golden/tokens.json");
  const auto golden = nlohmann::json::parse(file);
  ASSERT_GT(golden.size(), 300);
  for (const auto& entry : golden) {
    const auto text = entry.at("text").get<std::string>();
    EXPECT_EQ(tokenizer().encode(text), entry.at("tokens").get<std::vector<int64_t>>()) << text;
  }
}

TEST(ClipTokenizer, ContextIsFilledWithTheEnd) {
  const auto tokens = tokenizer().context("a photo of a cat");
  ASSERT_EQ(tokens.size(), 77);
  EXPECT_EQ(tokens[0], 49406);
  EXPECT_EQ(std::vector(tokens.begin() + 1, tokens.begin() + 6),
            tokenizer().encode("a photo of a cat"));
  EXPECT_THAT(std::vector(tokens.begin() + 6, tokens.end()), testing::Each(49407));
}

TEST(ClipTokenizer, ContextIsCutOff) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "cat ";
  const auto tokens = tokenizer().context(text);
  ASSERT_EQ(tokens.size(), 77);
  EXPECT_EQ(tokens[75], tokenizer().encode("cat")[0]);
  EXPECT_EQ(tokens[76], 49407);
  EXPECT_THROW(tokenizer().context("cat", 1), UsageError);
}

TEST(ClipTokenizer, OnlyUtf8) {
  EXPECT_THROW(tokenizer().encode("caf\xe9"), UsageError);
  EXPECT_THROW(tokenizer().encode("\xed\xa0\x80"), UsageError);
}

}  // namespace
}  // namespace cq
