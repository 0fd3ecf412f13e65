#include "cq/core/io/torch_file.h"

#include <ctime>

#include <gmock/gmock.h>

#include "cq/base/error.h"
#include "cq/core/io/checkpoint.h"

namespace cq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::filesystem::path data(const std::string& name) {
  return std::filesystem::path(CQ_SOURCE_DIR) / "tests/io/data" / name;
}

std::vector<float> floats(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kFloat).contiguous();
  return {flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel()};
}

// The four are the same object, saved in different ways (make_torch_files.py).
TEST(TorchFile, reads_zip_deflated_cuda_and_legacy_files) {
  for (const char* name : {"zip.pt", "deflated.pt", "cuda.pt", "legacy.pt"}) {
    SCOPED_TRACE(name);
    const TorchFile file = TorchFile::open(data(name));
    EXPECT_THAT(file.names(), ElementsAre("state_dict.conv.weight", "state_dict.conv.transposed",
                                          "state_dict.column", "list.0", "list.1.0", "scalar"));
    EXPECT_EQ(file.info("state_dict.conv.weight"), (TensorInfo{"F32", {3, 4}}));
    EXPECT_EQ(file.info("list.1.0"), (TensorInfo{"BF16", {2}}));
    EXPECT_THAT(floats(file.tensor("state_dict.conv.weight")),
                ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
    EXPECT_THAT(floats(file.tensor("state_dict.conv.transposed")),
                ElementsAre(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11));
    EXPECT_TRUE(file.tensor("state_dict.conv.transposed").is_contiguous());
    EXPECT_THAT(floats(file.tensor("state_dict.column")), ElementsAre(1, 5, 9));
    EXPECT_THAT(floats(file.tensor("list.0")), ElementsAre(7, -8, 9));
    EXPECT_THAT(floats(file.tensor("list.1.0")), ElementsAre(1.5f, -2));
    EXPECT_EQ(file.tensor("scalar").dim(), 0);
    EXPECT_EQ(file.tensor("scalar").item<int64_t>(), 9);
    EXPECT_THROW(file.tensor("epoch"), RunError);
  }
}

TEST(TorchFile, class_keys_and_namespaces_do_not_hide_the_tensors) {
  const TorchFile file = TorchFile::open(data("lightning.ckpt"));
  EXPECT_THAT(file.names(),
              ElementsAre("callbacks.lightning_callbacks.ModelCheckpoint.best", "state_dict.w"));
}

std::string refusal(const std::string& name) {
  const std::clock_t start = std::clock();  // processor time: other work on the machine is no fault
  std::string message = "accepted";
  try {
    const TorchFile file = TorchFile::open(data(name));
    for (const std::string& tensor : file.names()) file.tensor(tensor);
  } catch (const RunError& error) {
    message = error.what();
  }
  EXPECT_LT(double(std::clock() - start) / CLOCKS_PER_SEC, 5.0);
  EXPECT_THAT(message, HasSubstr(name));
  return message;
}

TEST(TorchFile, refuses_every_other_global_by_name) {
  EXPECT_THAT(refusal("system.pt"), HasSubstr("refused global posix.system"));
  EXPECT_THAT(refusal("system_legacy.pt"), HasSubstr("refused global __builtin__.eval"));
  EXPECT_THAT(refusal("class_value.pt"), HasSubstr("lightning_callbacks.ModelCheckpoint"));
  EXPECT_THAT(refusal("function_key.pt"), HasSubstr("refused global __builtin__.print"));
}

TEST(TorchFile, refuses_tensors_that_lie) {
  EXPECT_THAT(refusal("outside.pt"), HasSubstr("'w': shape [3], strides [1], offset 10 reach"));
  EXPECT_THAT(refusal("negative.pt"), HasSubstr("strides [-1]"));
  EXPECT_THAT(refusal("expanded.pt"), HasSubstr("expansion of 48 stored bytes"));
  EXPECT_THAT(refusal("loop.pt"), HasSubstr("contain themselves"));
  EXPECT_THAT(refusal("laughs.pt"), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal("flipped.pt"), HasSubstr("archive/data/0"));
}

TEST(Checkpoint, recognises_formats_by_content) {
  EXPECT_EQ(open_checkpoint(data("zip.pt"))->format(), "torch");
  EXPECT_EQ(open_checkpoint(data("legacy.pt"))->format(), "torch");
  EXPECT_THROW(open_checkpoint(std::filesystem::path(CQ_SOURCE_DIR) / "CMakeLists.txt"), RunError);
}

}  // namespace
}  // namespace cq
