#include <regex>

#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cq/base/error.h"
#include "cq/config/yaml_reader.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/models/clip.h"
#include "cq/core/models/inception.h"
#include "cq/core/models/kl_stage.h"
#include "cq/core/models/model.h"
#include "cq/core/models/vq_stage.h"
#include "cq/core/models/weight_export.h"
#include "golden_weights.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

using Json = nlohmann::ordered_json;
using test::uniform;

/// The official networks at narrowed configurations: golden/make_networks.py.
class NetworksTest : public ::testing::Test {
 protected:
  /// A checkpoint of the golden network `name`, as the reference would save it.
  std::shared_ptr<const WeightSource> weights(const std::string& name) const {
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    const auto keys = Json::parse(golden_.metadata().at(name + ".keys"));
    for (const auto& [key, shape] : keys.items()) {
      // The reference's embedders of a DiT are one module, which was filled as the last block's.
      static const std::regex shared("transformer_blocks\\.0(\\.norm1\\.emb\\..*)");
      const auto filled = std::regex_replace(key, shared, "transformer_blocks.1$1");
      tensors.emplace_back(key, test::weight(filled, shape.get<std::vector<int64_t>>()));
    }
    const auto path = folder_ / (name + ".safetensors");
    write_safetensors(path, tensors);
    return open_weights(path);
  }
  static Model model(const Json& parts, std::shared_ptr<const WeightSource> source) {
    Json config = {{"name", "narrow"}};
    config.update(parts);
    return {config::Node::from_json(config), std::move(source), InitMode::random, 0};
  }
  double difference(const at::Tensor& got, const std::string& name) const {
    return test::difference(got, golden_.tensor(name));
  }
  /// A UNet on 3 x 8 x 8 with the golden weights of `weights_name`, against `name`.
  double check_unet(const Json& changes, std::shared_ptr<const WeightSource> source,
                    const std::string& name) const {
    Json network = {{"name", "unet"},
                    {"in_channels", 3},
                    {"out_channels", 3},
                    {"model_channels", 32},
                    {"channel_mult", {1, 2}},
                    {"num_res_blocks", 1},
                    {"attention_resolutions", {2}},
                    {"context_dim", 24}};
    network.update(changes);
    const auto built = model({{"network", network}}, std::move(source));
    return difference(run(built.network(), {.x = uniform("x", {2, 3, 8, 8}),
                                            .t = t_,
                                            .context = uniform("context", {2, 5, 24}),
                                            .y = {}}),
                      name + ".out");
  }
  double check_dit(const Json& network, std::shared_ptr<const WeightSource> source,
                   const std::string& name) const {
    const auto built = model({{"network", network}}, std::move(source));
    return difference(run(built.network(), {.x = uniform("x", {2, 4, 8, 8}),
                                            .t = t_,
                                            .context = {},
                                            .y = at::tensor({3, 10}, at::kLong)}),
                      name + ".out");
  }
  at::Tensor run(const Network& network, const NetworkInput& in) const {
    ComputeAll compute;
    return network.forward(in, Step(executor_, compute, 0));
  }

  c10::NoGradGuard no_grad_;
  FloatExecutor executor_;
  testing::TempFolder folder_;
  at::Tensor t_ = at::tensor({1, 700}, at::kLong);
  SafeTensors golden_ = SafeTensors::open(CQ_SOURCE_DIR "/tests/core/golden/networks.safetensors");

  const Json dit_ = {{"name", "dit"}, {"input_size", 8}, {"hidden_size", 48},
                     {"depth", 2},    {"num_heads", 3},  {"num_classes", 10}};
  const Json heads_ = {{"num_heads", 4}};
  const Json plain_ = {{"use_spatial_transformer", false}, {"num_head_channels", 16}};
  const Json bare_ = {{"num_heads", 4}, {"middle", false}};
};

