#!/usr/bin/env python3
"""Writes the small torch checkpoints of tests/io/data with Python's own pickle and zipfile.

The classes below stand in for torch's: pickle stores only their names and arguments, so the bytes
are those of torch.save (see torch/serialization.py), without torch being installed.
Usage: make_torch_files.py FOLDER
"""
import argparse
import collections
import io
import pickle
import struct
import sys
import types
import zipfile
from pathlib import Path


def module(name):
    made = types.ModuleType(name)
    sys.modules[name] = made
    return made


TORCH = module("torch")
UTILS = module("torch._utils")
LIGHTNING = module("lightning_callbacks")


def stand_in(where, name, kind=type):
    made = type(name, (), {}) if kind is type else kind
    made.__module__ = where.__name__
    made.__qualname__ = made.__name__ = name
    setattr(where, name, made)
    return made


TYPES = {
    name: stand_in(TORCH, name)
    for name in ("FloatStorage", "HalfStorage", "BFloat16Storage", "LongStorage", "BoolStorage")
}
ModelCheckpoint = stand_in(LIGHTNING, "ModelCheckpoint")


def rebuild_tensor(*_):
    raise NotImplementedError


def rebuild_parameter(*_):
    raise NotImplementedError


stand_in(UTILS, "_rebuild_tensor_v2", rebuild_tensor)
stand_in(UTILS, "_rebuild_parameter", rebuild_parameter)


class Storage:
    def __init__(self, kind, key, data, numel, device="cpu"):
        self.kind, self.key, self.data, self.numel, self.device = kind, key, data, numel, device


class Tensor:
    def __init__(self, storage, offset, size, stride):
        self.args = (storage, offset, size, stride, False, collections.OrderedDict())

    def __reduce__(self):
        return UTILS._rebuild_tensor_v2, self.args


class Parameter:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        return UTILS._rebuild_parameter, (self.tensor, True, collections.OrderedDict())


class Pickler(pickle.Pickler):
    def __init__(self, file, legacy):
        super().__init__(file, protocol=2)
        self.legacy, self.storages = legacy, {}

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        self.storages[obj.key] = obj
        view = (None,) if self.legacy else ()
        return ("storage", TYPES[obj.kind], obj.key, obj.device, obj.numel) + view


def save_zip(path, obj, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    pickler = Pickler(buffer, legacy=False)
    pickler.dump(obj)
    with zipfile.ZipFile(path, "w", compression) as out:

        def add(name, data):
            info = zipfile.ZipInfo("archive/" + name, (1980, 1, 1, 0, 0, 0))
            out.writestr(info, data, compress_type=compression)

        add("data.pkl", buffer.getvalue())
        add("byteorder", "little")
        for key, storage in pickler.storages.items():
            add("data/" + key, storage.data)
        add("version", "3\n")


def save_legacy(path, obj):
    buffer = io.BytesIO()
    pickler = Pickler(buffer, legacy=True)
    pickler.dump(obj)
    with open(path, "wb") as out:
        pickle.dump(0x1950A86A20F9469CFC6C, out, protocol=2)
        pickle.dump(1001, out, protocol=2)
        system = {"protocol_version": 1001, "little_endian": True,
                  "type_sizes": {"short": 2, "int": 4, "long": 4}}
        pickle.dump(system, out, protocol=2)
        out.write(buffer.getvalue())
        keys = sorted(pickler.storages)
        pickle.dump(keys, out, protocol=2)
        for key in keys:
            out.write(struct.pack("<q", pickler.storages[key].numel))
            out.write(pickler.storages[key].data)


def example(device="cpu"):
    """float 0..11 as a matrix, its transpose, a column and a row that share one storage; others."""
    floats = Storage("FloatStorage", "0", struct.pack("<12f", *range(12)), 12, device)
    longs = Storage("LongStorage", "1", struct.pack("<3q", 7, -8, 9), 3)
    bfloats = Storage("BFloat16Storage", "2", struct.pack("<2H", 0x3FC0, 0xC000), 2)
    return collections.OrderedDict([
        ("state_dict", collections.OrderedDict([
            ("conv.weight", Parameter(Tensor(floats, 0, (3, 4), (4, 1)))),
            ("conv.transposed", Tensor(floats, 0, (4, 3), (1, 4))),
            ("column", Tensor(floats, 1, (3,), (4,))),
        ])),
        ("list", [Tensor(longs, 0, (3,), (1,)), (Tensor(bfloats, 0, (2,), (1,)), "text")]),
        ("epoch", 3), ("lr", 1e-4), ("big", 1 << 80), ("flag", True), ("nothing", None),
        ("tags", {"a", "b"}), ("raw", b"\x00\x01"),
        ("scalar", Tensor(longs, 2, (), ())),
    ])


class Call:
    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    save_zip(folder / "zip.pt", example())
    save_zip(folder / "deflated.pt", example(), zipfile.ZIP_DEFLATED)
    save_zip(folder / "cuda.pt", example("cuda:0"))
    save_legacy(folder / "legacy.pt", example())
    tensor = example()["state_dict"]["column"]
    lightning = {"callbacks": {ModelCheckpoint: {"best": tensor}}, "state_dict": {"w": tensor},
                 "args": argparse.Namespace(lr=0.1, batch=4)}
    save_zip(folder / "lightning.ckpt", lightning)
    save_zip(folder / "system.pt", {"w": tensor, "x": Call(__import__("os").system, "true")})
    save_legacy(folder / "system_legacy.pt", {"w": tensor, "x": Call(eval, "1")})
    save_zip(folder / "class_value.pt", {"w": tensor, "x": ModelCheckpoint})
    save_zip(folder / "function_key.pt", {"w": tensor, print: 1})
    floats = example()["state_dict"]["column"].args[0]
    save_zip(folder / "outside.pt", {"w": Tensor(floats, 10, (3,), (1,))})
    save_zip(folder / "negative.pt", {"w": Tensor(floats, 4, (3,), (-1,))})
    save_zip(folder / "expanded.pt", {"w": Tensor(floats, 0, (1 << 30,), (0,))})
    loop = []
    loop.append(loop)
    save_zip(folder / "loop.pt", loop)
    laughs = [tensor]
    for _ in range(60):
        laughs = [laughs, laughs]
    save_zip(folder / "laughs.pt", laughs)
    damaged = bytearray((folder / "zip.pt").read_bytes())
    damaged[damaged.index(struct.pack("<3f", 5, 6, 7))] ^= 1
    (folder / "flipped.pt").write_bytes(damaged)


main()
