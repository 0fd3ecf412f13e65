#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets: small valid files of every format and feature.

Needs numpy and h5py. Usage: make_corpus.py (from the project's root, into tests/fuzz/corpus)
"""
import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).resolve().parent / "corpus"


def put(reader, name, data):
    folder = CORPUS / reader
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def safetensors(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def make_safetensors():
    entry = lambda dtype, shape, begin, end: {
        "dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    put("safetensors", "empty", safetensors({}, b""))
    put("safetensors", "two", safetensors(
        {"__metadata__": {"format": "pt"}, "a": entry("F32", [2, 3], 0, 24),
         "b": entry("BOOL", [5], 24, 29), "c": entry("BF16", [], 29, 31),
         "d": entry("I64", [0, 4], 31, 31)}, bytes(24) + b"\1\0\1\0\1" + b"\0\1"))
    put("safetensors", "types", safetensors(
        {t: entry(t, [1], 8 * i, 8 * i + 8) for i, t in enumerate(("F64", "I64", "U64"))},
        bytes(24)))
    put("safetensors", "escapes", safetensors({"\u00e9\n\"": entry("U8", [1], 0, 1)}, b"x"))


def npy(array, version=None):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version)
    return buffer.getvalue()


def make_arrays():
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    for name, data in {
            "f4": npy(x), "fortran": npy(np.asfortranarray(x)), "big": npy(x.astype(">f4")),
            "v2": npy(x, (2, 0)), "v3": npy(x, (3, 0)), "scalar": npy(np.float64(1)),
            "u1": npy(np.arange(5, dtype=np.uint8)), "bool": npy(np.array([True, False])),
            "half": npy(x.astype(np.float16)), "empty": npy(np.zeros((0, 3), np.int64))}.items():
        put("npy", name, data)
    for name, save in {"stored": np.savez, "deflated": np.savez_compressed}.items():
        buffer = io.BytesIO()
        save(buffer, a=x, b=np.arange(3))
        put("npz", name, buffer.getvalue())


def make_images():
    put("image_header", "png", b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5B", 13, b"IHDR", 4, 3, 8,
                                                                2, 0, 0, 0) + b"....IEND")
    put("image_header", "jpeg", b"\xff\xd8\xff\xe0\0\4JF\xff\xc0\0\x11\x08\0\3\0\4\3" + bytes(9) +
        b"\xff\xd9")
    put("image_header", "bmp", b"BM" + bytes(12) + struct.pack("<Iii", 40, 4, -3) + bytes(40))
    for kind in (b"VP8 ", b"VP8L", b"VP8X"):
        put("image_header", kind.decode().strip().lower() + ".webp",
            b"RIFF\x30\0\0\0WEBP" + kind + b"\x20\0\0\0\x9d\x01\x2a" * 2 + bytes(24))


def make_hdf5():
    path = CORPUS / "trajectory" / "trajectory"
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        meta = file.create_group("meta")
        for name, value in {"schema": "cq-trajectory-1", "model": "m", "sampler": "ddim",
                            "config": "a: 1\n"}.items():
            meta.attrs.create(name, value, dtype=h5py.string_dtype())
        meta.attrs.create("steps", 2, dtype="<i8")
        meta.attrs.create("seed", 0, dtype="<i8")
        file["steps"] = np.array([501, 1], "<i8")
        file.create_dataset("features/cut.1", data=np.ones((2, 1, 2, 1, 1), "<f2"), shuffle=True,
                            chunks=(1, 1, 2, 1, 1), compression="gzip", maxshape=(2, None, 2, 1, 1))
        file["distance/l1"] = np.eye(2)
        for name, value in {"count": np.ones(2, "<i8"), "mean": np.ones((2, 2)),
                            "variance": np.ones((2, 2))}.items():
            file["statistics/cut.1/" + name] = value
    with h5py.File(CORPUS / "trajectory" / "plain", "w", libver="latest") as file:
        file["a/b"] = np.arange(3, dtype=">i2")
        file["text"] = "words"
        file["link"] = h5py.SoftLink("/a/b")
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/x")


def make_pickles():
    for path in sorted((ROOT / "tests/io/data").iterdir()):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                inner = [n for n in archive.namelist() if n.endswith("data.pkl")]
                put("pickle", path.stem + ".pkl", archive.read(inner[0]))
    value = {"a": [1, -2, 3.5, None, True, 1 << 70], "b": ("x", b"y", {1, 2}, frozenset("z"))}
    for protocol in range(6):
        put("pickle", f"plain{protocol}.pkl", pickle.dumps(value, protocol))


def make_yaml():
    for name in ("smoke.yaml", "sample.yaml", "model/sd14.yaml"):
        put("yaml", Path(name).name, (ROOT / "configs" / name).read_bytes())
    put("yaml", "forms.yaml", b"""# comment
a: &x {k: [1, 2.5e-3, .inf, ~, yes, 0x1f, '''q''', "esc\\n\\u00e9"], ? complex : v}
b: *x
c: |2-
   block
d: >+
  folded

  text
<<: *x
""")


def make_overrides():
    for i, text in enumerate((
            "a.b=1", "+a=2.5e-3", "++a.b_c={x: [1, 'q', \"r\"], 'k': null}", "~a", "~a=true",
            "quant@pkg=w8a8", "+quant@a.b=[w8a8,none]", "a=1,2,x", "a=choice(1,'b',[c])",
            "a=range(1,10,3)", "a=range(0.1, 1, step=0.1)", "a=interval(0,1)",
            "quant=glob(w*, exclude=[w4*,n?ne])", "a=sort(3,1,2,reverse=true)", "a=shuffle(1,2,3)",
            "a=shuffle(range(3))", "a=int('3'),float(2)", "a=str([1,{b:c}])", "a=bool(yes)",
            "a=json_str({b:[1,2]})", "a=sort(choice(b,a))", "a=tag(x,y,choice(1,2))",
            "a=extend_list(1,2)", r"a='it\'s'", r"a=x\,\ y\\", "a=${b.c}/${oc.env:H,d}", "a=",
            "a=.inf,-inf,nan,0x1f,1_000,-0", "a=http://x.y/?z=1:2%3", "hydra.run.dir=a b")):
        put("override", f"{i:02}", text.encode())


for make in (make_safetensors, make_arrays, make_images, make_hdf5, make_pickles, make_yaml,
             make_overrides):
    make()
