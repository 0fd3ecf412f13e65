"""Writes autoencoders.safetensors: what CompVis' first stages give for narrowed configurations.

    make_autoencoders.py LATENT_DIFFUSION TAMING_TRANSFORMERS [OUT]

The folders hold the sources of github.com/CompVis/latent-diffusion and .../taming-transformers.
Needs torch, numpy, einops and safetensors."""
import pathlib
import sys

import torch
from safetensors.torch import save_file

from golden_weights import fill, key_hash, uniform

sys.path[:0] = sys.argv[1:3]
from ldm.modules.diffusionmodules.model import Decoder, Encoder  # noqa: E402
from taming.modules.vqvae.quantize import VectorQuantizer2  # noqa: E402


def dd(ch, mult, blocks, z, double, attention=()):
    return dict(ch=ch, out_ch=3, ch_mult=mult, num_res_blocks=blocks, attn_resolutions=attention,
                dropout=0.0, in_channels=3, resolution=16, z_channels=z, double_z=double)


class Kl(torch.nn.Module):
    def __init__(self, config, embed):
        super().__init__()
        z = config["z_channels"]
        self.encoder, self.decoder = Encoder(**config), Decoder(**config)
        self.quant_conv = torch.nn.Conv2d(2 * z, 2 * embed, 1)
        self.post_quant_conv = torch.nn.Conv2d(embed, z, 1)

    def moments(self, x):
        return self.quant_conv(self.encoder(x))

    def decode(self, z):
        return self.decoder(self.post_quant_conv(z))


class Vq(torch.nn.Module):
    def __init__(self, config, embed, codes):
        super().__init__()
        z = config["z_channels"]
        self.encoder, self.decoder = Encoder(**config), Decoder(**config)
        self.quantize = VectorQuantizer2(codes, embed, beta=0.25)
        self.quant_conv = torch.nn.Conv2d(z, embed, 1)
        self.post_quant_conv = torch.nn.Conv2d(embed, z, 1)

    def encode(self, x):
        return self.quant_conv(self.encoder(x))

    def decode(self, z):
        return self.decoder(self.post_quant_conv(self.quantize(z)[0]))


def tensor(name, *shape):
    return torch.from_numpy(uniform(name, shape))


def main():
    out = pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else __file__).parent
    x = tensor("x", 2, 3, 16, 16)
    # Resolution 16: attention there is factor 1, at 8 factor 2.
    kl = fill(Kl(dd(32, (1, 2), 1, 4, True), 4))
    attended = fill(Kl(dd(32, (1, 2), 1, 5, True, attention=[8]), 4))
    vq = fill(Vq(dd(32, (1, 2), 1, 3, False), 3, 64))
    with torch.no_grad():
        values = {
            "kl.moments": kl.moments(x),
            "kl.image": kl.decode(tensor("z", 2, 4, 8, 8)),
            "attended.moments": attended.moments(x),
            "attended.image": attended.decode(tensor("z", 2, 4, 8, 8)),
            "vq.latent": vq.encode(x),
            "vq.codes": vq.quantize(tensor("z", 2, 3, 8, 8) * 2)[0],
            "vq.image": vq.decode(tensor("z", 2, 3, 8, 8) * 2),
        }
        hashes = {
            "kl-f8": key_hash(Kl(dd(128, (1, 2, 4, 4), 2, 4, True), 4)),
            "vq-f4": key_hash(Vq(dd(128, (1, 2, 4), 2, 3, False), 3, 8192)),
        }
    save_file({name: value.contiguous() for name, value in values.items()},
              out / "autoencoders.safetensors", metadata=hashes)
    print(hashes, {name: value.abs().mean().item() for name, value in values.items()})


main()
