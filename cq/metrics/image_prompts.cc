#include "cq/metrics/image_prompts.h"

#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include "cq/base/error.h"
#include "cq/base/log.h"
#include "cq/core/io/npy.h"
#include "cq/core/text/clip_tokenizer.h"
#include "cq/core/text/prompts.h"
#include "cq/metrics/inputs.h"

namespace cq {
namespace {

constexpr int64_t kTextsAtOnce = 64;

at::Tensor read_tokens(const std::filesystem::path& file) {
  const at::Tensor tokens = of_readable_type([&] { return NpyFile::open(file); }).tensor();
  if (tokens.dim() != 2 || !at::isIntegralType(tokens.scalar_type(), /*includeBool=*/false)) {
    throw UsageError("{}: expected CLIP tokens, integers [N, 77], got {} [{}]", file.string(),
                     c10::toString(tokens.scalar_type()), fmt::join(tokens.sizes(), ", "));
  }
  return tokens.to(at::kLong);
}

}  // namespace

ImagePrompts::ImagePrompts(const std::filesystem::path& file, bool features,
                           const std::function<std::filesystem::path()>& tokenizer)
    : file_(file) {
  if (!std::filesystem::exists(file)) throw UsageError("{}: no such file", file.string());
  const bool array = file.extension() == ".npy";
  if (features && !array) {
    throw UsageError("{}: --features none takes the texts' features as .npy; texts need a network",
                     file.string());
  }
  if (features) {
    array_ = read_float_rows(file, "features of texts");
  } else if (array) {
    array_ = read_tokens(file);
  } else {
    texts_ = read_prompts(file);
    tokenizer_ = tokenizer();
  }
}

at::Tensor ImagePrompts::tokens(int64_t length) const {
  const ClipTokenizer tokenizer(tokenizer_);
  std::vector<at::Tensor> rows;
  int64_t cut = 0;
  for (const std::string& text : texts_) {
    try {
      cut += std::ssize(tokenizer.encode(text)) > length - 2;  // begin and end
      rows.push_back(at::tensor(tokenizer.context(text, length), at::kLong));
    } catch (const UsageError& error) {
      throw UsageError("{}, text {}: {}", file_.string(), rows.size() + 1, error.what());
    }
  }
  if (cut > 0) {
    log_warning("{}: {} texts are longer than the {} tokens that count", file_.string(), cut,
                length - 2);
  }
  return at::stack(rows);
}

at::Tensor ImagePrompts::features(FeatureNetwork* network) const {
  if (network == nullptr) return array_;
  const at::Tensor all = texts_.empty() ? array_ : tokens(network->text_length());
  std::vector<at::Tensor> parts;
  for (int64_t begin = 0; begin < all.size(0); begin += kTextsAtOnce) {
    try {
      parts.push_back(network->compute_text(all.slice(0, begin, begin + kTextsAtOnce)));
    } catch (const UsageError& error) {
      throw UsageError("{}: {}", file_.string(), error.what());
    }
  }
  return at::cat(parts);
}

}  // namespace cq
