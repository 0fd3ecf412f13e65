#!/usr/bin/env python3
"""Writes the hostile HDF5 files of tests/io/hdf5_data. Needs h5py. Usage: make_hdf5_files.py FOLDER"""
import sys
from pathlib import Path

import h5py
import numpy as np


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)

    def file(name):
        return h5py.File(folder / name, "w")

    with file("unwritten.h5") as f:  # 4 TB of the fill value
        f.create_dataset("x", (1 << 40,), "<f4", chunks=(1024,))
    with file("bomb.h5") as f:  # two gigabytes of zeros in chunks that deflate a thousandfold
        x = f.create_dataset("x", (1 << 29,), "<f4", chunks=(1 << 18,), compression="gzip",
                             compression_opts=9)
        x[:1 << 24] = 0
    with file("many.h5") as f:  # each of them harmless
        for i in range(30):
            f.create_dataset(f"x{i}", (1 << 24,), "<f4", chunks=(1024,))
    with file("wide_chunk.h5") as f:  # one chunk of over a gigabyte
        f.create_dataset("x", (4,), "<f4", chunks=(300_000_000,), maxshape=(None,))
    with file("cycle.h5") as f:
        for name in "abc":
            f[f"g/{name}"] = f["g"] if "g" in f else f.create_group("g")
    with file("laughs.h5") as f:  # 2^30 paths
        group = f.create_group("g0")
        for i in range(1, 31):
            deeper = f.create_group(f"all/g{i}")
            group["a"] = group["b"] = deeper
            group = deeper
        group["x"] = np.zeros(1)
    with file("deep.h5") as f:
        group = f
        for _ in range(60):
            group = group.create_group("g")
        group["x"] = np.zeros(1)
    with file("elsewhere.h5") as f:
        f.create_dataset("x", (4,), "<f4", external=[("/etc/passwd", 0, 16)])
        f["link"] = h5py.ExternalLink("/etc/passwd", "/x")
        layout = h5py.VirtualLayout((4,), "<f4")
        layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
        f.create_virtual_dataset("virtual", layout)
    with file("types.h5") as f:
        f["text"] = "words"
        f["record"] = np.zeros(2, [("a", "<f4")])
        f.create_dataset("lists", (2,), h5py.vlen_dtype(np.float32))
        f["numbers"] = np.arange(3, dtype=">i2")
        f["name with\nline"] = np.zeros(1)


main()
