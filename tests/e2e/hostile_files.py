"""Hostile and damaged files of every format that is read, made from the standard library alone.

`cases()` yields (file name, bytes, expectation): "refuse" must end in an error that names the file,
"read" must be read, "any" may do either. `python3 hostile_files.py FOLDER` writes them all.
"""
import io
import json
import pathlib
import pickle
import random
import struct
import sys
import zipfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/io/data"
SEEDS = ROOT / "tests/fuzz/corpus"


# ---- safetensors

def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(1,), begin=0, end=4):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def safetensors_cases():
    good = safetensors({"a": entry(shape=[2], end=8)}, bytes(8))
    yield "good", good, "read"
    yield "spaces", safetensors(json.dumps({"a": entry()}).encode() + b"   ", bytes(4)), "read"
    for n in range(0, len(good), 5):
        yield f"cut_{n}", good[:n], "refuse"
    for length in (0, 1, 7, 100, 2**31, 2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1, 10**8, 10**8 + 1):
        yield f"length_{length}", safetensors({"a": entry()}, bytes(4), length), "refuse"
    for name, fields in {
            "overlap": {"a": entry(), "b": entry()},
            "partial_overlap": {"a": entry(shape=[2], end=8), "b": entry(begin=4, end=8)},
            "hole": {"a": entry(), "b": entry(begin=8, end=12)},
            "starts_late": {"a": entry(begin=4, end=8)},
            "backwards": {"a": entry(begin=4, end=0)},
            "beyond": {"a": entry(shape=[100], end=400)},
            "tail": {"a": entry(shape=[1], end=4)}}.items():
        yield name, safetensors(fields, bytes(8 if name == "tail" else 12)), "refuse"
    for name, fields in {
            "size_lies": entry(shape=[2]), "shape_huge": entry(shape=[2**62, 4]),
            "shape_wraps": entry(shape=[2**32, 2**32]), "shape_negative": entry(shape=[-1]),
            "shape_negatives": entry(shape=[-1, -1]), "shape_real": entry(shape=[1.0]),
            "shape_text": entry(shape=["1"]), "shape_above": entry(shape=[2**64]),
            "shape_null": dict(entry(), shape=None), "dtype_unknown": entry("F99"),
            "dtype_number": entry(4), "dtype_empty": entry(""), "dtype_lower": entry("f32"),
            "offset_negative": entry(begin=-4, end=0), "offset_real": entry(end=4.0),
            "offset_huge": entry(begin=2**64 - 4, end=2**64 - 1), "offset_text": entry(end="4"),
            "no_shape": {"dtype": "F32", "data_offsets": [0, 4]},
            "no_dtype": {"shape": [1], "data_offsets": [0, 4]},
            "no_offsets": {"dtype": "F32", "shape": [1]},
            "three_offsets": dict(entry(), data_offsets=[0, 2, 4]),
            "one_offset": dict(entry(), data_offsets=[4]), "is_list": [1], "is_null": None,
            "is_number": 3, "is_text": "x"}.items():
        yield name, safetensors({"a": fields}, bytes(4)), "refuse"
    for name, text in {
            "root_list": b"[]", "root_text": b'"x"', "not_json": b"{a}", "unfinished": b'{"a": ',
            "trailing": b"{} x", "two": b"{}{}", "comment": b"{/**/}", "nan": b'{"a": NaN}',
            "control": b'{"a\n": 1}', "bad_escape": b'{"\\x": 1}', "lone_surrogate": b'{"\\ud800": 1}',
            "latin1": b'{"caf\xe9": {"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
            "overlong": b'{"\xc0\x80": {"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
            "nul_inside": b'{"a":\0 1}', "metadata_list": b'{"__metadata__": []}',
            "metadata_nested": b'{"__metadata__": {"a": {}}}',
            "metadata_number": b'{"__metadata__": {"a": 1}}',
            "deep_lists": b'{"a": ' + b"[" * 100000 + b"]" * 100000 + b"}",
            "deep_dicts": b'{"a":' * 50000 + b"1" + b"}" * 50000,
            "long_number": b'{"a": {"dtype":"F32","shape":[' + b"9" * 100000
                           + b'],"data_offsets":[0,4]}}'}.items():
        yield name, safetensors(text, b""), "refuse"
    one = b'"dtype":"U8","shape":[1],"data_offsets":[0,1]'
    yield "twice", safetensors(b'{"a":{' + one + b'},"a":{' + one + b"}}", b"x"), "refuse"
    yield "field_twice", safetensors(b'{"a":{"dtype":"F32",' + one + b"}}", b"x"), "refuse"
    yield "escapes", safetensors({"a\x1b[31m\n": entry()}, bytes(4)), "read"
    yield "slashes", safetensors({"../../etc/passwd": entry(), "/abs": entry(begin=4, end=8)},
                                 bytes(8)), "read"
    yield "bool_values", safetensors({"a": entry("BOOL", [4])}, b"\0\1\2\xff"), "any"
    yield "many", safetensors({f"t{i}": entry("U8", [0], 0, 0) for i in range(20000)}), "any"
    yield "too_many", safetensors(
        b"{" + b",".join(b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % i
                         for i in range(300_000)) + b"}"), "refuse"
    yield "long_name", safetensors({"x" * 10**6: entry("U8", [0], 0, 0)}), "any"
    yield "rank", safetensors({"a": entry("U8", [1] * 1000, 0, 1)}, b"x"), "any"
    yield "zero_times_huge", safetensors({"a": entry("F32", [0, 2**62], 0, 0)}), "any"


