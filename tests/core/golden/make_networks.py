"""Writes networks.safetensors: what the official networks give for narrowed configurations, and
the hashes of their names and shapes at full size.

    make_networks.py SOURCES [OUT]

SOURCES holds the sources of github.com/CompVis/latent-diffusion, facebookresearch/DiT,
ermongroup/ddim, mseitzer/pytorch-fid and openai/CLIP in folders by the repositories' names;
diffusers, transformers and torchvision are Python's own packages. Needs torch, numpy, einops, timm
and safetensors. Inputs and weights are formulas of names and positions (golden_weights.py); the
metadata holds each network's names and shapes as JSON."""
import importlib.util
import json
import pathlib
import sys
import types

import torch
from safetensors.torch import save_file

from golden_weights import fill, hash_of, product_shape, uniform

SOURCES = pathlib.Path(sys.argv[1])
CLIP_TEXT = dict(vocab_size=50, hidden_size=32, intermediate_size=128, num_hidden_layers=2,
                 num_attention_heads=4, max_position_embeddings=9)
CLIP_VISION = dict(image_size=16, patch_size=8, hidden_size=32, intermediate_size=128,
                   num_hidden_layers=2, num_attention_heads=2)
space = types.SimpleNamespace


def load(path, name):
    """A module from a file, apart from others of its name."""
    spec = importlib.util.spec_from_file_location(name, SOURCES / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tensor(name, *shape):
    return torch.from_numpy(uniform(name, shape))


def tokens(*shape):
    return (tensor("tokens", *shape) * 25 + 25).to(torch.int64)


class Golden:
    def __init__(self):
        self.values, self.metadata = {}, {}

    def add(self, name, module, call):
        """Keeps the outputs of `call(module)` by name, and the module's names and shapes."""
        fill(module)
        with torch.no_grad():
            for output, value in call(module).items():
                self.values[f"{name}.{output}"] = value.contiguous()
        self.metadata[f"{name}.keys"] = json.dumps(
            {k: list(v.shape) for k, v in module.state_dict().items() if v.is_floating_point()},
            separators=(",", ":"))

    def full_size(self, name, build):
        with torch.device("meta"):
            module = build()
        shapes = {k: product_shape(v.shape) for k, v in module.state_dict().items()
                  if not k.endswith(("num_batches_tracked", "position_ids"))}
        self.metadata[f"{name}.hash"] = hash_of(shapes)
        self.metadata[f"{name}.count"] = str(len(shapes))


T = torch.tensor([1, 700])


def unets(golden):
    sys.path.insert(0, str(SOURCES / "latent-diffusion"))
    from ldm.modules.diffusionmodules.openaimodel import TimestepEmbedSequential, UNetModel
    narrow = dict(image_size=8, in_channels=3, out_channels=3, model_channels=32,
                  num_res_blocks=1, channel_mult=[1, 2], attention_resolutions=[2])
    x, context = tensor("x", 2, 3, 8, 8), tensor("context", 2, 5, 24)
    crossed = narrow | dict(use_spatial_transformer=True, transformer_depth=1, context_dim=24)

    def run(model, **more):
        return {"out": model(x, T, **more)}
    golden.add("crossed", UNetModel(**crossed, num_heads=1), lambda m: run(m, context=context))
    golden.add("heads", UNetModel(**crossed, num_heads=4, legacy=False),
               lambda m: run(m, context=context))
    golden.add("plain", UNetModel(**narrow, num_head_channels=16), run)
    golden.add("resampling", UNetModel(**narrow, num_heads=4, use_scale_shift_norm=True,
                                       resblock_updown=True), run)
    bare = UNetModel(**crossed, num_heads=4, legacy=False)
    bare.middle_block = TimestepEmbedSequential()
    golden.add("bare", bare, lambda m: run(m, context=context))

    full = dict(image_size=64, in_channels=4, out_channels=4, num_res_blocks=2)
    pixels = dict(image_size=64, in_channels=3, out_channels=3, num_res_blocks=2,
                  attention_resolutions=[8, 4, 2])
    crossing = dict(use_spatial_transformer=True, transformer_depth=1)
    for name, config in {
            "ldm4-imagenet": pixels | crossing | dict(
                model_channels=192, channel_mult=[1, 2, 3, 5], num_heads=1, context_dim=512),
            "ldm4-bedroom": pixels | dict(model_channels=224, channel_mult=[1, 2, 3, 4],
                                          num_head_channels=32),
            "ldm8-church": full | dict(
                model_channels=192, channel_mult=[1, 2, 2, 4, 4], num_heads=8,
                attention_resolutions=[1, 2, 4, 8], use_scale_shift_norm=True,
                resblock_updown=True),
            "sd14": full | crossing | dict(
                model_channels=320, channel_mult=[1, 2, 4, 4], attention_resolutions=[4, 2, 1],
                num_heads=8, context_dim=768, legacy=False)}.items():
        golden.full_size(name, lambda config=config: UNetModel(**config))


def diffusers_unets(golden):
    from diffusers import UNet2DConditionModel, UNet2DModel
    x, context = tensor("x", 2, 3, 8, 8), tensor("context", 2, 5, 24)
    shared = dict(in_channels=3, out_channels=3, block_out_channels=[32, 64], layers_per_block=1,
                  flip_sin_to_cos=True, freq_shift=0, norm_eps=1e-5)
    golden.add("diffusers-heads",
               UNet2DConditionModel(**shared, cross_attention_dim=24, attention_head_dim=4,
                                    down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"],
                                    up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"]),
               lambda m: {"out": m(x, T, context).sample})
    golden.add("diffusers-bare",
               UNet2DConditionModel(**shared, cross_attention_dim=24, attention_head_dim=4,
                                    mid_block_type=None,
                                    down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"],
                                    up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"]),
               lambda m: {"out": m(x, T, context).sample})
    golden.add("diffusers-plain",
               UNet2DModel(**shared, attention_head_dim=16, downsample_padding=1,
                           down_block_types=["DownBlock2D", "AttnDownBlock2D"],
                           up_block_types=["AttnUpBlock2D", "UpBlock2D"]),
               lambda m: {"out": m(x, T).sample})


def diffusers_stages(golden):
    from diffusers import AutoencoderKL, VQModel
    shared = dict(block_out_channels=[32, 64], layers_per_block=1,
                  down_block_types=["DownEncoderBlock2D"] * 2,
                  up_block_types=["UpDecoderBlock2D"] * 2)
    x = tensor("x", 2, 3, 16, 16)
    golden.add("diffusers-kl", AutoencoderKL(**shared, latent_channels=4),
               lambda m: {"latent": m.encode(x).latent_dist.mean,
                          "image": m.decode(tensor("z", 2, 4, 8, 8)).sample})
    golden.add("diffusers-vq", VQModel(**shared, latent_channels=3, num_vq_embeddings=64),
               lambda m: {"latent": m.encode(x).latents,
                          "image": m.decode(tensor("z", 2, 3, 8, 8) * 2).sample})


def dit(golden):
    code = load("DiT/models.py", "dit_models")
    golden.add("dit", code.DiT(input_size=8, patch_size=2, hidden_size=48, depth=2, num_heads=3,
                               num_classes=10),
               lambda m: {"out": m(tensor("x", 2, 4, 8, 8), T, torch.tensor([3, 10]))})
    golden.full_size("dit-xl-2", lambda: code.DiT(depth=28, hidden_size=1152, patch_size=2,
                                                  num_heads=16))


def diffusers_dit(golden):
    """Every block has embedders of its own there; published weights hold the same in all."""
    from diffusers import DiTTransformer2DModel
    model = DiTTransformer2DModel(num_attention_heads=3, attention_head_dim=16, num_layers=2,
                                  out_channels=8, sample_size=8, num_embeds_ada_norm=10)
    for block in model.transformer_blocks[1:]:
        block.norm1.emb = model.transformer_blocks[0].norm1.emb
    golden.add("diffusers-dit", model,
               lambda m: {"out": m(tensor("x", 2, 4, 8, 8), T, torch.tensor([3, 10])).sample})


def ddpm(golden):
    code = load("ddim/models/diffusion.py", "ddim_models")

    def build(ch, mult, size):
        return code.Model(space(
            model=space(type="simple", in_channels=3, out_ch=3, ch=ch, ch_mult=mult,
                        num_res_blocks=2, attn_resolutions=[16], dropout=0.1,
                        resamp_with_conv=True),
            data=space(image_size=size), diffusion=space(num_diffusion_timesteps=1000)))
    golden.add("ddpm", build(32, [1, 2, 1], 32),
               lambda m: {"out": m(tensor("x", 1, 3, 32, 32), T[1:])[:, :, ::4, ::4]})
    golden.full_size("ddpm-cifar10", lambda: build(128, [1, 2, 2, 2], 32))


def clip(golden):
    from transformers import CLIPConfig, CLIPModel
    pixels = tensor("pixels", 2, 3, 16, 16)
    text = dict(**CLIP_TEXT, eos_token_id=49)
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=CLIP_VISION, projection_dim=20))
    ids = tokens(3, 9)
    ids[:, 6] = 49

    golden.add("hf-clip", model, lambda m: {"text": m.get_text_features(ids),
                                            "image": m.get_image_features(pixels)})
    code = load("CLIP/clip/model.py", "clip_model")

    def build(**sizes):
        return code.CLIP(**sizes).float()
    small = build(embed_dim=20, image_resolution=16, vision_layers=2, vision_width=64,
                  vision_patch_size=8, context_length=9, vocab_size=50, transformer_width=32,
                  transformer_heads=4, transformer_layers=2)
    golden.add("openai-clip", small, lambda m: {"text": m.encode_text(ids),
                                                "image": m.encode_image(pixels)})
    golden.full_size("clip-vit-b-32", lambda: CLIPModel(CLIPConfig()))


def inception(golden):
    import torchvision
    code = load("pytorch-fid/src/pytorch_fid/inception.py", "fid_inception")
    bare = torchvision.models.inception_v3(num_classes=1008, aux_logits=False, weights=None,
                                           init_weights=False)
    # The network is wanted with other weights than those it would fetch.
    code.load_state_dict_from_url = lambda *args, **kwargs: {
        name: torch.zeros(value.shape, dtype=value.dtype)
        for name, value in bare.state_dict().items()}
    network = fill(code.fid_inception_v3())
    code.fid_inception_v3 = lambda: network
    model = code.InceptionV3([3]).eval()
    kept = {}
    network.Mixed_6d.branch1x1.register_forward_hook(lambda m, args, out: kept.update(out=out))
    images = ((tensor("images", 1, 70, 90, 3) + 1) * 127.999).to(torch.uint8)
    with torch.no_grad():
        pool3 = model(images.permute(0, 3, 1, 2).float() / 255)[0].flatten(1)
    golden.values["inception.pool3"] = pool3
    golden.values["inception.logits_unbiased"] = pool3 @ network.fc.weight.detach().T
    golden.values["inception.spatial"] = kept["out"][:, :7].permute(0, 2, 3, 1).flatten(1)
    shapes = {k: product_shape(v.shape) for k, v in network.state_dict().items()
              if not k.endswith("num_batches_tracked")}
    golden.metadata["inception-v3-fid.hash"] = hash_of(shapes)
    golden.metadata["inception-v3-fid.count"] = str(len(shapes))


def main():
    out = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else __file__).parent
    golden = Golden()
    for make in (unets, diffusers_unets, diffusers_stages, dit, diffusers_dit, ddpm, clip, inception):
        make(golden)
    save_file({name: value.contiguous().clone() for name, value in golden.values.items()},
              out / "networks.safetensors", metadata=golden.metadata)
    for name, value in golden.values.items():
        print(name, list(value.shape), value.abs().mean().item())
    print({k: v for k, v in golden.metadata.items() if not k.endswith(".keys")})


main()
