#!/usr/bin/env python3
"""Distances of the PyPI package `lpips` under weights that are a formula of their names.

    pip install numpy torch
    pip install --no-deps lpips torchvision tqdm
    python3 generate_lpips.py

Writes lpips.json beside this file: for both networks the distances of three pairs of images,
which are a formula as well (lpips_test.cc repeats it).
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "core" / "golden"))
from golden_weights import uniform, weight  # noqa: E402


def images(name, size):
    values = torch.from_numpy(np.floor((uniform(name, (3, size, size, 3)) + 1) * 127.5))
    return values.permute(0, 3, 1, 2) / 127.5 - 1


def main():
    import lpips
    golden = {}
    for net in ("alex", "vgg"):
        model = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                value = weight(name, tuple(parameter.shape))
                # The published heads hold no negative number.
                parameter.copy_(torch.from_numpy(abs(value) if name.startswith("lin") else value))
            values = model(images("images", 67), images("references", 67)).flatten()
        golden[net] = [float(v) for v in values]
    (HERE / "lpips.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