# ---- pickles and what holds them

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


def legacy(body, keys=(), tail=b""):
    system = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"int": 4}}
    parts = [pickle.dumps(v, 2) for v in (MAGIC, PROTOCOL, system)]
    return b"".join(parts) + body + pickle.dumps(list(keys), 2) + tail


def archive(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as out:
        for name, data in members:
            out.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, compression)
    return buffer.getvalue()


def torch_zip(body, storages=(("0", bytes(16)),), **more):
    return archive([("archive/data.pkl", body), ("archive/version", "3\n")]
                   + [(f"archive/data/{key}", data) for key, data in storages], **more)


def tensor(offset=0, shape=(2,), strides=(1,), kind="FloatStorage", key="0", numel=4, extra=b""):
    """A pickle of {"w": tensor}, written by hand."""
    def number(value):
        return b"\x8a\x09" + struct.pack("<q", value) + (b"\xff" if value < 0 else b"\0")

    def numbers(values):
        return b"(" + b"".join(map(number, values)) + b"t"

    def text(value):
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    return (b"\x80\x02}" + text("w") + b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage")
            + b"ctorch\n" + kind.encode() + b"\n" + text(key) + text("cpu") + number(numel) + b"tQ"
            + number(offset) + numbers(shape) + numbers(strides) + b"\x89}tR" + b"s" + extra + b".")


def tensor_cases():
    yield "good", tensor(), "read"
    yield "scalar", tensor(0, (), ()), "read"
    yield "empty", tensor(0, (0,), (1,)), "read"
    yield "transposed", tensor(0, (2, 2), (1, 2)), "read"
    for name, arguments in {
            "stride_negative": (3, (2,), (-1,)), "stride_huge": (0, (2,), (2**62,)),
            "stride_wraps": (0, (3,), (2**63 - 1,)), "offset_negative": (-1,),
            "offset_huge": (2**62,), "offset_end": (3,), "shape_negative": (0, (-2,)),
            "shape_huge": (0, (2**62,)), "shape_wraps": (0, (2**32, 2**32), (1, 1)),
            "shape_wraps_zero_strides": (0, (2**32, 2**32), (0, 0)),
            "expanded": (0, (2**33,), (0,)), "fewer_strides": (0, (2, 2), (1,)),
            "more_strides": (0, (2,), (1, 1))}.items():
        yield name, tensor(*arguments), "refuse"
    for name, arguments in {
            "kind_unknown": dict(kind="StringStorage"), "kind_module": dict(kind="load"),
            "key_absent": dict(key="7"), "key_dots": dict(key="../version"),
            "key_nul": dict(key="0\0x"), "numel_negative": dict(numel=-1),
            "numel_lies": dict(numel=2**40), "kind_quantized": dict(kind="QInt8Storage"),
            "wider_type": dict(kind="ComplexDoubleStorage", shape=(4,))}.items():
        yield name, tensor(**arguments), "any" if name.startswith("numel") else "refuse"


def named_cases():
    """Names that safetensors cannot have."""
    def renamed(name):
        return tensor().replace(b"X\1\0\0\0w", b"X" + struct.pack("<I", len(name)) + name, 1)

    yield "name_not_utf8", renamed(b"a\xff"), "refuse"
    yield "name_surrogate", renamed(b"\xed\xa0\x80"), "refuse"
    yield "name_metadata", renamed(b"__metadata__"), "refuse"
    yield "conjugate_of_real", tensor().replace(b"\x89}tR", b"\x89}}X\4\0\0\0conj\x88stR"), "refuse"


