#include "cq/core/io/safetensors.h"

#include <cstring>

#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <gmock/gmock.h>

#include "cq/base/error.h"
#include "tests/io/full_disk.h"
#include "tests/io/temp_folder.h"

namespace cq {
namespace {

using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

std::string file_text(const std::string& header, const std::string& buffer) {
  const uint64_t length = header.size();
  std::string text(8, '\0');
  std::memcpy(text.data(), &length, 8);
  return text + header + buffer;
}

std::string refusal(const std::string& text) {
  const TempFolder folder;
  test::write_text(folder / "x.safetensors", text);
  try {
    const SafeTensors file = SafeTensors::open(folder / "x.safetensors");
    for (const std::string& name : file.names()) file.tensor(name);
  } catch (const RunError& error) {
    EXPECT_THAT(error.what(), HasSubstr("x.safetensors: "));
    return error.what();
  }
  return "accepted";
}

TEST(SafeTensors, reads_bytes_written_by_hand) {
  const TempFolder folder;
  // 1.5 = 0x3fc00000, -2 = 0xc0000000, -1 in 16 bits.
  test::write_text(
      folder / "x.safetensors",
      file_text(R"({"__metadata__":{"k":"v"},"b":{"dtype":"I16","shape":[],"data_offsets":[8,10]},)"
                R"("a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}  )",
                std::string("\0\0\xc0\x3f\0\0\0\xc0\xff\xff", 10)));
  const SafeTensors file = SafeTensors::open(folder / "x.safetensors");
  EXPECT_THAT(file.names(), ElementsAre("b", "a"));
  EXPECT_EQ(file.metadata().at("k"), "v");
  EXPECT_EQ(file.info("a"), (TensorInfo{"F32", {2, 1}}));
  EXPECT_EQ(file.tensor("a").select(0, 0).item<float>(), 1.5f);
  EXPECT_EQ(file.tensor("a").select(0, 1).item<float>(), -2.0f);
  EXPECT_EQ(file.tensor("b").dim(), 0);
  EXPECT_EQ(file.tensor("b").item<int16_t>(), -1);
  EXPECT_THROW(file.tensor("c"), RunError);
}

TEST(SafeTensors, round_trip_of_every_type_and_of_views) {
  const TempFolder folder;
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  const at::Tensor base = at::arange(12, at::kFloat).reshape({3, 4});
  for (const char* name :
       {"BOOL", "U8", "I8", "I16", "I32", "I64", "F16", "BF16", "F32", "F64", "U16", "C64"}) {
    tensors.emplace_back(name, base.to(*dtype_from_name(name)));
  }
  tensors.emplace_back("transposed", base.t());
  tensors.emplace_back("column", base.slice(1, 1, 2));
  tensors.emplace_back("empty", at::empty({0, 5}));
  tensors.emplace_back("name\n\"with\" 層", at::ones({}));
  write_safetensors(folder / "x.safetensors", tensors, {{"format", "pt"}});
  const SafeTensors file = SafeTensors::open(folder / "x.safetensors");
  ASSERT_EQ(file.names().size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(file.names()[i], tensors[i].first);
    const at::Tensor read = file.tensor(tensors[i].first);
    EXPECT_EQ(read.scalar_type(), tensors[i].second.scalar_type());
    EXPECT_TRUE(at::equal(read, tensors[i].second)) << tensors[i].first;
    EXPECT_TRUE(read.is_contiguous());
  }
}

TEST(SafeTensors, tensors_outlive_the_file_object_and_never_change_the_file) {
  const TempFolder folder;
  write_safetensors(folder / "x.safetensors", {{"a", at::ones({4})}});
  at::Tensor a = SafeTensors::open(folder / "x.safetensors").tensor("a");
  a.add_(1);
  EXPECT_EQ(a.sum().item<float>(), 8);
  EXPECT_EQ(SafeTensors::open(folder / "x.safetensors").tensor("a").sum().item<float>(), 4);
}

