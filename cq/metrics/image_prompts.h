#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cq/core/tensor.h"
#include "cq/metrics/feature_network.h"

namespace cq {

/// What each image of a set was asked for with, row by row, in a file by its ending: an .npy of
/// CLIP tokens, or, where no network is at hand, of the texts' features; anything else as texts
/// (read_prompts).
class ImagePrompts {
 public:
  /// tokenizer: the folder of ClipTokenizer, asked for where the file holds texts. UsageError
  /// naming the file for other shapes and types, and for texts where there is no network
  /// (`features`).
  ImagePrompts(const std::filesystem::path& file, bool features,
               const std::function<std::filesystem::path()>& tokenizer);

  int64_t count() const { return texts_.empty() ? array_.size(0) : std::ssize(texts_); }
  const std::filesystem::path& file() const { return file_; }
  /// [N, D]; network: null where the file holds features. Texts longer than the network takes are
  /// cut, with a warning.
  at::Tensor features(FeatureNetwork* network) const;

 private:
  at::Tensor tokens(int64_t length) const;

  std::filesystem::path file_;
  at::Tensor array_;  // tokens int64 or features; undefined where there are texts
  std::vector<std::string> texts_;
  std::filesystem::path tokenizer_;
};

}  // namespace cq
