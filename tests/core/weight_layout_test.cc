#include "cq/core/models/weight_layout.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/models/model.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

/// Where the tensor of the file's name ends up, "" for nowhere.
std::string target(const WeightLayout& layout, const std::string& name) {
  for (const auto& [to, entry] : layout.tensors) {
    if (entry.name == name) return to;
  }
  return "";
}

/// Expects each pair's first name to become the second, below `prefix`.
void expect_renamed(const std::string& title, const std::string& prefix,
                    const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::vector<std::string> names;
  for (const auto& [from, to] : pairs) names.push_back(from);
  const auto layout = recognise_layout(names);
  EXPECT_EQ(layout.name, title);
  for (const auto& [from, to] : pairs) EXPECT_EQ(target(layout, from), prefix + to);
}

TEST(WeightLayout, DiffusersUNet) {
  expect_renamed(
      "diffusers UNet", "model.diffusion_model.",
      {{"time_embedding.linear_1.weight", "time_embed.0.weight"},
       {"time_embedding.linear_2.bias", "time_embed.2.bias"},
       {"conv_in.weight", "input_blocks.0.0.weight"},
       {"down_blocks.0.resnets.0.norm1.weight", "input_blocks.1.0.in_layers.0.weight"},
       {"down_blocks.0.resnets.1.conv2.bias", "input_blocks.2.0.out_layers.3.bias"},
       {"down_blocks.0.downsamplers.0.conv.weight", "input_blocks.3.0.op.weight"},
       {"down_blocks.1.attentions.1.proj_in.weight", "input_blocks.5.1.proj_in.weight"},
       {"mid_block.resnets.1.time_emb_proj.bias", "middle_block.2.emb_layers.1.bias"},
       {"mid_block.attentions.0.norm.weight", "middle_block.1.norm.weight"},
       {"up_blocks.0.upsamplers.0.conv.weight", "output_blocks.2.1.conv.weight"},
       {"up_blocks.1.attentions.2.norm.bias", "output_blocks.5.1.norm.bias"},
       {"up_blocks.1.upsamplers.0.conv.bias", "output_blocks.5.2.conv.bias"},
       {"up_blocks.3.resnets.2.conv_shortcut.weight", "output_blocks.11.0.skip_connection.weight"},
       {"conv_norm_out.bias", "out.0.bias"},
       {"conv_out.weight", "out.2.weight"}});
}

TEST(WeightLayout, DiffusersAutoencoder) {
  expect_renamed(
      "diffusers autoencoder", "first_stage_model.",
      {{"decoder.up_blocks.3.resnets.0.conv_shortcut.weight",
        "decoder.up.0.block.0.nin_shortcut.weight"},
       {"decoder.up_blocks.0.upsamplers.0.conv.bias", "decoder.up.3.upsample.conv.bias"},
       {"decoder.mid_block.attentions.0.to_out.0.weight", "decoder.mid.attn_1.proj_out.weight"},
       {"encoder.mid_block.attentions.0.query.weight", "encoder.mid.attn_1.q.weight"},
       {"encoder.mid_block.attentions.0.group_norm.bias", "encoder.mid.attn_1.norm.bias"},
       {"encoder.mid_block.attentions.0.proj_attn.bias", "encoder.mid.attn_1.proj_out.bias"},
       {"encoder.mid_block.resnets.1.norm2.weight", "encoder.mid.block_2.norm2.weight"},
       {"encoder.down_blocks.2.downsamplers.0.conv.weight",
        "encoder.down.2.downsample.conv.weight"},
       {"encoder.conv_norm_out.weight", "encoder.norm_out.weight"},
       {"decoder.conv_in.weight", "decoder.conv_in.weight"},
       {"quant_conv.bias", "quant_conv.bias"}});
}

TEST(WeightLayout, ModulesAlone) {
  const std::string network = "model.diffusion_model.";
  expect_renamed("DDPM", network, {{"temb.dense.0.weight", "temb.dense.0.weight"}});
  expect_renamed("CompVis UNet", network, {{"time_embed.0.weight", "time_embed.0.weight"}});
  expect_renamed("CompVis autoencoder", "first_stage_model.",
                 {{"state_dict.decoder.conv_in.weight", "decoder.conv_in.weight"}});
  expect_renamed(
      "CompVis", "",
      {{"state_dict.model.diffusion_model.out.0.bias", "model.diffusion_model.out.0.bias"},
       {"state_dict.scale_factor", "scale_factor"}});
}

TEST(WeightLayout, AveragesOfADitTraining) {
  const auto layout = recognise_layout(
      {"model.x_embedder.proj.weight", "ema.x_embedder.proj.weight", "opt.state.0.exp_avg"});
  EXPECT_EQ(layout.name, "DiT");
  ASSERT_EQ(layout.tensors.size(), 1);
  EXPECT_EQ(layout.tensors.at("model.diffusion_model.x_embedder.proj.weight").name,
            "ema.x_embedder.proj.weight");
}

