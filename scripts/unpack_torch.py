#!/usr/bin/env python3
"""Unpacks the C++ half of a torch wheel and the CUDA libraries it is linked with.

usage: unpack_torch.py WHEELS_DIR OUT_DIR

libtorch_cpu.so looks for them in $ORIGIN/../../nvidia/cu13/lib, so the wheels' layout is kept.
"""
import os
import re
import sys
import time
import zipfile

WANTED = re.compile(
    r"torch/include/.*"
    r"|torch/lib/lib(torch_cpu|c10)\.so|torch/lib/libgomp[^/]*\.so[^/]*"
    r"|nvidia/cu13/lib/lib(cudart|cupti)\.so\.13")
NEEDED = ["torch/include/ATen/core/Tensor.h", "torch/lib/libtorch_cpu.so", "torch/lib/libc10.so",
          "torch/lib/libgomp.so.1", "nvidia/cu13/lib/libcudart.so.13",
          "nvidia/cu13/lib/libcupti.so.13"]


def extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, out: str) -> None:
    path = archive.extract(member, out)
    if member.is_dir():
        return
    os.chmod(path, 0o644)
    # The archive's own time: unpacking the same wheel again must not cause a full rebuild.
    stamp = time.mktime(member.date_time + (0, 0, -1))
    os.utime(path, (stamp, stamp))


def main() -> int:
    wheels, out = sys.argv[1:]
    for name in sorted(os.listdir(wheels)):
        with zipfile.ZipFile(os.path.join(wheels, name)) as archive:
            for member in archive.infolist():
                if WANTED.fullmatch(member.filename):
                    extract(archive, member, out)
    missing = [name for name in NEEDED if not os.path.exists(os.path.join(out, name))]
    if missing:
        print(f"the wheels in {wheels} lack {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
