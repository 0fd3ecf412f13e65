#include "cq/core/io/npy.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <gmock/gmock.h>

#include "cq/base/error.h"
#include "cq/core/io/npy_header.h"
#include "tests/io/temp_folder.h"

namespace cq {
namespace {

using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

std::string npy(int version, const std::string& dict, const std::string& data) {
  std::string text = "\x93NUMPY";
  text += {static_cast<char>(version), '\0'};
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    text += static_cast<char>(dict.size() >> 8 * i & 0xff);
  }
  return text + dict + data;
}

std::string dict(const std::string& descr, const std::string& fortran, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

at::Tensor read(const std::string& text) {
  const TempFolder folder;
  test::write_text(folder / "x.npy", text);
  return read_npy(folder / "x.npy");
}

std::string refusal(const std::string& text) {
  try {
    read(text);
  } catch (const RunError& error) {
    EXPECT_THAT(error.what(), HasSubstr("x.npy: "));
    return error.what();
  }
  return "accepted";
}

std::vector<float> floats(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kFloat).contiguous();
  return {flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel()};
}

// 1, 2, 3, 4, 5, 6 as 16-bit numbers.
const std::string kLittle("\1\0\2\0\3\0\4\0\5\0\6\0", 12);
const std::string kBig("\0\1\0\2\0\3\0\4\0\5\0\6", 12);

TEST(Npy, versions_orders_and_byte_orders) {
  for (const int version : {1, 2, 3}) {
    const at::Tensor x = read(npy(version, dict("<i2", "False", "(2, 3)"), kLittle));
    EXPECT_EQ(x.scalar_type(), at::kShort);
    EXPECT_THAT(x.sizes().vec(), ElementsAre(2, 3));
    EXPECT_THAT(floats(x), ElementsAre(1, 2, 3, 4, 5, 6)) << version;
  }
  EXPECT_THAT(floats(read(npy(1, dict(">i2", "False", "(2, 3)"), kBig))),
              ElementsAre(1, 2, 3, 4, 5, 6));
  // Column by column: [[1, 3, 5], [2, 4, 6]].
  EXPECT_THAT(floats(read(npy(1, dict("<u2", "True", "(2, 3)"), kLittle))),
              ElementsAre(1, 3, 5, 2, 4, 6));
  EXPECT_THAT(floats(read(npy(1, dict(">u2", "True", "(2, 3)"), kBig))),
              ElementsAre(1, 3, 5, 2, 4, 6));
  EXPECT_THAT(floats(read(npy(1, dict(">f4", "False", "()"), std::string("\x3f\xc0\0\0", 4)))),
              ElementsAre(1.5f));
}

// Elements of numpy.longdouble on x86 as NumPy wrote them and float() showed them.
TEST(Npy, long_double_is_read_as_float64) {
  const std::string half("\0\0\0\0\0\0\0\x80\xfe\x3f", 10);
  const std::string negative("\xab\x8a\x88\x88\x88\x88\x88\x88\xfa\xbf", 10);
  const std::string large("\0\x80\xe6\x04\0\xdb\xd7\xfe\xe1\x43", 10);
  const std::string zero(10, '\0');
  const std::string infinity("\0\0\0\0\0\0\0\x80\xff\x7f", 10);
  const std::vector<std::string> elements = {half, negative, large, zero, infinity, half};
  const std::vector<double> values = {
      0.5, -0x1.1111111111111p-5, 0x1.fdafb60009cdp+994, 0, INFINITY, 0.5};
  for (const size_t width : {16u, 12u}) {
    std::string little, big;
    for (std::string element : elements) {
      element.resize(width, '\x55');  // what the padding holds does not matter
      little += element;
      std::reverse(element.begin(), element.end());
      big += element;
    }
    const std::string name = "f" + std::to_string(width);
    for (const bool swapped : {false, true}) {
      const std::string text =
          npy(1, dict((swapped ? ">" : "<") + name, "False", "(2, 3)"), swapped ? big : little);
      const at::Tensor x = read(text);
      EXPECT_EQ(x.scalar_type(), at::kDouble);
      EXPECT_THAT(x.sizes().vec(), ElementsAre(2, 3));
      EXPECT_EQ(std::vector<double>(x.const_data_ptr<double>(), x.const_data_ptr<double>() + 6),
                values);
    }
    const at::Tensor columns = read(npy(1, dict("<" + name, "True", "(3, 2)"), little));
    EXPECT_EQ(columns[0][1].item<double>(), 0.0);
    EXPECT_EQ(columns[1][0].item<double>(), values[1]);
    const TempFolder folder;
    test::write_text(folder / "x.npy", npy(1, dict("<" + name, "False", "(2, 3)"), little));
    const at::Tensor row = NpyFile::open(folder / "x.npy").rows(1, 2);
    EXPECT_THAT(row.sizes().vec(), ElementsAre(1, 3));
    EXPECT_EQ(row[0][2].item<double>(), 0.5);
    EXPECT_EQ(row[0][1].item<double>(), INFINITY);
  }
  // 1.5 and 1/3 in the 128 bits of aarch64 (IEEE 754 binary128).
  const std::string round("\0\0\0\0\0\0\0\0\0\0\0\0\0\x80\xff\x3f", 16);
  const std::string third("\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\xfd\x3f", 16);
  for (const std::string& quad : {round, third, round + third}) {
    const std::string shape = "(" + std::to_string(quad.size() / 16) + ",)";
    EXPECT_THAT(refusal(npy(1, dict("<f16", "False", shape), quad)),
                HasSubstr("save the array as float64"));
  }
}

TEST(Npy, header_spellings) {
  for (const char* text :
       {"{'descr':'<i2','fortran_order':False,'shape':(6,)}",
        "{\"shape\": (6L,), \"descr\": \"<i2\", \"fortran_order\": False}   \n",
        " { 'fortran_order' : False , 'shape' : ( 6 , ) , 'descr' : '<i2' , }"}) {
    // Odd lengths leave the numbers at odd addresses.
    for (const std::string spaces : {"", " "}) {
      EXPECT_THAT(floats(read(npy(1, text + spaces, kLittle))), ElementsAre(1, 2, 3, 4, 5, 6));
    }
  }
}

TEST(Npy, rows_are_slices) {
  const TempFolder folder;
  const at::Tensor x = at::arange(60, at::kFloat).reshape({5, 3, 4});
  write_npy(folder / "c.npy", x);
  std::string fortran = npy(1, dict("<f4", "True", "(5, 3, 4)"), "");
  const at::Tensor reversed = x.permute({2, 1, 0}).contiguous();
  fortran.append(static_cast<const char*>(reversed.const_data_ptr()), reversed.nbytes());
  test::write_text(folder / "f.npy", fortran);
  for (const char* name : {"c.npy", "f.npy"}) {
    const NpyFile file = NpyFile::open(folder / name);
    EXPECT_TRUE(at::equal(file.tensor(), x)) << name;
    EXPECT_TRUE(at::equal(file.rows(1, 4), x.slice(0, 1, 4))) << name;
    EXPECT_EQ(file.rows(2, 2).numel(), 0);
    EXPECT_THROW(file.rows(4, 6), RunError);
    EXPECT_THROW(file.rows(3, 2), RunError);
  }
}

TEST(Npy, round_trip) {
  const TempFolder folder;
  for (const char* name :
       {"BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64", "F16", "F32", "F64", "C64"}) {
    for (const std::vector<int64_t>& shape : {std::vector<int64_t>{2, 3}, {6}, {6, 1, 1}}) {
      const at::Tensor x = at::arange(6, at::kFloat).to(*dtype_from_name(name)).reshape(shape);
      write_npy(folder / "x.npy", x);
      EXPECT_EQ(NpyFile::open(folder / "x.npy").info(), (TensorInfo{name, shape}));
      EXPECT_TRUE(at::equal(read_npy(folder / "x.npy"), x)) << name;
    }
  }
  write_npy(folder / "x.npy", at::ones({}));
  EXPECT_EQ(read_npy(folder / "x.npy").dim(), 0);
  EXPECT_THROW(write_npy(folder / "x.npy", at::ones({1}, at::kBFloat16)), RunError);
}

// From the description of the format: magic, version, little-endian length, dict, spaces to a
// multiple of 64, newline.
TEST(Npy, writes_what_numpy_writes) {
  const std::string text = npy_header_text(at::zeros({2, 3}));
  EXPECT_EQ(text.size(), 128u);
  EXPECT_EQ(text.substr(0, 10), std::string("\x93NUMPY\1\0v\0", 10));
  EXPECT_THAT(text.substr(10),
              testing::StartsWith("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } "));
  EXPECT_EQ(text.back(), '\n');
  EXPECT_THAT(npy_header_text(at::zeros({7}, at::kByte)), HasSubstr("'|u1'"));
  EXPECT_THAT(npy_header_text(at::zeros({7})), HasSubstr("'shape': (7,), }"));
  EXPECT_THAT(npy_header_text(at::zeros({})), HasSubstr("'shape': (), }"));
}

TEST(Npy, refuses_what_it_cannot_trust) {
  EXPECT_THAT(refusal(""), HasSubstr("NUMPY"));
  EXPECT_THAT(refusal(npy(4, dict("<i2", "False", "(6,)"), kLittle)), HasSubstr("version 4.0"));
  EXPECT_THAT(refusal(npy(1, dict("|O", "False", "(6,)"), kLittle)), HasSubstr("'|O'"));
  EXPECT_THAT(refusal(npy(1, dict("<c16", "False", "(6,)"), kLittle)), HasSubstr("'<c16'"));
  EXPECT_THAT(refusal(npy(1, "{'descr': [('a', '<i2')], }", kLittle)), HasSubstr("records"));
  EXPECT_THAT(refusal(npy(1, dict("<i2", "False", "(7,)"), kLittle)), HasSubstr("needs 14"));
  EXPECT_THAT(refusal(npy(1, dict("<i2", "False", "(5,)"), kLittle)), HasSubstr("needs 10"));
  EXPECT_THAT(refusal(npy(1, dict("<i2", "False", "(-6,)"), kLittle)), HasSubstr("a size"));
  EXPECT_THAT(refusal(npy(1, dict("<i2", "0", "(6,)"), kLittle)), HasSubstr("True or False"));
  EXPECT_THAT(refusal(npy(1, dict("<i2", "False", "(6)"), kLittle)), HasSubstr("','"));
  EXPECT_THAT(refusal(npy(1, dict("<i2", "False", "(4294967296, 4294967296)"), kLittle)),
              HasSubstr("too large"));
  EXPECT_THAT(refusal(npy(1, "{'descr': '<i2', 'shape': (6,)}", kLittle)), HasSubstr("all be"));
  EXPECT_THAT(refusal(npy(1, dict("|b1", "False", "(6,)"), std::string("\1\0\1\2\1\1", 6))),
              HasSubstr("0 or 1"));
  EXPECT_THAT(refusal(std::string("\x93NUMPY\2\0\xff\xff\xff\x7f{}", 14)), HasSubstr("1 MiB"));
}

}  // namespace
}  // namespace cq
