#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cq/core/text/clean.h"

namespace cq {

/// Byte-pair encoding of CLIP's text models (Radford et al. 2021, arXiv 2103.00020): what Hugging
/// Face's CLIPTokenizer gives where ftfy is installed, as in Stable Diffusion's environment.
class ClipTokenizer {
 public:
  static constexpr int64_t kBegin = 49406, kEnd = 49407;

  /// Reads merges.txt.gz and html_entities.tsv of a folder (models/clip-tokenizer). Throws
  /// RunError.
  explicit ClipTokenizer(const std::filesystem::path& folder);

  /// Tokens of a text without begin and end. `<|startoftext|>` and `<|endoftext|>` in it are those
  /// tokens. Throws UsageError where the text is not UTF-8.
  std::vector<int64_t> encode(std::string_view text) const;

  /// `length` tokens: begin, the text as far as it fits, end, and the end again to fill up.
  std::vector<int64_t> context(std::string_view text, int64_t length = 77) const;

 private:
  void read_merges(const std::filesystem::path& file);
  void encode_piece(std::string_view text, std::vector<int64_t>& out) const;
  void encode_word(std::string_view word, std::vector<int64_t>& out) const;

  TextCleaner cleaner_;
  std::array<int64_t, 256> symbol_of_byte_{};          ///< at the end of a word: + 256
  std::unordered_map<uint64_t, int64_t> merge_token_;  ///< pair of tokens -> the token of both
};

}  // namespace cq
