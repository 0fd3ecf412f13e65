#pragma once
#include <string>
#include <vector>

#include "cq/config/node.h"
#include "cq/core/models/model.h"

namespace cq {

/// What a config says about texts: `prompt`, or all texts of the file `prompts` (read_prompts), and
/// `negative_prompt` for the other half of guidance.
struct Prompts {
  std::vector<std::string> texts;
  std::string negative;
  int64_t length = 77;  ///< tokens of a context
};

/// Keys that are absent or null count as not given; with neither there is one empty prompt, or none
/// where the encoder's vocabulary is not the tokenizer's. Throws
/// UsageError where both are given, or a model that takes no text is given any.
Prompts read_prompts_of(const config::Node& config, const Model& model);

/// Tokens [n, length] of the texts that labels [n] number; beyond them the negative text's.
at::Tensor prompt_tokens(const Prompts& prompts, const at::Tensor& labels);

/// Tokenizes and encodes: label i of the model then stands for text i. Models without a text
/// encoder stay as they are.
void set_prompts(Model& model, const Prompts& prompts);

/// A command-line override `prompt=...` or `negative_prompt=...` with its value as it is: quoted
/// where it is not, so that commas and brackets in a text mean nothing. Others come back unchanged.
std::string verbatim_prompt(const std::string& override);

}  // namespace cq
