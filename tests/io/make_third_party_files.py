#!/usr/bin/env python3
"""Writes tests/io/third_party with torch 2.11 and the safetensors package 0.8: the same tensors in
every format. Usage: make_third_party_files.py FOLDER"""
import pathlib
import sys

import torch
from safetensors.torch import save_file


class Callback:
    """Lightning keys the states of its callbacks by their classes."""


def tensors():
    whole = torch.arange(12, dtype=torch.float32).view(3, 4)
    return {"float32": whole, "transposed": whole.t(), "part": whole[1:, 1:3],
            "float64": whole.double(), "float16": whole.half(), "bfloat16": whole.bfloat16(),
            "int64": whole.long(), "int32": whole.int(), "uint8": whole.byte(),
            "bool": whole % 2 == 1, "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4)}


def later():
    """Lazy views, which are saved with a bit instead of their values, and types without a storage
    class of their own."""
    def lazy():
        return torch.tensor([1 + 2j, 3 - 4j], dtype=torch.complex64).conj()

    state = {"conjugate": lazy(), "negative": lazy().imag}
    for kind in ("uint16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2fnuz",
                 "float8_e8m0fnu"):
        state[kind] = torch.tensor([1.0, 2.0, 4.0]).to(getattr(torch, kind))
    return state


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    state = tensors()
    state["parameter"] = torch.nn.Parameter(state["float32"].clone())
    torch.save(state, folder / "torch_zip.pt")
    torch.save(state, folder / "torch_legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(later(), folder / "torch_later_zip.pt")
    torch.save(later(), folder / "torch_later_legacy.pt", _use_new_zipfile_serialization=False)
    layer = torch.nn.Linear(4, 3)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    torch.save({"epoch": 3, "global_step": 7, "pytorch-lightning_version": "1.4.2",
                "state_dict": {"weight": state["float32"]},
                "callbacks": {Callback: {"best_model_score": torch.tensor(2.5), "best": "a.ckpt"}},
                "optimizer_states": [optimizer.state_dict()], "lr_schedulers": [],
                "hyper_parameters": {"lr": 1e-4, "betas": (0.9, 0.999)}},
               folder / "lightning.ckpt")
    torch.jit.script(torch.nn.Linear(4, 3)).save(str(folder / "torchscript.pt"))
    save_file({name: value.detach().contiguous().clone() for name, value in state.items()},
              folder / "package.safetensors", metadata={"format": "pt"})


main()