def call(name, arguments=b"(X\4\0\0\0truet"):
    return b"\x80\x02c" + name.replace(".", "\n", 1).encode() + b"\n" + arguments + b"R."


def pickle_cases():
    for name in ("os.system", "posix.system", "builtins.eval", "builtins.exec", "builtins.open",
                 "builtins.getattr", "subprocess.Popen", "subprocess.check_output", "torch.load",
                 "torch.hub.load", "numpy.core.multiarray._reconstruct", "numpy.load",
                 "collections.Counter", "functools.partial", "operator.attrgetter", "pickle.loads",
                 "types.CodeType", "importlib.import_module", "shutil.rmtree", "socket.socket",
                 "torch.storage._load_from_bytes", "torch._utils._rebuild_sparse_tensor",
                 "torch._utils._rebuild_device_tensor_from_numpy", "webbrowser.open", "code.interact",
                 "pty.spawn", "ctypes.CDLL", "nt.system", "runpy._run_code", "asyncio.run"):
        yield "call_" + name, call(name), "refuse"
        inside = b"\x80\x02}X\1\0\0\0ac" + name.replace(".", "\n", 1).encode() + b"\nX\1\0\0\0xs."
        yield "unused_" + name, inside.replace(b"X\1\0\0\0xs.", b"s."), "refuse"
    yield "stack_global", b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.", "refuse"
    yield "instance", b"(X\4\0\0\0trueios\nsystem\n.", "refuse"
    yield "object", b"(cos\nsystem\nX\4\0\0\0trueo.", "refuse"
    yield "newobj", b"\x80\x02cos\nsystem\nX\4\0\0\0true\x85\x81.", "refuse"
    yield "newobj_ex", b"\x80\x04cos\nsystem\n)}\x92.", "refuse"
    yield "build_state", b"\x80\x02}cos\nsystem\nb.", "refuse"
    yield "persid_text", b"Pstorage\n.", "refuse"
    yield "persid_number", b"\x80\x02K\1Q.", "refuse"
    yield "extension", b"\x80\x02\x82\1.", "refuse"
    yield "next_buffer", b"\x80\x05\x97.", "refuse"
    for count in (2**31 - 1, 2**32 - 1):
        for op in (b"X", b"T", b"B", b"\x8b"):
            yield f"long_{op[0]:x}_{count}", b"\x80\x03" + op + struct.pack("<I", count), "refuse"
    for op in (b"\x8d", b"\x8e", b"\x96"):
        yield f"long8_{op[0]:x}", b"\x80\x05" + op + struct.pack("<Q", 2**63) + b"x.", "refuse"
    yield "frame", b"\x80\x04\x95" + struct.pack("<Q", 2**64 - 1) + b"}.", "any"
    yield "marks", b"\x80\x02" + b"(" * 3_000_000, "refuse"
    yield "deep_lists", b"\x80\x02" + b"]" * 500_000 + b"a" * 499_999 + b".", "any"
    yield "deep_tuples", b"\x80\x02)" + b"\x85" * 1_000_000 + b".", "any"
    yield "many_values", b"\x80\x02(" + b"N" * 5_000_000 + b"l.", "refuse"
    yield "dups", b"\x80\x02(N" + b"2" * 5_000_000 + b"l.", "refuse"
    laughs = b"\x80\x02]q\0" + b"".join(
        b"](h" + bytes([i]) + b"h" + bytes([i]) + b"eq" + bytes([i + 1]) for i in range(60))
    yield "laughs", laughs + b".", "any"
    yield "loop_list", b"\x80\x02]q\0h\0a.", "any"
    yield "loop_dict", b"\x80\x02}q\0X\1\0\0\0ah\0s.", "any"
    yield "memo_huge", b"\x80\x02N" + b"r\xff\xff\xff\xff" + b".", "any"
    yield "memo_absent", b"\x80\x02h\7.", "refuse"
    yield "empty_stack", b"\x80\x02.", "refuse"
    yield "underflow", b"\x80\x020.", "refuse"
    yield "no_mark", b"\x80\x02t.", "refuse"
    yield "two_left", b"\x80\x02NN.", "refuse"
    yield "no_stop", b"\x80\x02}", "refuse"
    yield "protocol_9", b"\x80\x09}.", "refuse"
    yield "opcode_ff", b"\x80\x02\xff.", "refuse"
    yield "long4_negative", b"\x80\x02\x8b\xff\xff\xff\xff.", "refuse"
    yield "int_text", b"I12x\n.", "refuse"
    yield "float_text", b"Fnot\n.", "refuse"
    yield "long_int", b"\x80\x02\x8a\xff" + bytes(255) + b".", "any"
    yield "digits", b"L" + b"9" * 1_000_000 + b"L\n.", "any"
    yield "odd_items", b"\x80\x02}(NNNu.", "refuse"
    yield "items_for_int", b"\x80\x02K\1(NNu.", "refuse"
    yield "append_to_none", b"\x80\x02NNa.", "refuse"
    yield "rebuild_no_arguments", call("torch._utils._rebuild_tensor_v2", b")"), "refuse"
    yield "rebuild_texts", call("torch._utils._rebuild_tensor_v2"), "refuse"


