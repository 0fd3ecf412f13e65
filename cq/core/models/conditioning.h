#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cq/config/registry.h"
#include "cq/core/models/clip_text.h"
#include "cq/core/network.h"

namespace cq {

/// What a denoiser is conditioned on. A condition is a label: one of 0..classes-1, or `classes` for
/// the empty condition of classifier-free guidance. For text, labels number the prompts.
class Conditioning {
 public:
  explicit Conditioning(Weights weights) : weights_(std::move(weights)) {}
  virtual ~Conditioning() = default;
  Conditioning(const Conditioning&) = delete;
  Conditioning& operator=(const Conditioning&) = delete;

  /// Adds what labels [B] int64 stand for.
  virtual void apply(const at::Tensor& labels, NetworkInput& in) const = 0;
  virtual int64_t classes() const = 0;
  /// False where all labels mean the same, so that guidance has nothing to guide to.
  virtual bool conditional() const { return true; }
  /// Labels are classes of a data set.
  virtual bool has_classes() const { return true; }
  /// What training a denoiser changes.
  virtual std::vector<at::Tensor> trainable() const { return {}; }
  /// Beginnings of names that checkpoints hold beside those that are read.
  virtual std::vector<std::string> ignored() const { return {}; }
  virtual void to(const at::Device& device) { weights_.to(device); }

  Weights& weights() { return weights_; }
  const Weights& weights() const { return weights_; }

 private:
  Weights weights_;
};

using ConditioningRegistry = config::Registry<Conditioning, Weights>;
/// What `model.conditioning.kind` can name.
const ConditioningRegistry& conditioning_registry();

/// An unconditional denoiser.
class NoCondition : public Conditioning {
 public:
  static constexpr const char* name = "none";
  static constexpr const char* doc = "no condition";
  static constexpr const char* source = "";
  struct Parameters {};
  static const config::Params<Parameters>& parameters();
  NoCondition(const Parameters&, Weights weights) : Conditioning(std::move(weights)) {}
  /// Whatever a whole checkpoint has of one: the network alone is wanted of it.
  std::vector<std::string> ignored() const override { return {""}; }
  void apply(const at::Tensor&, NetworkInput&) const override {}
  int64_t classes() const override { return 1; }
  bool conditional() const override { return false; }
  bool has_classes() const override { return false; }
};

struct ClassContextConfig {
  int64_t classes = 10;
  int64_t width = 512;
};

/// A label as one context token for cross-attention (LDM ImageNet's class embedder).
class ClassContext : public Conditioning {
 public:
  static constexpr const char* name = "class_context";
  static constexpr const char* doc = "the class as one token of context";
  static constexpr const char* source = "Rombach et al. 2022, arXiv 2112.10752";
  using Parameters = ClassContextConfig;
  static const config::Params<Parameters>& parameters();
  /// Reads `embedding.weight` [classes + 1, width].
  ClassContext(const Parameters& config, Weights weights);
  void apply(const at::Tensor& labels, NetworkInput& in) const override;
  int64_t classes() const override { return classes_; }
  std::vector<at::Tensor> trainable() const override { return {table_}; }

 private:
  int64_t classes_;
  at::Tensor table_;
};

struct ClassLabelConfig {
  int64_t classes = 10;
};

/// A label that the network embeds itself (DiT).
class ClassLabel : public Conditioning {
 public:
  static constexpr const char* name = "class_label";
  static constexpr const char* doc = "the class, embedded by the network";
  static constexpr const char* source = "Peebles & Xie 2023, arXiv 2212.09748";
  using Parameters = ClassLabelConfig;
  static const config::Params<Parameters>& parameters();
  ClassLabel(const Parameters& config, Weights weights)
      : Conditioning(std::move(weights)), classes_(config.classes) {}
  void apply(const at::Tensor& labels, NetworkInput& in) const override { in.y = labels; }
  int64_t classes() const override { return classes_; }

 private:
  int64_t classes_;
};

struct TextConfig : ClipTextConfig {
  std::string encoder = "none";
};

/// Prompts as contexts [tokens, width] for cross-attention. Until prompts are set there is one,
/// whose context is zero. With `encoder: clip` the weights are CLIP's text model
/// (transformer.text_model.*).
class Text : public Conditioning {
 public:
  static constexpr const char* name = "text";
  static constexpr const char* doc = "prompts as contexts";
  static constexpr const char* source = "Rombach et al. 2022, arXiv 2112.10752";
  using Parameters = TextConfig;
  static const config::Params<Parameters>& parameters();
  Text(const Parameters& config, Weights weights);
  void apply(const at::Tensor& labels, NetworkInput& in) const override;
  int64_t classes() const override { return contexts_.size(0) - 1; }
  bool has_classes() const override { return false; }
  std::vector<std::string> ignored() const override;
  void to(const at::Device& device) override;

  bool has_encoder() const { return encoder_.has_value(); }
  /// Throws UsageError where there is none.
  const ClipText& encoder() const;
  /// Label i stands for row i of tokens [P, N] from then on, the empty condition for `empty` [N].
  void set_tokens(const at::Tensor& tokens, const at::Tensor& empty);

 private:
  std::optional<ClipText> encoder_;
  at::Tensor contexts_;  ///< [prompts + 1, tokens, width]; the last is the empty one
};

}  // namespace cq
