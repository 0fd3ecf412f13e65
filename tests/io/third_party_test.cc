// Files written by torch and by the safetensors package (make_third_party_files.py).
#include <ATen/ops/imag.h>
#include <ATen/ops/real.h>
#include <gmock/gmock.h>

#include "cq/base/error.h"
#include "cq/core/io/checkpoint.h"

namespace cq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::filesystem::path data(const std::string& name) {
  return std::filesystem::path(CQ_SOURCE_DIR) / "tests/io/third_party" / name;
}

std::vector<double> numbers(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kDouble).contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

const auto kTwelve = ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);

TEST(ThirdParty, EveryFormatHoldsTheSameTensors) {
  for (const char* name : {"torch_zip.pt", "torch_legacy.pt", "package.safetensors"}) {
    SCOPED_TRACE(name);
    const auto file = open_checkpoint(data(name));
    EXPECT_EQ(file->names().size(), 13u);
    for (const auto& [tensor, type] : {std::pair{"float32", "F32"},
                                       {"float64", "F64"},
                                       {"float16", "F16"},
                                       {"bfloat16", "BF16"},
                                       {"int64", "I64"},
                                       {"int32", "I32"},
                                       {"uint8", "U8"},
                                       {"parameter", "F32"}}) {
      EXPECT_EQ(file->info(tensor), (TensorInfo{type, {3, 4}})) << tensor;
      EXPECT_THAT(numbers(file->tensor(tensor)), kTwelve) << tensor;
    }
    EXPECT_THAT(numbers(file->tensor("bool")), ElementsAre(0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1));
    EXPECT_THAT(numbers(file->tensor("transposed")),
                ElementsAre(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11));
    EXPECT_THAT(numbers(file->tensor("part")), ElementsAre(5, 6, 9, 10));
    EXPECT_EQ(file->info("scalar"), (TensorInfo{"F32", {}}));
    EXPECT_EQ(file->tensor("scalar").item<float>(), 2.5f);
    EXPECT_EQ(file->info("empty"), (TensorInfo{"F32", {0, 4}}));
  }
}

TEST(ThirdParty, LazyViewsAndLaterTypes) {
  for (const char* name : {"torch_later_zip.pt", "torch_later_legacy.pt"}) {
    SCOPED_TRACE(name);
    const auto file = open_checkpoint(data(name));
    const auto conjugate = file->tensor("conjugate");
    EXPECT_THAT(numbers(at::real(conjugate)), ElementsAre(1, 3));
    EXPECT_THAT(numbers(at::imag(conjugate)), ElementsAre(-2, 4));
    EXPECT_THAT(numbers(file->tensor("negative")), ElementsAre(-2, 4));
    for (const auto& [tensor, type] : {std::pair{"uint16", "U16"},
                                       {"float8_e4m3fn", "F8_E4M3"},
                                       {"float8_e4m3fnuz", "F8_E4M3FNUZ"},
                                       {"float8_e5m2fnuz", "F8_E5M2FNUZ"},
                                       {"float8_e8m0fnu", "F8_E8M0"}}) {
      EXPECT_EQ(file->info(tensor), (TensorInfo{type, {3}})) << tensor;
      EXPECT_THAT(numbers(file->tensor(tensor)), ElementsAre(1, 2, 4)) << tensor;
    }
  }
}

TEST(ThirdParty, LightningsExtrasDoNotHideTheWeights) {
  const auto file = open_checkpoint(data("lightning.ckpt"));
  EXPECT_THAT(numbers(file->tensor("state_dict.weight")), kTwelve);
  EXPECT_EQ(file->tensor("callbacks.__main__.Callback.best_model_score").item<float>(), 2.5f);
  EXPECT_EQ(file->info("optimizer_states.0.state.0.exp_avg"), (TensorInfo{"F32", {3, 4}}));
}

TEST(ThirdParty, TorchScriptIsRefused) {
  try {
    open_checkpoint(data("torchscript.pt"));
    FAIL() << "accepted";
  } catch (const RunError& error) {
    EXPECT_THAT(error.what(), HasSubstr("torchscript.pt"));
    EXPECT_THAT(error.what(), HasSubstr("TorchScript"));
  }
}

}  // namespace
}  // namespace cq