TEST_F(NetworksTest, UNetsAreCompVis) {
  EXPECT_LT(check_unet({{"num_heads", 1}}, weights("crossed"), "crossed"), 1e-5);
  EXPECT_LT(check_unet(heads_, weights("heads"), "heads"), 1e-5);
  EXPECT_LT(check_unet(plain_, weights("plain"), "plain"), 1e-5);
  EXPECT_LT(check_unet({{"use_spatial_transformer", false},
                        {"num_heads", 4},
                        {"use_scale_shift_norm", true},
                        {"resblock_updown", true}},
                       weights("resampling"), "resampling"),
            1e-5);
  EXPECT_LT(check_unet(bare_, weights("bare"), "bare"), 1e-5);
}

TEST_F(NetworksTest, UNetsAreDiffusers) {
  EXPECT_LT(check_unet(heads_, weights("diffusers-heads"), "diffusers-heads"), 1e-5);
  EXPECT_LT(check_unet(plain_, weights("diffusers-plain"), "diffusers-plain"), 1e-5);
  EXPECT_LT(check_unet(bare_, weights("diffusers-bare"), "diffusers-bare"), 1e-5);
}

TEST_F(NetworksTest, DiffusersAutoencoders) {
  const LatentConfig four{.channels = 4, .size = 8}, three{.channels = 3, .size = 8};
  const auto narrow = [](auto c) {
    c.channels = 32;
    c.channel_mult = {1, 2};
    c.num_res_blocks = 1;
    return c;
  };
  const auto part = [&](const char* name) {
    return Weights(part_of(weights(name), "first_stage_model."));
  };
  const KlStage kl(narrow(AutoencoderConfig()), four, part("diffusers-kl"));
  kl.weights().check_complete();
  const auto x = uniform("x", {2, 3, 16, 16});
  EXPECT_LT(difference(kl.to_latents(x, executor_), "diffusers-kl.latent"), 1e-5);
  EXPECT_LT(difference(kl.to_images(uniform("z", {2, 4, 8, 8}), executor_), "diffusers-kl.image"),
            1e-5);
  auto vq_config = narrow(VqStageConfig());
  vq_config.codes = 64;
  const VqStage vq(vq_config, three, part("diffusers-vq"));
  vq.weights().check_complete();
  EXPECT_LT(difference(vq.to_latents(x, executor_), "diffusers-vq.latent"), 1e-5);
  EXPECT_LT(
      difference(vq.to_images(uniform("z", {2, 3, 8, 8}) * 2, executor_), "diffusers-vq.image"),
      1e-5);
}

TEST_F(NetworksTest, DiT) {
  EXPECT_LT(check_dit(dit_, weights("dit"), "dit"), 1e-5);
}

TEST_F(NetworksTest, DiTInDiffusersLayout) {
  auto changed = dit_;
  changed["time_shift"] = 1;
  changed["mlp_eps"] = 1e-5;
  const auto source = weights("diffusers-dit");
  EXPECT_LT(check_dit(changed, source, "diffusers-dit"), 1e-5);
  // There and back; the official code has positions as well, those of 32 x 32 latents.
  write_safetensors(folder_ / "official.safetensors", to_compvis(*source, 32));
  const auto official = open_weights(folder_ / "official.safetensors");
  EXPECT_EQ(official->get("model.diffusion_model.pos_embed").sizes(),
            (std::vector<int64_t>{1, 256, 48}));
  EXPECT_THROW(to_diffusers(*weights("dit"), 32), RunError);  // its positions are no sines
  const auto again = to_diffusers(*official, 32).at("transformer");
  const auto keys = Json::parse(golden_.metadata().at("diffusers-dit.keys"));
  EXPECT_EQ(again.size(), keys.size());
  for (const auto& [key, value] : again) {
    ASSERT_TRUE(keys.contains(key)) << key;
    EXPECT_EQ(value.sizes().vec(), keys.at(key).get<std::vector<int64_t>>()) << key;
  }
  write_safetensors(folder_ / "again.safetensors", again);
  EXPECT_LT(check_dit(changed, open_weights(folder_ / "again.safetensors"), "diffusers-dit"), 1e-5);
}

