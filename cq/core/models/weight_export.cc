#include "cq/core/models/weight_export.h"

#include <algorithm>
#include <regex>
#include <set>

#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/core/models/dit.h"
#include "cq/core/models/dit_layout.h"

namespace cq {

namespace {

constexpr const char* kNetwork = "model.diffusion_model.";
constexpr const char* kStage = "first_stage_model.";
constexpr const char* kText = "cond_stage_model.transformer.";

using Names = std::vector<std::string>;
using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

/// The names below `prefix`.
Names below(const WeightSource& source, const std::string& prefix) {
  Names names;
  for (const auto& name : source.names()) {
    if (name.starts_with(prefix)) names.push_back(name.substr(prefix.size()));
  }
  return names;
}

std::string replaced(const std::string& name, const std::map<std::string, std::string>& heads) {
  for (const auto& [from, to] : heads) {
    if (name.starts_with(from + ".")) return to + name.substr(from.size());
  }
  return name;
}

/// A name of a residual block, an attention or a resampling convolution below its place.
std::string residual(const std::string& leaf) {
  return replaced(leaf, {{"in_layers.0", "norm1"},
                         {"in_layers.2", "conv1"},
                         {"emb_layers.1", "time_emb_proj"},
                         {"out_layers.0", "norm2"},
                         {"out_layers.3", "conv2"},
                         {"skip_connection", "conv_shortcut"}});
}

std::string attention(const std::string& leaf) {
  return replaced(leaf, {{"norm", "group_norm"},
                         {"q", "to_q"},
                         {"k", "to_k"},
                         {"v", "to_v"},
                         {"proj_out", "to_out.0"}});
}

/// Names of CompVis' openaimodel.UNetModel as those of UNet2DConditionModel and UNet2DModel.
class UNetNames {
 public:
  UNetNames(const Names& names, const std::string& where) {
    const std::set<std::string> known(names.begin(), names.end());
    const auto has = [&](const std::string& name) { return known.contains(name); };
    for (int64_t i = 1; blocks_ == 0 && has(fmt::format("input_blocks.{}.0.in_layers.0.weight", i));
         ++i) {
      if (has(fmt::format("input_blocks.{}.0.op.weight", i + 1))) blocks_ = i + 1;
    }
    if (blocks_ == 0) {
      throw RunError(
          "{}: a UNet without convolutions that resample (LDM-8's) has no class in diffusers",
          where);
    }
    plain_ = std::none_of(names.begin(), names.end(), [](const auto& name) {
      return name.find(".transformer_blocks.") != std::string::npos;
    });
  }

  std::string operator()(const std::string& name) const {
    static const std::regex place("(input|output)_blocks\\.(\\d+)\\.(\\d+)\\.(.*)");
    static const std::regex middle("middle_block\\.(\\d)\\.(.*)");
    std::smatch m;
    if (std::regex_match(name, m, middle)) {
      const int64_t i = std::stoll(m[1]);
      return i == 1 ? "mid_block.attentions.0." + inner(m[2])
                    : fmt::format("mid_block.resnets.{}.{}", i / 2, residual(m[2]));
    }
    if (name.starts_with("input_blocks.0.0.")) return "conv_in." + name.substr(17);
    if (std::regex_match(name, m, place)) {
      return blocks(m[1] == "input", std::stoll(m[2]), std::stoll(m[3]), m[4]);
    }
    return replaced(name, {{"time_embed.0", "time_embedding.linear_1"},
                           {"time_embed.2", "time_embedding.linear_2"},
                           {"out.0", "conv_norm_out"},
                           {"out.2", "conv_out"}});
  }

 private:
  std::string inner(const std::string& leaf) const { return plain_ ? attention(leaf) : leaf; }

  std::string blocks(bool down, int64_t index, int64_t child, const std::string& leaf) const {
    const int64_t i = down ? index - 1 : index, level = i / blocks_, at = i % blocks_;
    const char* const side = down ? "down" : "up";
    if (leaf.starts_with("op.")) {
      return fmt::format("down_blocks.{}.downsamplers.0.conv{}", level, leaf.substr(2));
    }
    if (leaf.starts_with("conv.")) {
      return fmt::format("up_blocks.{}.upsamplers.0.{}", level, leaf);
    }
    if (child == 0) {
      return fmt::format("{}_blocks.{}.resnets.{}.{}", side, level, at, residual(leaf));
    }
    return fmt::format("{}_blocks.{}.attentions.{}.{}", side, level, at, inner(leaf));
  }

