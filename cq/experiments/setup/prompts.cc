#include "cq/experiments/setup/prompts.h"

#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include "cq/base/error.h"
#include "cq/base/log.h"
#include "cq/core/text/clip_tokenizer.h"
#include "cq/core/text/prompts.h"
#include "cq/experiments/setup/program_files.h"

namespace cq {

namespace {

const config::Node* given(const config::Node& config, std::string_view key) {
  const auto* node = config.get(key);
  return node == nullptr || node->is_null() ? nullptr : node;
}

/// Escapes single quotes; backslashes mean something only before those and at the end.
std::string escape_quotes(const std::string& value) {
  std::string escaped;
  size_t backslashes = 0;
  for (const char c : value) {
    if (c == '\'') escaped.append(backslashes + 1, '\\');
    backslashes = c == '\\' ? backslashes + 1 : 0;
    escaped += c;
  }
  return escaped.append(backslashes, '\\');
}

Text* text_of(Model& model) {
  return dynamic_cast<Text*>(&model.conditioning());
}

}  // namespace

Prompts read_prompts_of(const config::Node& config, const Model& model) {
  const auto *one = given(config, "prompt"), *file = given(config, "prompts");
  const auto* negative = given(config, "negative_prompt");
  const auto* text = dynamic_cast<const Text*>(&model.conditioning());
  for (const auto* node : {one, file, negative}) {
    if (node != nullptr && (text == nullptr || !text->has_encoder())) {
      throw UsageError("{}{} takes no text", node->where(), model.name());
    }
  }
  if (one != nullptr && file != nullptr) {
    throw UsageError("{}both prompt and prompts are given; one of them is enough", one->where());
  }
  Prompts prompts{.texts = {""}, .negative = negative ? negative->as_string() : ""};
  if (text != nullptr) {
    const auto& conditioning = config.at("model").at("conditioning");
    const auto* tokens = conditioning.get(std::string_view("tokens"));
    const auto* vocabulary = conditioning.get(std::string_view("vocabulary"));
    if (tokens != nullptr) prompts.length = tokens->as_int();
    const bool foreign = vocabulary != nullptr && vocabulary->as_int() <= ClipTokenizer::kEnd;
    if (foreign && one == nullptr && file == nullptr && negative == nullptr) prompts.texts.clear();
  }
  if (one != nullptr) prompts.texts = {one->as_string()};
  if (file != nullptr) prompts.texts = read_prompts(find_data_file(file->as_string()));
  return prompts;
}

at::Tensor prompt_tokens(const Prompts& prompts, const at::Tensor& labels) {
  const ClipTokenizer tokenizer(find_data_file("models/clip-tokenizer"));
  std::vector<at::Tensor> rows;
  for (int64_t i = 0; i < labels.numel(); ++i) {
    const auto label = size_t(labels[i].item<int64_t>());
    const auto& text = label < prompts.texts.size() ? prompts.texts[label] : prompts.negative;
    rows.push_back(at::tensor(tokenizer.context(text, prompts.length), at::kLong));
  }
  return at::stack(rows, 0);
}

void set_prompts(Model& model, const Prompts& prompts) {
  auto* text = text_of(model);
  if (text == nullptr || !text->has_encoder() || prompts.texts.empty()) return;
  const ClipTokenizer tokenizer(find_data_file("models/clip-tokenizer"));
  const auto row = [&](const std::string& prompt) {
    const auto tokens = int64_t(tokenizer.encode(prompt).size());
    if (tokens > prompts.length - 2) {
      log_warning("only the first {} of {} tokens are used of the prompt: {}", prompts.length - 2,
                  tokens, prompt);
    }
    return at::tensor(tokenizer.context(prompt, prompts.length), at::kLong);
  };
  std::vector<at::Tensor> rows;
  for (const auto& prompt : prompts.texts) rows.push_back(row(prompt));
  text->set_tokens(at::stack(rows, 0), row(prompts.negative));
}

std::string verbatim_prompt(const std::string& override) {
  for (const std::string key : {"prompt=", "negative_prompt="}) {
    if (!override.starts_with(key)) continue;
    const auto value = override.substr(key.size());
    if (value == "null" || value.starts_with('\'') || value.starts_with('"')) return override;
    return key + "'" + escape_quotes(value) + "'";
  }
  return override;
}

}  // namespace cq
