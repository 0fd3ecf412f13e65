"""Writes clip_text.safetensors: what Hugging Face's CLIPTextModel gives for a narrowed
configuration.

    make_clip_text.py [OUT]

Needs torch, transformers and safetensors."""
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from golden_weights import uniform, weight


def build(**sizes):
    return CLIPTextModel(CLIPTextConfig(hidden_act="quick_gelu", **sizes)).eval()


def short(name):
    """Older versions of transformers keep the text model below `text_model`."""
    return name.removeprefix("text_model.")


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).parent
    model = build(vocab_size=50, hidden_size=32, intermediate_size=128, num_hidden_layers=2,
                  num_attention_heads=4, max_position_embeddings=9)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            shape = tuple(parameter.shape)
            parameter.copy_(torch.from_numpy(weight(short(name), shape)))
        tokens = torch.from_numpy((uniform("tokens", (3, 9)) * 25 + 25).astype("int64"))
        hidden = model(tokens).last_hidden_state
    save_file({"hidden": hidden.contiguous()}, out / "clip_text.safetensors")
    print(hidden.abs().mean())


main()
