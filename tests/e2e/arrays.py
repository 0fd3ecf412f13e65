"""Arrays and images as files, with nothing but the standard library."""
import io
import math
import random
import struct
import zipfile
import zlib


def npy_header(shape, kind, fortran=False):
    header = f"{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {tuple(shape)}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


def extended(value):
    """A finite number in the 80 bits of x86 (little-endian), padded to 16 bytes."""
    fraction, exponent = math.frexp(abs(value))
    biased = exponent + 16382 if value else 0
    if math.copysign(1, value) < 0:
        biased |= 0x8000
    return struct.pack("<QH6x", int(fraction * 2**64), biased)


def npy(values, shape, kind="<f4", fortran=False):
    """Bytes of a .npy file, version 1; `fortran`: of a matrix, whose values come row by row."""
    if fortran:
        values = [values[i] for column in range(shape[1])
                  for i in range(column, len(values), shape[1])]
    if kind[1:] == "f16":
        return npy_header(shape, kind, fortran) + b"".join(
            extended(v)[::-1 if kind[0] == ">" else 1] for v in values)
    code = {"f2": "e", "f4": "f", "f8": "d", "i4": "i", "i8": "q", "u1": "B"}[kind[-2:]]
    order = ">" if kind[0] == ">" else "<"
    return npy_header(shape, kind, fortran) + struct.pack(f"{order}{len(values)}{code}", *values)


def npz(arrays, compressed=False):
    """Bytes of a .npz of {name: bytes of a .npy}."""
    out = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in arrays.items():
            archive.writestr(name + ".npy", data)
    return out.getvalue()


def normal(seed, rows, width, shift=0.0):
    draw = random.Random(seed)
    return [draw.gauss(shift, 1) for _ in range(rows * width)]


def png(seed, height, width):
    """Bytes of an RGB image of noise."""
    draw = random.Random(seed)
    return png_of([draw.randbytes(3 * width) for _ in range(height)])


def png_of(rows):
    """Bytes of an RGB image of given rows."""
    height, width = len(rows), len(rows[0]) // 3
    rows = b"".join(b"\0" + row for row in rows)

    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