def torch_cases():
    for name, body, expected in list(tensor_cases()) + list(named_cases()):
        yield f"zip_tensor_{name}.pt", torch_zip(body), expected
        stream = legacy(body, ["0"], struct.pack("<q", 4) + bytes(16))
        if name not in ("key_dots", "key_nul", "key_absent"):
            yield f"legacy_tensor_{name}.pt", stream, expected
    for name, body, expected in pickle_cases():
        yield f"zip_{name}.pt", torch_zip(body, compression=zipfile.ZIP_DEFLATED), expected
        if len(body) < 100_000:
            yield f"legacy_{name}.pt", legacy(body), expected
    for count in (-1, 5, 2**40, 2**62):
        yield (f"legacy_count_{count}.pt",
               legacy(tensor(), ["0"], struct.pack("<q", count) + bytes(16)), "refuse")
    yield "legacy_no_storage.pt", legacy(tensor()), "refuse"
    yield "legacy_unknown_storage.pt", legacy(tensor(), ["0", "1"], bytes(64)), "refuse"
    yield "legacy_storage_twice.pt", legacy(tensor(), ["0", "0"], (struct.pack("<q", 4)
                                                               + bytes(16)) * 2), "refuse"
    yield "plain.pkl", pickle.dumps({"a": 1}), "refuse"
    for file in ("zip.pt", "legacy.pt", "lightning.ckpt"):
        whole = (DATA / file).read_bytes()
        for part in range(1, 12):
            yield f"cut_{part}_{file}", whole[:len(whole) * part // 12], "refuse"


# ---- zip containers

def zip_cases():
    body, weights = tensor(numel=4), bytes(range(16))
    good = torch_zip(body, [("0", weights)])
    yield "good.pt", good, "read"
    yield "deflated.pt", torch_zip(body, [("0", weights)], compression=zipfile.ZIP_DEFLATED), "read"
    yield "bzip2.pt", torch_zip(body, compression=zipfile.ZIP_BZIP2), "refuse"
    yield "lzma.pt", torch_zip(body, compression=zipfile.ZIP_LZMA), "refuse"
    at = good.index(weights)
    yield "wrong_crc.pt", good[:at] + b"\xff" + good[at + 1:], "refuse"
    at = good.index(b"_rebuild")
    yield "wrong_pickle_crc.pt", good[:at] + b"X" + good[at + 1:], "refuse"
    bomb = torch_zip(tensor(shape=(2**29,), numel=2**29), [("0", b"")])
    yield "short_storage.pt", bomb, "refuse"
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = b"".join(packed.compress(bytes(1 << 20)) for _ in range(600)) + packed.flush()
    yield "bomb.pt", forged_zip(body, zeros, 600 << 20), "refuse"
    yield "bomb_lies.pt", forged_zip(body, zeros, 16), "refuse"
    yield "pickle_bomb.pt", torch_zip(b"\x80\x02(" + b"N" * (80 << 20) + b"l.",
                                      compression=zipfile.ZIP_DEFLATED), "refuse"
    yield "end_of_ones.pt", good[:-22] + b"PK\5\6" + b"\xff" * 18, "refuse"
    central = good.index(b"PK\1\2")
    for name, offset, value in (("size", 24, 2**32 - 2), ("packed", 20, 2**32 - 2),
                                ("header", 42, 2**32 - 2), ("header_zero", 42, 1),
                                ("name_length", 28, 65535), ("flags", 8, 1)):
        where = central + offset
        width = "<H" if name in ("name_length", "flags") else "<I"
        forged = bytearray(good)
        struct.pack_into(width, forged, where, value)
        yield f"directory_{name}.pt", bytes(forged), "refuse"
    for count in (0, 1, 9, 65535):
        forged = bytearray(good)
        struct.pack_into("<HH", forged, len(good) - 14, count, count)
        yield f"count_{count}.pt", bytes(forged), "any"
    yield "twice.pt", archive([("archive/data.pkl", body), ("archive/data.pkk", body),
                               ("archive/data/0", weights)]).replace(b".pkk", b".pkl"), "refuse"
    yield "no_pickle.pt", archive([("archive/data/0", bytes(16))]), "refuse"
    yield "empty.zip", archive([]), "refuse"
    yield "script.pt", archive([("archive/data.pkl", body), ("archive/constants.pkl", b"."),
                                ("archive/code/x.py", "import os")]), "refuse"
    yield "big_endian.pt", archive([("archive/data.pkl", body), ("archive/byteorder", "big"),
                                    ("archive/data/0", bytes(16))]), "refuse"
    yield "name_latin1.pt", archive([("archive/data.pkl", body), ("archive/data/0", weights),
                                     ("archive/cafX", b"")]).replace(b"cafX", b"caf\xe9"), "any"
    yield "absolute.pt", archive([("/archive/data.pkl", body), ("/archive/data/0", weights),
                                  ("../../../tmp/cq-canary", b"x")]), "any"
    link = zipfile.ZipInfo("archive/data/0")
    link.external_attr = 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        out.writestr("archive/data.pkl", body)
        out.writestr(link, "/etc/passwd")
    yield "link.pt", buffer.getvalue(), "any"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for name, data in (("archive/data.pkl", body), ("archive/data/0", weights)):
            with out.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                member.write(data)
    yield "zip64.pt", buffer.getvalue(), "read"
    yield "prefixed.pt", b"junk" * 10 + good, "refuse"
    yield "overlapping.pt", overlapping(body), "refuse"


def forged_zip(body, packed, size):
    """A zip whose storage is deflated to `packed` and said to expand to `size` bytes."""
    def member(name, method, data, expanded, crc):
        head = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 33, crc, len(data), expanded, len(name),
                           0)
        return b"PK\3\4" + head + name + data, head

    out, central = b"", b""
    for name, method, data, expanded in ((b"archive/data.pkl", 0, body, len(body)),
                                         (b"archive/data/0", 8, packed, size)):
        crc = zlib.crc32(data) if method == 0 else 0
        local, head = member(name, method, data, expanded, crc)
        central += b"PK\1\2\x14\0" + head + struct.pack("<HHHII", 0, 0, 0, 0, len(out)) + name
        out += local
    return out + central + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 2, 2, len(central), len(out), 0)