TEST_F(NetworksTest, EmbeddersOfADiffusersDiTMustBeEqual) {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  const auto keys = Json::parse(golden_.metadata().at("diffusers-dit.keys"));
  for (const auto& [key, shape] : keys.items()) {
    tensors.emplace_back(key, test::weight(key, shape.get<std::vector<int64_t>>()));
  }
  write_safetensors(folder_ / "unequal.safetensors", tensors);
  try {
    check_dit(dit_, open_weights(folder_ / "unequal.safetensors"), "dit");
    FAIL() << "expected a RunError";
  } catch (const RunError& error) {
    EXPECT_NE(std::string(error.what()).find("transformer_blocks.1.norm1.emb"), std::string::npos)
        << error.what();
  }
}

TEST_F(NetworksTest, Ddpm) {
  const auto built =
      model({{"network", {{"name", "ddpm"}, {"channels", 32}, {"channel_mult", {1, 2, 1}}}}},
            weights("ddpm"));
  const auto out =
      run(built.network(),
          {.x = uniform("x", {1, 3, 32, 32}), .t = t_.narrow(0, 1, 1), .context = {}, .y = {}});
  const auto every_fourth = at::arange(0, 32, 4, at::kLong);
  EXPECT_LT(difference(out.index_select(2, every_fourth).index_select(3, every_fourth), "ddpm.out"),
            1e-5);
}

TEST_F(NetworksTest, ClipInBothLayouts) {
  auto tokens = (uniform("tokens", {3, 9}) * 25 + 25).to(at::kLong);
  tokens.select(1, 6).fill_(49);
  for (const auto& [name, vision_width, vision_heads] :
       {std::tuple{"hf-clip", 32, 2}, std::tuple{"openai-clip", 64, 1}}) {
    ClipParameters c;
    c.tokens = 9;
    c.width = 32;
    c.layers = 2;
    c.heads = 4;
    c.vocabulary = 50;
    c.image_size = 16;
    c.patch = 8;
    c.vision_width = vision_width;
    c.vision_layers = 2;
    c.vision_heads = vision_heads;
    c.projection = 20;
    const ClipEncoder clip(c, Weights(part_of(weights(name), "encoder.")));
    clip.weights().check_complete(clip.ignored());
    EXPECT_LT(difference(clip.text_features(tokens, executor_), std::string(name) + ".text"), 1e-5);
    EXPECT_LT(difference(clip.image_features(uniform("pixels", {2, 3, 16, 16}), executor_),
                         std::string(name) + ".image"),
              1e-5);
    // The text model alone, out of the same file.
    const auto text = part_of(weights(name), "cond_stage_model.");
    EXPECT_TRUE(text->has("transformer.text_model.final_layer_norm.bias"));
  }
}

TEST_F(NetworksTest, Inception) {
  const InceptionEncoder inception({}, Weights(InitMode::shapes, 0));
  test::fill(inception.weights());
  const auto images = ((uniform("images", {1, 70, 90, 3}) + 1) * 127.999).to(at::kByte);
  ComputeAll compute;
  const auto out = inception.encode({{"images", images}}, Step(executor_, compute, 0));
  for (const auto& [name, value] : out) EXPECT_LT(difference(value, "inception." + name), 1e-5);
}

TEST_F(NetworksTest, FullSizesHaveTheReferencesNamesAndShapes) {
  for (const char* name : {"ldm4-imagenet", "ldm4-bedroom", "ldm8-church", "sd14", "dit-xl-2",
                           "ddpm-cifar10", "clip-vit-b-32", "inception-v3-fid"}) {
    const auto file = fmt::format("{}/configs/model/{}.yaml", CQ_SOURCE_DIR, name);
    const Model built(config::read_yaml(config::read_yaml_text(file), file), nullptr,
                      InitMode::shapes, 0);
    const auto& weights =
        built.has_network() ? built.network().weights() : built.encoder().weights();
    EXPECT_EQ(std::to_string(weights.named().size()),
              golden_.metadata().at(std::string(name) + ".count"));
    EXPECT_EQ(test::product_hash(weights), golden_.metadata().at(std::string(name) + ".hash"))
        << name;
  }
}

