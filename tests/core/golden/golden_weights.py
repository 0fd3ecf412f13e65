"""Weights and inputs as a formula of names and positions, the same as in golden_weights.h, so that
expected values can be committed without the weights they belong to."""
import math

import numpy as np


def uniform(name, shape):
    """float32 in -1..1: a hash of the position, seeded by FNV-1a of the name."""
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 % 2**32
    count = math.prod(shape)
    x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed)
    for _ in range(2):
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x45D9F3B)
    x ^= x >> np.uint32(16)
    values = x.astype(np.float64) / 2**31 - 1
    return values.astype(np.float32).reshape(shape)


def weight(name, shape):
    """Products keep the variance of their input; norms scale by about 1; biases are small."""
    u = uniform(name, shape)
    if len(shape) >= 2:
        return u * np.float32(math.sqrt(3 * shape[0] / math.prod(shape)))
    about_one = name.endswith(("weight", "running_var"))
    return 1 + np.float32(0.2) * u if about_one else np.float32(0.1) * u


def fill(module, prefix=""):
    """Gives every parameter of a torch module its value."""
    import torch
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                drawn = np.asarray(weight(prefix + name, tuple(value.shape)))
                value.copy_(torch.from_numpy(drawn))
    return module.eval()


def key_hash(module):
    """SHA-256 of the sorted lines `name d0,d1,...` of a module's parameters."""
    return hash_of({name: tuple(p.shape) for name, p in module.named_parameters()})


def product_shape(shape):
    """Without the size of a 1x1 kernel, which layouts have in one, two or no dimensions."""
    shape = list(shape)
    while len(shape) > 2 and shape[-1] == 1:
        shape.pop()
    return shape


def hash_of(shapes):
    """SHA-256 of the sorted lines `name d0,d1,...`."""
    import hashlib
    lines = sorted(f"{name} {','.join(map(str, shape))}" for name, shape in shapes.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
