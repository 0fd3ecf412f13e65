#include "cq/base/json.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

using nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Json, CanonicalFormDoesNotDependOnTheOrderOfKeys) {
  const auto one = ordered_json::parse(R"({"b": [1, 2.50, {"z": null, "a": true}], "a": "x\n"})");
  const auto two = ordered_json::parse(R"({"a":"x\n","b":[1,25e-1,{"a":true,"z":null}]})");
  EXPECT_EQ(canonical_json(one), R"({"a":"x\n","b":[1,2.5,{"a":true,"z":null}]})");
  EXPECT_EQ(canonical_json(one), canonical_json(two));
  EXPECT_EQ(canonical_json(nlohmann::json(one)), canonical_json(one));
}

TEST(Json, NumbersAreTheShortestThatReadBack) {
  // Values from RFC 8785, appendix B, where the notation does not differ.
  EXPECT_EQ(canonical_json(ordered_json(0.1)), "0.1");
  EXPECT_EQ(canonical_json(ordered_json(-0.0)), "0");
  EXPECT_EQ(canonical_json(ordered_json(5e-324)), "5e-324");
  EXPECT_EQ(canonical_json(ordered_json(1.7976931348623157e308)), "1.7976931348623157e+308");
  EXPECT_EQ(canonical_json(ordered_json(333333333.33333329)), "333333333.3333333");
  EXPECT_EQ(canonical_json(ordered_json(1.0)), canonical_json(ordered_json(1)));
  EXPECT_EQ(canonical_json(ordered_json(std::numeric_limits<int64_t>::min())),
            "-9223372036854775808");
}

TEST(Json, RefusesWhatJsonCannotHoldAndSaysWhere) {
  const ordered_json bad{{"a", {1.0, std::numeric_limits<double>::quiet_NaN()}}};
  EXPECT_THAT([&] { canonical_json(bad); }, ThrowsMessage<RunError>(HasSubstr("a.1 is NaN")));
  EXPECT_THROW(pretty_json({{"x", std::numeric_limits<double>::infinity()}}), RunError);
  EXPECT_THROW(canonical_json(ordered_json("\xff")), RunError);
}

TEST(Json, FilesComeBackAndDamageNamesTheFile) {
  const testing::TempFolder folder;
  const ordered_json value{{"z", 1}, {"a", {0.25, "é"}}};
  write_json(folder / "v.json", value);
  EXPECT_EQ(read_json(folder / "v.json"), value);
  EXPECT_EQ(read_text(folder / "v.json").substr(0, 9), "{\n  \"z\": ");
  write_atomically(folder / "bad.json", "{\"a\": ");
  EXPECT_THAT([&] { read_json(folder / "bad.json"); },
              ThrowsMessage<RunError>(HasSubstr("bad.json is no JSON")));
}

}  // namespace
}  // namespace cq