TEST_F(NetworksTest, LayoutsTranslateBothWays) {
  for (const auto& [name, changes] : {std::pair{"heads", heads_}, std::pair{"plain", plain_}}) {
    const auto modules = to_diffusers(*weights(name), 16);
    const auto path = folder_ / "translated.safetensors";
    write_safetensors(path, modules.at("unet"));
    EXPECT_NE(open_weights(path)->description().find("diffusers"), std::string::npos);
    EXPECT_LT(check_unet(changes, open_weights(path), name), 1e-5);
    write_safetensors(folder_ / "back.safetensors", to_compvis(*open_weights(path), 16));
    const auto back = open_weights(folder_ / "back.safetensors"), first = weights(name);
    EXPECT_EQ(back->names(), first->names());
    for (const auto& key : back->names()) {
      EXPECT_EQ(back->get(key).sizes(), first->get(key).sizes()) << key;
    }
    EXPECT_LT(check_unet(changes, back, name), 1e-5);
  }
  // The names are those that diffusers itself has.
  const auto unet = to_diffusers(*weights("heads"), 16).at("unet");
  const auto keys = Json::parse(golden_.metadata().at("diffusers-heads.keys"));
  EXPECT_EQ(unet.size(), keys.size());
  for (const auto& [key, value] : unet) {
    ASSERT_TRUE(keys.contains(key)) << key;
    EXPECT_EQ(value.sizes().vec(), keys.at(key).get<std::vector<int64_t>>()) << key;
  }
}

TEST_F(NetworksTest, AutoencodersTranslateBothWays) {
  const auto source = weights("diffusers-kl");
  const auto path = folder_ / "compvis.safetensors";
  write_safetensors(path, to_compvis(*source, 32));
  const auto again = to_diffusers(*open_weights(path), 32).at("vae");
  const auto keys = Json::parse(golden_.metadata().at("diffusers-kl.keys"));
  EXPECT_EQ(again.size(), keys.size());
  for (const auto& [key, value] : again) {
    ASSERT_TRUE(keys.contains(key)) << key;
    EXPECT_EQ(test::difference(value, test::weight(key, value.sizes())), 0) << key;
  }
}

TEST_F(NetworksTest, NetworksWithoutAClassInDiffusersAreRefused) {
  EXPECT_THROW(to_diffusers(*weights("resampling"), 32), RunError);
  EXPECT_THROW(to_diffusers(*weights("ddpm"), 32), RunError);
}

TEST_F(NetworksTest, FaultsNameKeysAndLayout) {
  auto keys = Json::parse(golden_.metadata().at("dit.keys"));
  std::vector<std::pair<std::string, at::Tensor>> tensors{{"surplus", at::ones({1})}};
  for (const auto& [key, shape] : keys.items()) {
    auto sizes = shape.get<std::vector<int64_t>>();
    if (key == "blocks.0.attn.proj.bias") continue;
    if (key == "blocks.1.attn.proj.bias") sizes[0] += 1;
    tensors.emplace_back(key, at::zeros(sizes));
  }
  write_safetensors(folder_ / "bad.safetensors", tensors);
  try {
    model({{"network", dit_}}, open_weights(folder_ / "bad.safetensors"));
    FAIL() << "expected a RunError";
  } catch (const RunError& error) {
    const std::string text = error.what();
    for (const char* part :
         {"layout: DiT", "missing blocks.0.attn.proj.bias",
          "blocks.1.attn.proj.bias has shape [49], expected [48]", "unknown surplus"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
    }
  }
}

}  // namespace
}  // namespace cq
