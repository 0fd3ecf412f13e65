// Streams of torch before 1.6, written here so that storages lie at every alignment.
#include <cstring>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/io/torch_file.h"
#include "tests/io/temp_folder.h"

namespace cq {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

template <class T>
std::string little_endian(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

std::string text(const std::string& value) {
  return "X" + little_endian(int32_t(value.size())) + value;
}

std::string integer(size_t value) {
  return "J" + little_endian(int32_t(value));
}

/// The opcodes of a tensor [numel] on the whole storage `key`, such as torch.save writes them.
std::string tensor(const std::string& storage_type, const std::string& key, size_t numel) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + storage_type +
         "\n" + text(key) + text("cpu") + integer(numel) + "NtQ" + integer(0) + "(" +
         integer(numel) + "t(" + integer(1) + "t\x89}tR";
}

/// `entries`: names and the opcodes of their tensors; one storage of `count` elements follows.
std::string stream(const std::vector<std::pair<std::string, std::string>>& entries,
                   const std::string& key, uint64_t count, const std::string& bytes) {
  const std::string protocol("\x80\x02", 2);
  std::string out = protocol + "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  out += protocol + "M\xe9\x03." + protocol + "}." + protocol + "}";
  for (const auto& [name, opcodes] : entries) out += text(name) + opcodes + "s";
  out += "." + protocol + "](" + text(key) + "e.";
  return out + little_endian(count) + bytes;
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

class TorchLegacy : public ::testing::Test {
 protected:
  TorchFile open(const std::string& bytes) {
    test::write_text(folder_ / "x.pt", bytes);
    return TorchFile::open(folder_ / "x.pt");
  }

  template <class T>
  void expect_values(const at::Tensor& tensor, const std::vector<T>& values) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % sizeof(T), 0u);
    ASSERT_EQ(tensor.numel(), int64_t(values.size()));
    EXPECT_EQ(std::memcmp(tensor.const_data_ptr(), values.data(), values.size() * sizeof(T)), 0);
  }

  test::TempFolder folder_;
};

TEST_F(TorchLegacy, StoragesMayLieAnywhere) {
  const std::vector<float> values{1, -2, 3.5f};
  for (size_t shift = 0; shift < 8; ++shift) {
    const std::string name = std::string(shift, 'p') + "w";
    const auto file =
        open(stream({{name, tensor("FloatStorage", "k", 3)}}, "k", 3, bytes_of(values)));
    expect_values(file.tensor(name), values);
  }
}

TEST_F(TorchLegacy, LargeOnesToo) {
  std::vector<float> values((6u << 20) / sizeof(float) + 5);
  std::iota(values.begin(), values.end(), 0.5f);
  for (const char* name : {"w", "pw", "ppw", "pppw"}) {
    const auto file = open(stream({{name, tensor("FloatStorage", "k", values.size())}}, "k",
                                  values.size(), bytes_of(values)));
    expect_values(file.tensor(name), values);
  }
}

// One storage under two types: its tensors are aligned for the wider one, in either order.
TEST_F(TorchLegacy, TensorsOfTwoTypesOnAStorageAreAligned) {
  const std::vector<double> values{1, -2};
  for (size_t shift = 0; shift < 8; ++shift) {
    const std::string name = std::string(shift, 'p') + "w";
    const std::pair<std::string, std::string> wide{name, tensor("DoubleStorage", "k", 2)};
    const std::pair<std::string, std::string> narrow{"b", tensor("ByteStorage", "k", 16)};
    // The stream counts elements of the type that is named last.
    for (const auto& bytes : {stream({wide, narrow}, "k", 16, bytes_of(values)),
                              stream({narrow, wide}, "k", 2, bytes_of(values))}) {
      const auto file = open(bytes);
      expect_values(file.tensor(name), values);
      EXPECT_EQ(file.tensor("b").numel(), 16);
    }
  }
}

TEST_F(TorchLegacy, AStorageThatIsCutOffIsRefused) {
  const auto whole = stream({{"w", tensor("FloatStorage", "k", 3)}}, "k", 3, std::string(12, 'x'));
  for (const size_t lost : {1, 12, 13}) {
    EXPECT_THAT([&] { open(whole.substr(0, whole.size() - lost)); },
                ThrowsMessage<RunError>(HasSubstr("storage 'k'")));
  }
  // 2^62 elements of four bytes are more than 64 bits hold.
  EXPECT_THAT(
      [&] {
        open(stream({{"w", tensor("FloatStorage", "k", 3)}}, "k", uint64_t(1) << 62, "x"));
      },
      ThrowsMessage<RunError>(HasSubstr("cut off")));
}

}  // namespace
}  // namespace cq