TEST(SafeTensors, refuses_headers_that_lie) {
  EXPECT_THAT(refusal(""), HasSubstr("too few"));
  EXPECT_THAT(refusal(std::string(8, '\xff')), HasSubstr("at most 100000000"));
  EXPECT_THAT(refusal(std::string("\x10\0\0\0\0\0\0\0{}", 10)), HasSubstr("in a file of 10"));
  EXPECT_THAT(refusal(file_text(" {}", "")), HasSubstr("start with '{'"));
  EXPECT_THAT(refusal(file_text("{", "")), HasSubstr("no JSON"));
  EXPECT_THAT(refusal(file_text("{}x", "")), HasSubstr("no JSON"));
  EXPECT_THAT(refusal(file_text("{}", "1")), HasSubstr("buffer of 1 bytes"));
  EXPECT_THAT(refusal(file_text("{\"\xff\":1}", "")), HasSubstr("no JSON"));
  EXPECT_EQ(refusal(file_text("{}", "")), "accepted");
}

std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"w":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

TEST(SafeTensors, refuses_entries_that_lie) {
  const std::string data(16, '\2');
  EXPECT_EQ(refusal(file_text(one("F32", "[2,2]", "[0,16]"), data)), "accepted");
  EXPECT_THAT(refusal(file_text(one("F32", "[2,3]", "[0,16]"), data)), HasSubstr("needs 24"));
  EXPECT_THAT(refusal(file_text(one("F32", "[2,2]", "[1,17]"), data + "x")), HasSubstr("a hole"));
  EXPECT_THAT(refusal(file_text(one("F32", "[2,4]", "[0,32]"), data)), HasSubstr("cut off"));
  EXPECT_THAT(refusal(file_text(one("F32", "[2,2]", "[16,0]"), data)), HasSubstr("begin and end"));
  EXPECT_THAT(refusal(file_text(one("F32", "[-2,-2]", "[0,16]"), data)), HasSubstr("'shape'"));
  EXPECT_THAT(refusal(file_text(one("F32", "[2.0,2]", "[0,16]"), data)), HasSubstr("'shape'"));
  EXPECT_THAT(refusal(file_text(one("F32", "[[2,2]]", "[0,16]"), data)), HasSubstr("'shape'"));
  EXPECT_THAT(refusal(file_text(one("F32", "[4294967296,4294967296]", "[0,16]"), data)),
              HasSubstr("too large"));
  EXPECT_THAT(refusal(file_text(one("F4", "[16]", "[0,16]"), data)), HasSubstr("'F4'"));
  EXPECT_THAT(refusal(file_text(one("BOOL", "[16]", "[0,16]"), data)), HasSubstr("0 or 1"));
  EXPECT_THAT(refusal(file_text(R"({"w":{"dtype":"U8","shape":[16]}})", data)),
              HasSubstr("'data_offsets' is missing"));
  EXPECT_THAT(refusal(file_text(R"({"__metadata__":{"a":1}})", "")), HasSubstr("__metadata__"));
  EXPECT_THAT(refusal(file_text(R"({"w":3})", "")), HasSubstr("expected an object"));
}

TEST(SafeTensors, refuses_overlaps_and_repeated_names) {
  const std::string a = R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  const std::string b = R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]})";
  EXPECT_THAT(refusal(file_text("{" + a + "," + b + "}", "123456")), HasSubstr("overlaps"));
  EXPECT_THAT(refusal(file_text("{" + a + "," + a + "}", "1234")), HasSubstr("twice"));
}

TEST(SafeTensors, refuses_deep_nesting_without_building_it) {
  EXPECT_THAT(refusal(file_text("{\"w\":" + std::string(10'000'000, '['), "")),
              HasSubstr("expected an object"));
}

TEST(SafeTensors, writer_leaves_nothing_when_it_fails) {
  const TempFolder folder;
  const at::Tensor big = at::zeros({100000});
  EXPECT_THROW(write_safetensors(folder / "x", {{"a", big}, {"a", big}}), RunError);
  EXPECT_THROW(write_safetensors(folder / "x", {{"\xff", big}}), RunError);
  EXPECT_THROW(write_safetensors(folder / "x", {{"a", at::zeros({1}, at::kComplexDouble)}}),
               RunError);
  const test::FullDisk full(65536);
  EXPECT_THROW(write_safetensors(folder / "x", {{"a", big}}), RunError);
  EXPECT_EQ(folder.entries(), 0u);
}

}  // namespace
}  // namespace cq
