#!/usr/bin/env python3
"""Golden values of the metrics from published packages, on shared random inputs.

    pip install numpy scipy scikit-learn scikit-image prdc
    pip install --no-deps pytorch-fid torch-fidelity clean-fid
    python3 generate.py

Writes the inputs (*.npy) and golden.json beside this file. Only the packages' numeric functions are
called; they need no torch, so a stand-in satisfies their import lines where torch is missing.
"""
import importlib
import importlib.abc
import importlib.machinery
import json
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import prdc
import scipy.linalg
import scipy.special
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

HERE = Path(__file__).parent


class StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers every import below the given roots with a mock."""
    roots = ("torch", "torchvision", "tqdm", "requests")

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.roots:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = mock.MagicMock(name=spec.name)
        module.Module = module.Dataset = object
        module.Tensor = type("Tensor", (), {})  # scipy asks isinstance of it
        module.__path__, module.__spec__ = [], spec
        return module

    def exec_module(self, module):
        pass


try:
    import torch  # noqa: F401
except ImportError:
    sys.meta_path.insert(0, StandIn())

def features(seed, rows, width, shift, spread):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(width, width)) / np.sqrt(width)
    return (rng.normal(size=(rows, width)) @ mixing * spread + shift).astype(np.float32)


def frechet(x, y):
    """pytorch-fid's own function on float64 moments."""
    module = importlib.import_module("pytorch_fid.fid_score")
    x, y = x.astype(np.float64), y.astype(np.float64)
    return float(module.calculate_frechet_distance(
        x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False), eps=0))


def frechet_by_singular_values(x, y):
    """For fewer rows than columns, where sqrtm is not to be trusted."""
    def root(z):
        z = z.astype(np.float64)
        return (z - z.mean(0)) / np.sqrt(len(z) - 1)
    a, b = root(x), root(y)
    overlap = scipy.linalg.svdvals(a @ b.T).sum()
    shift = ((x.astype(np.float64).mean(0) - y.astype(np.float64).mean(0)) ** 2).sum()
    return float(shift + (a ** 2).sum() + (b ** 2).sum() - 2 * overlap)


def kernel_distance_all(x, y):
    x, y = x.astype(np.float64), y.astype(np.float64)
    d, m, n = x.shape[1], len(x), len(y)
    kernel = lambda a, b: (a @ b.T / d + 1) ** 3
    kxx, kyy, kxy = kernel(x, x), kernel(y, y), kernel(x, y)
    return float((kxx.sum() - np.trace(kxx)) / (m * (m - 1))
                 + (kyy.sum() - np.trace(kyy)) / (n * (n - 1)) - 2 * kxy.mean())


def kernel_distance_fidelity(x, y, subsets, size, seed):
    """torch-fidelity's kernel_mmd over its own draws."""
    module = importlib.import_module("torch_fidelity.metric_kid")
    rng = np.random.RandomState(seed)
    x, y = x.astype(np.float64), y.astype(np.float64)
    values = []
    for _ in range(subsets):
        a = x[rng.choice(len(x), size, replace=False)]
        b = y[rng.choice(len(y), size, replace=False)]
        values.append(module.kernel_mmd(a, b, kid_kernel="poly", kid_kernel_poly_degree=3,
                                        kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1.0))
    return float(np.mean(values)), float(np.std(values))


def inception_score(logits, splits, seed):
    """torch-fidelity's isc_features_to_metric in numpy."""
    logits = logits.astype(np.float64)
    if seed is not None:
        logits = logits[np.random.RandomState(seed).permutation(len(logits))]
    n = len(logits)
    scores = []
    for i in range(splits):
        part = logits[i * n // splits:(i + 1) * n // splits]
        log_p = part - scipy.special.logsumexp(part, axis=1, keepdims=True)
        p = np.exp(log_p)
        kl = (p * (log_p - np.log(p.mean(0)))).sum(1)
        scores.append(np.exp(kl.mean()))
    return float(np.mean(scores)), float(np.std(scores))


def main():
    golden = {}
    arrays = {
        "x": features(1, 300, 24, 0.3, 1.0), "y": features(2, 280, 24, 0.0, 1.2),
        "x_wide": features(3, 20, 64, 0.2, 1.0), "y_wide": features(4, 30, 64, 0.0, 1.0),
        "logits": np.random.default_rng(5).normal(size=(203, 10)).astype(np.float32) * 2,
    }
    x, y = arrays["x"], arrays["y"]
    golden["fid"] = frechet(x, y)
    golden["fid_wide"] = frechet_by_singular_values(arrays["x_wide"], arrays["y_wide"])
    golden["kid_all"] = kernel_distance_all(x, y)
    mean, std = kernel_distance_fidelity(x, y, 20, 100, 2020)
    golden["kid_subsets_in_order"] = {"mean": mean, "std": std, "subsets": 20, "size": 100, "seed": 2020}
    by_content = [z[np.lexsort(z.T[::-1])] for z in (x, y)]
    mean, std = kernel_distance_fidelity(*by_content, 20, 100, 2020)
    golden["kid_subsets_by_content"] = {"mean": mean, "std": std}
    for k in (3, 5):
        # prdc counts with open balls; no pair here lies on a border.
        golden[f"prdc_{k}"] = {key: float(value) for key, value in prdc.compute_prdc(
            real_features=y.astype(np.float64), fake_features=x.astype(np.float64),
            nearest_k=k).items()}
    for name, seed in (("none", None), ("2020", 2020)):
        mean, std = inception_score(arrays["logits"], 10, seed)
        golden[f"is_{name}"] = {"mean": mean, "std": std}
    golden["permutation_7_of_12"] = np.random.RandomState(7).permutation(12).tolist()

    rng = np.random.default_rng(6)
    ramp = np.linspace(0, 255, 40)[:, None, None] * np.ones((1, 36, 3))
    a = np.clip(ramp[None] + rng.normal(size=(4, 40, 36, 3)) * 20, 0, 255).astype(np.uint8)
    noise = rng.normal(size=a.shape) * np.array([3, 10, 30, 80])[:, None, None, None]
    b = np.clip(a + noise, 0, 255).astype(np.uint8)
    arrays["images_a"], arrays["images_b"] = a, b
    golden["psnr"] = [float(peak_signal_noise_ratio(p, q, data_range=255)) for p, q in zip(a, b)]
    golden["ssim"] = [float(structural_similarity(
        p.astype(np.float64), q.astype(np.float64), data_range=255, channel_axis=-1,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False)) for p, q in zip(a, b)]
    for name, array in arrays.items():
        np.save(HERE / f"{name}.npy", array)
    (HERE / "golden.json").write_text(json.dumps(golden, indent=2) + "\n")


if __name__ == "__main__":
    main()