TEST(WeightLayout, BothClips) {
  const std::string text = "cond_stage_model.transformer.text_model.";
  const std::vector<std::pair<std::string, std::string>> hf{
      {"text_model.encoder.layers.3.mlp.fc1.weight", "encoder.layers.3.mlp.fc1.weight"},
      {"text_model.final_layer_norm.bias", "final_layer_norm.bias"}};
  expect_renamed("HF CLIP", text, hf);
  const std::vector<std::pair<std::string, std::string>> openai{
      {"transformer.resblocks.3.mlp.c_fc.weight", "encoder.layers.3.mlp.fc1.weight"},
      {"transformer.resblocks.3.attn.out_proj.bias", "encoder.layers.3.self_attn.out_proj.bias"},
      {"transformer.resblocks.0.ln_2.weight", "encoder.layers.0.layer_norm2.weight"},
      {"positional_embedding", "embeddings.position_embedding.weight"},
      {"ln_final.bias", "final_layer_norm.bias"}};
  expect_renamed("OpenAI CLIP", text, openai);
  const auto layout = recognise_layout({"transformer.resblocks.1.attn.in_proj_weight"});
  const auto& key = layout.tensors.at(text + "encoder.layers.1.self_attn.k_proj.weight");
  EXPECT_TRUE(at::equal(key.change(at::arange(6)), at::arange(2, 4)));
}

TEST(OpenWeights, AnIndexSaysWhichShardsBelongTogether) {
  const testing::TempFolder folder;
  const auto index = folder / "m.safetensors.index.json";
  const auto fault = [&](const std::string& map) -> std::string {
    write_atomically(index, "{\"weight_map\": " + map + "}");
    try {
      open_weights(folder.path());
    } catch (const RunError& error) {
      return error.what();
    }
    return "";
  };
  write_safetensors(folder / "one.safetensors",
                    {{"time_embedding.linear_1.weight", at::ones({2})}});
  write_safetensors(folder / "two.safetensors", {{"conv_in.weight", at::ones({3})}});
  const std::string one = R"("time_embedding.linear_1.weight": "one.safetensors")";
  EXPECT_EQ(fault("{" + one + R"(, "conv_in.weight": "two.safetensors"})"), "");
  EXPECT_TRUE(open_weights(folder.path())->has("model.diffusion_model.input_blocks.0.0.weight"));
  const auto names = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find("index.json"), std::string::npos) << text;
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  names(fault("{" + one + R"(, "other": "two.safetensors"})"), "'other' is not in 'two.safe");
  names(fault("{" + one + R"(, "x": "three.safetensors"})"), "'three.safetensors', which is not");
  names(fault("{" + one + R"(, "x": "../two.safetensors"})"), "'x': expected the name of a file");
  names(fault("{" + one + R"(, "x": "/etc/passwd"})"), "/etc/passwd");
  names(fault("{" + one + R"(, "x": 3})"), "'x'");
  names(fault("[]"), "weight_map");
  names(fault("{"), "no JSON");
}

TEST(OpenWeights, AFolderIsItsNetworksTogether) {
  const testing::TempFolder folder;
  std::filesystem::create_directories(folder / "unet");
  std::filesystem::create_directories(folder / "vae");
  write_safetensors(folder / "unet" / "m-00001-of-00002.safetensors",
                    {{"time_embedding.linear_1.weight", at::ones({2})}});
  write_safetensors(folder / "unet" / "m-00002-of-00002.safetensors",
                    {{"conv_in.weight", at::full({2}, 3.0)}});
  write_safetensors(folder / "vae" / "m.safetensors",
                    {{"encoder.down_blocks.0.resnets.0.conv1.weight", at::full({2}, 5.0)}});
  write_safetensors(folder / "vae" / "m.fp16.safetensors", {{"other", at::ones({2})}});
  const auto source = open_weights(folder.path());
  EXPECT_EQ(source->names().size(), 3);
  EXPECT_EQ(source->get("model.diffusion_model.input_blocks.0.0.weight")[0].item<float>(), 3);
  EXPECT_EQ(source->get("first_stage_model.encoder.down.0.block.0.conv1.weight")[0].item<float>(),
            5);
}

TEST(OpenWeights, AveragesAreChosen) {
  const testing::TempFolder folder;
  const std::string name = "model.diffusion_model.out.0.bias";
  write_safetensors(folder / "a.safetensors",
                    {{name, at::ones({1})}, {"model_ema.diffusion_modelout0bias", at::zeros({1})}});
  write_safetensors(folder / "b.safetensors", {{name, at::ones({1})}});
  const auto value = [&](const char* file, const char* ema) {
    return choose_averages(open_weights(folder / file), ema)->get(name).item<float>();
  };
  EXPECT_EQ(value("a.safetensors", "auto"), 0);
  EXPECT_EQ(value("a.safetensors", "on"), 0);
  EXPECT_EQ(value("a.safetensors", "off"), 1);
  EXPECT_EQ(value("b.safetensors", "auto"), 1);
  EXPECT_THROW(value("b.safetensors", "on"), RunError);
  EXPECT_THROW(value("b.safetensors", "maybe"), UsageError);
}

}  // namespace
}  // namespace cq