def overlapping(body):
    """Many directory entries of one member."""
    one = archive([("archive/data.pkl", body), ("archive/data/0", bytes(1 << 16))])
    start = one.index(b"PK\1\2")
    end = one.index(b"PK\5\6")
    second = one.index(b"PK\1\2", start + 4)
    entries = one[start:end]
    for i in range(1, 200):
        entries += one[second:end].replace(b"data/0", b"data/" + bytes([48 + i % 75]))[:end - second]
    tail = struct.pack("<HHHHIIH", 0, 0, 201, 201, len(entries), start, 0)
    return one[:start] + entries + b"PK\5\6" + tail


# ---- arrays

def npy(header, data=b"", version=1, length=None):
    text = header if isinstance(header, bytes) else header.encode()
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", size) \
        + text + data


def npy_cases():
    form = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n"
    good = npy(form % ("<f4", "False", "(2,)"), bytes(8))
    yield "good", good, "read"
    for n in range(0, len(good), 6):
        yield f"cut_{n}", good[:n], "refuse"
    for name, fields in {
            "object": ("|O", "False", "(1,)"), "text": ("<U4", "False", "(1,)"),
            "bytes": ("|S4", "False", "(2,)"), "time": ("<M8[ns]", "False", "(1,)"),
            "half_width": ("<f3", "False", "(2,)"), "wide": ("<f16", "False", "(1,)"),
            "no_width": ("<f", "False", "(2,)"), "huge_width": ("<f4294967300", "False", "(2,)"),
            "empty_descr": ("", "False", "(2,)"), "shape_negative": ("<f4", "False", "(-2,)"),
            "shape_huge": ("<f4", "False", "(4611686018427387904, 4)"),
            "shape_wraps": ("<f4", "False", "(4294967296, 4294967296)"),
            "shape_above": ("<f4", "False", "(99999999999999999999,)"),
            "shape_long": ("<f4", "False", "(3,)"), "shape_short": ("<f4", "False", "(1,)"),
            "shape_list": ("<f4", "False", "[2]"), "shape_number": ("<f4", "False", "2"),
            "shape_call": ("<f4", "False", "(__import__('os').system('true'),)"),
            "order_number": ("<f4", "1", "(2,)"), "order_none": ("<f4", "None", "(2,)"),
            "rank": ("<f4", "False", "(" + "1, " * 20000 + ")")}.items():
        yield name, npy(form % fields, bytes(8)), "any" if name == "order_number" else "refuse"
    for name, text in {
            "no_shape": "{'descr': '<f4', 'fortran_order': False}\n", "empty": "", "brace": "{",
            "extra": "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}\n",
            "twice": "{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (2,)}\n",
            "record": "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}\n",
            "nested": "{'descr': " + "[" * 50000 + "]" * 50000 + "}\n",
            "nul": "{'descr': '<f4\0', 'fortran_order': False, 'shape': (2,)}\n"}.items():
        for version in (1, 2, 3):
            if len(text) < 65536 or version > 1:
                yield f"{name}_v{version}", npy(text, bytes(8), version), "refuse"
    for version in (0, 4, 255):
        yield f"version_{version}", npy(form % ("<f4", "False", "(2,)"), bytes(8), version), "refuse"
    for length in (0, 1, 2**31, 2**32 - 1):
        yield f"length_{length}", npy(form % ("<f4", "False", "(2,)"), bytes(8), 2, length), "refuse"


