#!/usr/bin/env python3
"""Outputs of the resizes that published figures were made with, on two small sets of images.

    pip install numpy pillow torch
    pip install --no-deps torch-fidelity clean-fid torchvision
    python3 generate_resize.py

Writes resize.npz beside this file: for each set (`grow`, `shrink`) the images and what each
original makes of them at 31 x 31. TensorFlow 1's bilinear is torch-fidelity's port of it, which
its authors hold to be bit-exact.
"""
import importlib.util
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

HERE = Path(__file__).parent
SIZE = 31


def module(package, path):
    """One file of a package, without the imports of the rest."""
    root = Path(importlib.util.find_spec(package).origin).parent
    spec = importlib.util.spec_from_file_location(f"{package}_part", root / path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def main():
    tf1 = module("torch_fidelity", "interpolate_compat_tensorflow.py")
    clean = module("cleanfid", "resize.py").make_resizer("PIL", False, "bicubic", (SIZE, SIZE))
    from torchvision import transforms
    clip = transforms.Compose([transforms.Resize(SIZE, transforms.InterpolationMode.BICUBIC),
                               transforms.CenterCrop(SIZE), transforms.ToTensor()])
    rng = np.random.default_rng(0)
    arrays = {}
    for name, height, width in (("grow", 20, 13), ("shrink", 45, 38)):
        # Noise and flat saturated areas: the bicubic kernel overshoots at their edges.
        images = rng.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
        images[1, : height // 2] = 255
        images[1, height // 2:, : width // 2] = 0
        planes = torch.from_numpy(images).permute(0, 3, 1, 2).float()
        arrays[name] = images
        arrays[f"{name}.pytorch-fid"] = 2 * F.interpolate(
            planes / 255, size=(SIZE, SIZE), mode="bilinear", align_corners=False) - 1
        arrays[f"{name}.adm"] = (tf1.interpolate_bilinear_2d_like_tensorflow1x(
            planes, size=(SIZE, SIZE), align_corners=False) - 128) / 128
        arrays[f"{name}.clean"] = (torch.from_numpy(np.stack(
            [clean(image) for image in images])).permute(0, 3, 1, 2) - 128) / 128
        arrays[f"{name}.clip"] = torch.stack([clip(Image.fromarray(image)) for image in images])
        arrays[f"{name}.cmmd"] = F.interpolate(planes / 255, size=(SIZE, SIZE), mode="bicubic")
    np.savez_compressed(HERE / "resize.npz", **{k: np.ascontiguousarray(v) for k, v in arrays.items()})


if __name__ == "__main__":
    main()
