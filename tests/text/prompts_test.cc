#include "cq/core/text/prompts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class Prompts : public ::testing::Test {
 protected:
  std::vector<std::string> read(const std::string& name, const std::string& text) {
    const auto file = folder_.path() / name;
    write_atomically(file, text);
    return read_prompts(file);
  }

 private:
  testing::TempFolder folder_;
};

TEST_F(Prompts, CocoCaptionsInTheOrderOfTheImages) {
  const auto prompts = read("captions.json", R"({
    "images": [{"id": 7}, {"id": 3}, {"id": 9}],
    "annotations": [{"image_id": 3, "id": 1, "caption": "a cat."},
                    {"image_id": 7, "id": 2, "caption": "a dog"},
                    {"image_id": 3, "id": 0, "caption": "another cat"}]})");
  EXPECT_THAT(prompts, ElementsAre("a dog", "a cat."));
  EXPECT_THAT(read("list.json", R"(["x", "y"])"), ElementsAre("x", "y"));
}

TEST_F(Prompts, ColumnOfPartiPrompts) {
  EXPECT_THAT(read("parti.tsv",
                   "Category\tPrompt\tChallenge\r\nArts\ta \"big\" one, red\tSimple\n"
                   "\nFood\ttea\t\n"),
              ElementsAre("a \"big\" one, red", "tea"));
}

TEST_F(Prompts, LinesOfText) {
  EXPECT_THAT(read("p.txt", "\xef\xbb\xbfone\r\n\n two \n"), ElementsAre("one", " two "));
}

TEST_F(Prompts, RefusalsNameTheFile) {
  const auto refusal = [&](const std::string& name, const std::string& text, const char* words) {
    EXPECT_THAT([&] { read(name, text); }, ThrowsMessage<UsageError>(HasSubstr(words))) << text;
  };
  refusal("a.json", "{", "a.json");
  refusal("a.json", R"({"annotations": [{"caption": "x"}]})", "image_id");
  refusal("a.tsv", "Text\nx\n", "a.tsv:1");
  refusal("a.tsv", "Category\tPrompt\nx\n", "a.tsv:2");
  refusal("a.txt", "\n\n", "holds no prompt");
  EXPECT_THROW(read_prompts("/absent.txt"), UsageError);
}

}  // namespace
}  // namespace cq