  int64_t blocks_ = 0;  ///< entries of input_blocks and of output_blocks a level
  bool plain_ = false;  ///< attention blocks instead of transformers
};

/// Names of CompVis' AutoencoderKL and VQModelInterface as those of AutoencoderKL and VQModel.
std::string stage_name(const std::string& name, int64_t levels) {
  static const std::regex mid("(encoder|decoder)\\.mid\\.(block|attn)_(\\d)\\.(.*)");
  static const std::regex level(
      "(encoder|decoder)\\.(down|up)\\.(\\d+)\\.(block|attn|downsample|upsample)\\.(.*)");
  const auto block = [](const std::string& leaf) {
    return replaced(leaf, {{"nin_shortcut", "conv_shortcut"}});
  };
  std::smatch m;
  if (std::regex_match(name, m, mid)) {
    const bool attends = m[2] == "attn";
    return fmt::format("{}.mid_block.{}.{}.{}", m[1].str(), attends ? "attentions" : "resnets",
                       std::stoll(m[3]) - 1, attends ? attention(m[4]) : block(m[4]));
  }
  if (std::regex_match(name, m, level)) {
    const bool down = m[2] == "down";
    const int64_t i = down ? std::stoll(m[3]) : levels - 1 - std::stoll(m[3]);
    const auto at = fmt::format("{}.{}_blocks.{}", m[1].str(), m[2].str(), i);
    if (m[4] == "downsample") return fmt::format("{}.downsamplers.0.{}", at, m[5].str());
    if (m[4] == "upsample") return fmt::format("{}.upsamplers.0.{}", at, m[5].str());
    const bool attends = m[4] == "attn";
    const std::string rest = m[5];
    const auto dot = rest.find('.') + 1;
    return fmt::format("{}.{}.{}{}", at, attends ? "attentions" : "resnets", rest.substr(0, dot),
                       attends ? attention(rest.substr(dot)) : block(rest.substr(dot)));
  }
  return replaced(name, {{"encoder.norm_out", "encoder.conv_norm_out"},
                         {"decoder.norm_out", "decoder.conv_norm_out"}});
}

bool is_stage_product(const std::string& name) {
  static const std::regex product(".*\\.attn(_\\d|\\.\\d+)\\.(q|k|v|proj_out)\\.weight");
  return std::regex_match(name, product);
}

/// Rows of q, k and v out of one tensor in which they are interleaved by head.
Tensors split_heads_of(const std::string& stem, const std::string& leaf, const at::Tensor& value,
                       int64_t head_channels) {
  const int64_t channels = value.size(0) / 3, heads = channels / head_channels;
  const auto by_head = value.reshape({heads, 3, head_channels, -1});
  Tensors out;
  const char* const parts[] = {"to_q.", "to_k.", "to_v."};
  for (int64_t i = 0; i < 3; ++i) {
    auto part = by_head.select(1, i).reshape({channels, -1});
    if (leaf == "bias") part = part.flatten();
    out.emplace_back(stem + parts[i] + leaf, part.contiguous());
  }
  return out;
}

Tensors unet(const WeightSource& source, int64_t head_channels) {
  const auto names = below(source, kNetwork);
  const UNetNames rename(names, source.description());
  static const std::regex product(".*\\.(to_out\\.0|to_[qkv])\\.weight");
  Tensors out;
  for (const auto& name : names) {
    auto value = source.get(kNetwork + name);
    const auto renamed = rename(name);
    if (const auto qkv = renamed.find(".qkv."); qkv != std::string::npos) {
      if (value.size(0) % (3 * head_channels) != 0) {
        throw RunError(
            "{}: {} has {} rows, which heads of {} channels do not divide; set "
            "head_channels",
            source.description(), name, value.size(0), head_channels);
      }
      for (auto& part : split_heads_of(renamed.substr(0, qkv + 1), renamed.substr(qkv + 5), value,
                                       head_channels)) {
        out.push_back(std::move(part));
      }
      continue;
    }
    if (std::regex_match(renamed, product) && value.dim() > 2) value = value.flatten(1);
    out.emplace_back(renamed, value);
  }
  return out;
}

Tensors stage(const WeightSource& source) {
  const auto names = below(source, kStage);
  int64_t levels = 0;
  for (const auto& name : names) {
    static const std::regex up("decoder\\.up\\.(\\d+)\\..*");
    std::smatch m;
    if (std::regex_match(name, m, up)) levels = std::max<int64_t>(levels, std::stoll(m[1]) + 1);
  }
  Tensors out;
  for (const auto& name : names) {
    if (name.starts_with("loss.")) continue;
    auto value = source.get(kStage + name);
    if (is_stage_product(name)) value = value.flatten(1);
    out.emplace_back(stage_name(name, levels), value);
  }
  return out;
}

}  // namespace

DiffusersModules to_diffusers(const WeightSource& source, int64_t head_channels) {
  DiffusersModules modules;
  if (source.has(std::string(kNetwork) + "time_embed.0.weight")) {
    modules["unet"] = unet(source, head_channels);
  } else if (source.has(std::string(kNetwork) + "x_embedder.proj.weight")) {
    modules["transformer"] = to_diffusers_dit(source, kNetwork);
  } else if (!below(source, kNetwork).empty()) {
    throw RunError("{}: diffusers' names are known for DiT and UNets of latent diffusion models",
                   source.description());
  }
  if (!below(source, kStage).empty()) modules["vae"] = stage(source);
  for (const auto& name : below(source, kText)) {
    modules["text_encoder"].emplace_back(name, source.get(kText + name));
  }
  if (modules.empty()) {
    throw RunError("{}: no network that diffusers has names for", source.description());
  }
  return modules;
}

std::vector<std::pair<std::string, at::Tensor>> to_compvis(const WeightSource& source,
                                                           int64_t head_channels) {
  Tensors out;
  std::map<std::string, std::map<std::string, at::Tensor>> parts;  // qkv name -> q, k, v
  static const std::regex part("(model\\.diffusion_model\\..*)\\.(q|k|v)\\.(weight|bias)");
  for (const auto& name : source.names()) {
    if (name.starts_with("encoder.")) continue;
    auto value = source.get(name);
    std::smatch m;
    if (std::regex_match(name, m, part)) {
      parts[m[1].str() + ".qkv." + m[3].str()][m[2]] = value;
      continue;
    }
    if (is_stage_product(name) && value.dim() == 2) value = value.unsqueeze(-1).unsqueeze(-1);
    out.emplace_back(name, value);
  }
  for (const auto& [name, rows] : parts) {
    std::vector<at::Tensor> by_head;
    for (const char* one : {"q", "k", "v"}) {
      if (!rows.contains(one) || rows.at(one).size(0) % head_channels != 0) {
        throw RunError(
            "{}: {} of {} is missing or not divided by heads of {} channels; set "
            "head_channels",
            source.description(), one, name, head_channels);
      }
      by_head.push_back(rows.at(one).reshape({rows.at(one).size(0) / head_channels, 1, -1}));
    }
    auto value = at::cat(by_head, 1).reshape({3 * rows.at("q").size(0), -1, 1});
    if (name.ends_with("bias")) value = value.flatten();
    out.emplace_back(name, value);
  }
  const auto positions = std::string(kNetwork) + "pos_embed";
  const auto patches = std::string(kNetwork) + "x_embedder.proj.weight";
  if (source.implies(positions) && !source.has(positions) && source.has(patches)) {
    constexpr int64_t kLatent = 32;                        // diffusers' default
    const auto sizes = source.get(patches).sizes().vec();  // [D, C, p, p]
    out.emplace_back(positions, sincos_positions(kLatent / sizes.at(2), sizes.at(0)));
  }
  // CompVis' attention blocks have 1-D convolutions.
  for (auto& [name, value] : out) {
    if (parts.empty() || !name.starts_with(kNetwork) || value.dim() != 2) continue;
    if (name.ends_with(".proj_out.weight")) value = value.unsqueeze(-1);
  }
  return out;
}

}  // namespace cq