def npz_cases():
    form = b"{'descr': '<f4', 'fortran_order': False, 'shape': %s, }\n"
    yield "good", archive([("a.npy", npy(form % b"(2,)", bytes(8)))]), "read"
    yield "huge", archive([("a.npy", npy(form % b"(1099511627776,)", bytes(8)))]), "refuse"
    yield "slashes", archive([("../a.npy", npy(form % b"(2,)", bytes(8)))]), "any"
    yield "empty_member", archive([("a.npy", b"")]), "refuse"
    yield "pickled", archive([("a.npy", npy("{'descr': '|O', 'fortran_order': False, 'shape': (), }\n",
                                            call("os.system")))]), "refuse"
    for name, data, expected in npy_cases():
        if name.startswith(("shape", "object", "record", "version")):
            yield name, archive([("a.npy", data)], zipfile.ZIP_DEFLATED), expected


# ---- HDF5 and mutations of all

def hdf5_cases():
    for path in sorted((ROOT / "tests/io/hdf5_data").iterdir()):
        yield path.name, path.read_bytes(), "refuse" if path.name == "many.h5" else "any"
    for path in sorted((SEEDS / "trajectory").iterdir()):
        whole = path.read_bytes()
        yield f"{path.name}.h5", whole, "read" if path.name == "trajectory" else "any"
        for part in range(1, 10):
            yield f"{path.name}_cut_{part}.h5", whole[:len(whole) * part // 10], "any"


def mutations():
    generator = random.Random(1)
    for path in sorted(DATA.glob("*.*")) + sorted(SEEDS.glob("*/*")):
        if path.parent.name in ("yaml", "pickle", "image_header"):
            continue
        whole = path.read_bytes()
        for i in range(3):
            changed = bytearray(whole)
            for _ in range(generator.randint(1, 4)):
                at = generator.randrange(len(changed))
                changed[at] = generator.choice([0, 1, 0x7F, 0x80, 0xFF, generator.randrange(256)])
            yield f"{path.parent.name}_{path.name}_{i}", bytes(changed), "any"


def cases():
    for prefix, suffix, made in (("safetensors_", ".safetensors", safetensors_cases()),
                                 ("torch_", "", torch_cases()), ("zip_", "", zip_cases()),
                                 ("npz_", ".npz", npz_cases()), ("hdf5_", "", hdf5_cases()),
                                 ("mutated_", "", mutations())):
        for name, data, expected in made:
            yield prefix + name + suffix, data, expected


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for file, content, _ in cases():
        (folder / file).write_bytes(content)
