#include "cq/core/models/weight_layout.h"

#include <algorithm>
#include <cstring>
#include <set>

#include <fmt/format.h>

#include "cq/core/models/dit_layout.h"

namespace cq {

namespace {

using Parts = std::vector<std::string>;

Parts split(const std::string& name) {
  Parts parts;
  size_t start = 0;
  for (size_t dot; (dot = name.find('.', start)) != std::string::npos; start = dot + 1) {
    parts.push_back(name.substr(start, dot - start));
  }
  parts.push_back(name.substr(start));
  return parts;
}

/// parts[first..] joined by dots, each with a dot before it.
std::string tail(const Parts& parts, size_t first) {
  std::string text;
  for (size_t i = first; i < parts.size(); ++i) {
    text += '.';
    text += parts[i];
  }
  return text;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 6 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// <blocks>.<number>.<kind>.<number>.<rest>
bool is_block(const Parts& p, const char* blocks) {
  return p.size() >= 5 && p[0] == blocks && is_number(p[1]) && is_number(p[3]);
}

std::string renamed(const std::map<std::string, std::string>& names, const std::string& name) {
  const auto found = names.find(name);
  return found == names.end() ? name : found->second;
}

/// Largest number behind `prefix`, plus one.
int64_t count_children(const std::vector<std::string>& names, const std::string& prefix) {
  int64_t count = 0;
  for (const auto& name : names) {
    if (!name.starts_with(prefix)) continue;
    const auto number = split(name.substr(prefix.size())).front();
    if (is_number(number)) count = std::max<int64_t>(count, std::stoll(number) + 1);
  }
  return count;
}

/// Parts of diffusers' plain attention blocks, in their newer and their older form.
const std::map<std::string, std::string>& attention_names() {
  static const std::map<std::string, std::string> names{
      {"group_norm", "norm"}, {"to_q", "q"},          {"to_k", "k"},
      {"to_v", "v"},          {"to_out", "proj_out"}, {"query", "q"},
      {"key", "k"},           {"value", "v"},         {"proj_attn", "proj_out"}};
  return names;
}

// ---- diffusers' UNet2DConditionModel and UNet2DModel

class DiffusersUNet {
 public:
  explicit DiffusersUNet(const std::vector<std::string>& names)
      : blocks_(count_children(names, "down_blocks.0.resnets.") + 1) {
    for (const auto& name : names) {
      const auto p = split(name);
      if (is_block(p, "up_blocks") && p[2] == "attentions") attends_.insert(p[1]);
    }
  }

  std::string operator()(const std::string& name) const {
    const auto p = split(name);
    if (p[0] == "time_embedding" && p.size() > 1) {
      return fmt::format("time_embed.{}{}", p[1] == "linear_1" ? 0 : 2, tail(p, 2));
    }
    if (p[0] == "conv_in") return fmt::format("input_blocks.0.0{}", tail(p, 1));
    if (p[0] == "conv_norm_out") return fmt::format("out.0{}", tail(p, 1));
    if (p[0] == "conv_out") return fmt::format("out.2{}", tail(p, 1));
    if (p[0] == "mid_block" && p.size() >= 4 && is_number(p[2])) {
      const int64_t i = p[1] == "attentions" ? 1 : 2 * std::stoll(p[2]);
      return fmt::format("middle_block.{}{}", i, inner(p, 3, p[1]));
    }
    if (is_block(p, "down_blocks")) return down(p);
    return is_block(p, "up_blocks") ? up(p) : name;
  }

 private:
  static std::string inner(const Parts& p, size_t first, const std::string& kind) {
    static const std::map<std::string, std::string> residual{
        {"norm1", "in_layers.0"},  {"conv1", "in_layers.2"},  {"time_emb_proj", "emb_layers.1"},
        {"norm2", "out_layers.0"}, {"conv2", "out_layers.3"}, {"conv_shortcut", "skip_connection"}};
    if (kind == "resnets") {
      return fmt::format(".{}{}", renamed(residual, p[first]), tail(p, first + 1));
    }
    return fmt::format(".{}{}", renamed(attention_names(), p[first]),
                       tail(p, p[first] == "to_out" ? first + 2 : first + 1));
  }

  std::string down(const Parts& p) const {
    const int64_t first = 1 + std::stoll(p[1]) * blocks_;
    if (p[2] == "downsamplers") {
      return fmt::format("input_blocks.{}.0.op{}", first + blocks_ - 1, tail(p, 5));
    }
    return fmt::format("input_blocks.{}.{}{}", first + std::stoll(p[3]),
                       p[2] == "attentions" ? 1 : 0, inner(p, 4, p[2]));
  }

  std::string up(const Parts& p) const {
    const int64_t first = std::stoll(p[1]) * blocks_;
    if (p[2] == "upsamplers") {
      return fmt::format("output_blocks.{}.{}{}", first + blocks_ - 1, attends_.count(p[1]) + 1,
                         tail(p, 4));
    }
    return fmt::format("output_blocks.{}.{}{}", first + std::stoll(p[3]),
                       p[2] == "attentions" ? 1 : 0, inner(p, 4, p[2]));
  }

  int64_t blocks_;  ///< entries of input_blocks and of output_blocks a level
  std::set<std::string> attends_;
};

// ---- diffusers' AutoencoderKL and VQModel

class DiffusersAutoencoder {
 public:
  explicit DiffusersAutoencoder(const std::vector<std::string>& names)
      : levels_(count_children(names, "decoder.up_blocks.")) {}

  std::string operator()(const std::string& name) const {
    auto p = split(name);
    if (p.size() < 3 || (p[0] != "encoder" && p[0] != "decoder")) return name;
    const std::string half = p[0];
    p.erase(p.begin());
    if (p[0] == "conv_norm_out") return fmt::format("{}.norm_out{}", half, tail(p, 1));
    if (p[0] == "mid_block" && p.size() >= 4 && is_number(p[2])) {
      const bool attends = p[1] == "attentions";
      return fmt::format("{}.mid.{}_{}.{}{}", half, attends ? "attn" : "block",
                         std::stoll(p[2]) + 1, inner(p[3]), tail(p, p[3] == "to_out" ? 5 : 4));
    }
    const bool down = is_block(p, "down_blocks");
    if (!down && !is_block(p, "up_blocks")) return name;
    const int64_t level = down ? std::stoll(p[1]) : levels_ - 1 - std::stoll(p[1]);
    const auto place = fmt::format("{}.{}.{}", half, down ? "down" : "up", level);
    if (p[2] == "downsamplers") return fmt::format("{}.downsample{}", place, tail(p, 4));
    if (p[2] == "upsamplers") return fmt::format("{}.upsample{}", place, tail(p, 4));
    return fmt::format("{}.{}.{}.{}{}", place, p[2] == "attentions" ? "attn" : "block", p[3],
                       inner(p[4]), tail(p, p[4] == "to_out" ? 6 : 5));
  }

 private:
  static std::string inner(const std::string& part) {
    return part == "conv_shortcut" ? "nin_shortcut" : renamed(attention_names(), part);
  }
  int64_t levels_;
};

// ---- CLIP

/// OpenAI's name in Hugging Face's words; q, k and v are thirds of in_proj, and projections are
/// transposed. Empty where there is no such tensor.
std::map<std::string, LayoutEntry> openai_clip(const std::string& name) {
  const auto transposed = [](const at::Tensor& value) { return value.t(); };
  static const std::map<std::string, std::string> outer{
      {"token_embedding.weight", "text_model.embeddings.token_embedding.weight"},
      {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
      {"ln_final.weight", "text_model.final_layer_norm.weight"},
      {"ln_final.bias", "text_model.final_layer_norm.bias"},
      {"logit_scale", "logit_scale"},
      {"visual.class_embedding", "vision_model.embeddings.class_embedding"},
      {"visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"},
      {"visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight"},
      {"visual.ln_pre.weight", "vision_model.pre_layrnorm.weight"},
      {"visual.ln_pre.bias", "vision_model.pre_layrnorm.bias"},
      {"visual.ln_post.weight", "vision_model.post_layernorm.weight"},
      {"visual.ln_post.bias", "vision_model.post_layernorm.bias"}};
  static const std::map<std::string, std::string> blocks{{"ln_1", "layer_norm1"},
                                                         {"ln_2", "layer_norm2"},
                                                         {"attn.out_proj", "self_attn.out_proj"},
                                                         {"mlp.c_fc", "mlp.fc1"},
                                                         {"mlp.c_proj", "mlp.fc2"}};
  if (const auto found = outer.find(name); found != outer.end()) return {{found->second, {name}}};
  if (name == "text_projection") return {{"text_projection.weight", {name, transposed}}};
  if (name == "visual.proj") return {{"visual_projection.weight", {name, transposed}}};
  auto p = split(name);
  const bool visual = p[0] == "visual";
  if (visual) p.erase(p.begin());
  // transformer.resblocks.N.<module>.<leaf>
  if (p.size() < 5 || p[0] != "transformer" || p[1] != "resblocks") return {{name, {name}}};
  const auto at = fmt::format("{}_model.encoder.layers.{}.", visual ? "vision" : "text", p[2]);
  const auto module = tail(p, 3).substr(1);
  if (p[3] == "attn" && p[4].starts_with("in_proj_")) {
    std::map<std::string, LayoutEntry> out;
    const char* const parts[] = {"q_proj", "k_proj", "v_proj"};
    for (int64_t i = 0; i < 3; ++i) {
      out[fmt::format("{}self_attn.{}.{}", at, parts[i], p[4].substr(8))] = {
          name, [i](const at::Tensor& value) { return value.chunk(3, 0)[size_t(i)]; }};
    }
    return out;
  }
  const auto dot = module.rfind('.');
  return {{at + renamed(blocks, module.substr(0, dot)) + module.substr(dot), {name}}};
}

/// The text model alone, as newer versions of transformers save it, gets its prefix.
std::string hf_clip(const std::string& name) {
  for (const char* part : {"embeddings.", "encoder.", "final_layer_norm."}) {
    if (name.starts_with(part)) return "text_model." + name;
  }
  return name;
}

/// A tensor of CLIP by Hugging Face's name: of the text encoder of a diffusion model, and of the
/// whole of CLIP.
void add_clip(const std::string& name, const LayoutEntry& entry,
              std::map<std::string, LayoutEntry>& out) {
  if (name.starts_with("text_model.")) out["cond_stage_model.transformer." + name] = entry;
  out["encoder." + name] = entry;
}

/// The names below the container that the weights lie in, and that container.
std::pair<std::string, std::vector<std::string>> inside(const std::vector<std::string>& names) {
  for (const char* container : {"state_dict.", "ema."}) {
    std::vector<std::string> inner;
    for (const auto& name : names) {
      if (name.starts_with(container)) inner.push_back(name.substr(std::strlen(container)));
    }
    if (!inner.empty()) return {container, inner};
  }
  return {"", names};
}

}  // namespace

WeightLayout recognise_layout(const std::vector<std::string>& file_names) {
  const auto [container, names] = inside(file_names);
  const std::set<std::string> known(names.begin(), names.end());
  const auto any = [&names = names](std::string_view prefix) {
    return std::any_of(names.begin(), names.end(),
                       [&](const auto& name) { return name.starts_with(prefix); });
  };
  WeightLayout layout;
  const auto rename = [&, &names = names, &container = container](const char* title,
                                                                  const auto& map) {
    layout.name = title;
    for (const auto& name : names)
      layout.tensors[map(name)] = {fmt::format("{}{}", container, name), {}};
  };
  const auto below = [](std::string prefix) {
    return [prefix = std::move(prefix)](const std::string& name) {
      return fmt::format("{}{}", prefix, name);
    };
  };
  const std::string network = "model.diffusion_model.", stage = "first_stage_model.";
  if (any(network) || any(stage) || any("cond_stage_model.")) {
    rename("CompVis", below(""));
  } else if (known.contains("time_embedding.linear_1.weight")) {
    const DiffusersUNet map(names);
    rename("diffusers UNet",
           [&](const std::string& name) { return fmt::format("{}{}", network, map(name)); });
  } else if (any("transformer_blocks.0.norm1.emb.timestep_embedder.")) {
    layout.name = "diffusers DiT";
    for (auto& [name, entry] : from_diffusers_dit(names)) {
      entry.name = container + entry.name;
      for (auto* others : {&entry.rows, &entry.copies}) {
        for (auto& other : *others) other = container + other;
      }
      layout.tensors[network + name] = std::move(entry);
    }
    layout.implied.insert(network + "pos_embed");
  } else if (any("decoder.up_blocks.") || any("encoder.down_blocks.")) {
    const DiffusersAutoencoder map(names);
    rename("diffusers autoencoder",
           [&](const std::string& name) { return fmt::format("{}{}", stage, map(name)); });
  } else if (known.contains("time_embed.0.weight")) {
    rename("CompVis UNet", below(network));
  } else if (known.contains("x_embedder.proj.weight")) {
    rename("DiT", below(network));
  } else if (known.contains("temb.dense.0.weight")) {
    rename("DDPM", below(network));
  } else if (known.contains("decoder.conv_in.weight")) {
    rename("CompVis autoencoder", below(stage));
  } else if (any("transformer.resblocks.") || any("visual.transformer.resblocks.")) {
    layout.name = "OpenAI CLIP";
    for (const auto& name : names) {
      for (auto [key, entry] : openai_clip(name)) {
        entry.name = container + entry.name;
        add_clip(key, entry, layout.tensors);
      }
    }
  } else if (known.contains("Conv2d_1a_3x3.conv.weight")) {
    rename("FID Inception", below("encoder."));
  } else if (any("text_model.encoder.layers.") || any("encoder.layers.")) {
    layout.name = "HF CLIP";
    for (const auto& name : names) add_clip(hf_clip(name), {container + name}, layout.tensors);
  } else {
    rename("its own", below(""));
  }
  return layout;
}

}  // namespace cq
