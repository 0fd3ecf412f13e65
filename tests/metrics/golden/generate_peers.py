#!/usr/bin/env python3
"""What the published packages give for features that peers_test.cc draws as well: peers.json.

Needs numpy, scipy, torch, pytorch-fid 0.3.0, torch-fidelity 0.4.0, clean-fid 0.1.35, scikit-learn."""
import json
from pathlib import Path

import numpy as np
import torch
from cleanfid import fid as clean_fid
from pytorch_fid.fid_score import calculate_frechet_distance
from sklearn.metrics.pairwise import euclidean_distances, polynomial_kernel, rbf_kernel
from torch_fidelity import metric_fid, metric_isc, metric_kid, metric_prc

WIDTH = 256


def shared(seed, rows, width, spread):
    """Rectified, correlated by four common causes; the same numbers as Shared::features."""
    rng = np.random.RandomState(seed)
    own = rng.random_sample((rows, width))
    common = rng.random_sample((rows, 4))[:, np.arange(width) % 4]
    return np.maximum((own - 0.4) * spread + 0.5 * common, 0).astype(np.float32)


def frechet(x, y):
    moments = [m for z in (x, y) for m in (z.mean(0), np.cov(z, rowvar=False))]
    fidelity = metric_fid.fid_statistics_to_metric(
        *({"mu": m, "sigma": s} for m, s in zip(moments[::2], moments[1::2])), False)
    return {"pytorch-fid": float(calculate_frechet_distance(*moments)),
            "clean-fid": float(clean_fid.frechet_distance(*moments)),
            "torch-fidelity": float(next(iter(fidelity.values())))}


def kernel(x, y):
    """Sets of one size, whole: what is drawn does not matter."""
    fidelity = metric_kid.kid_features_to_metric(
        torch.from_numpy(x), torch.from_numpy(y), kid_subsets=1, kid_subset_size=len(x),
        kid_kernel="poly", kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1, rng_seed=1, verbose=False)
    return {"torch-fidelity": float(fidelity["kernel_inception_distance_mean"]),
            "clean-fid": float(clean_fid.kernel_distance(x, y, num_subsets=1, max_subset_size=10000))}


def kernel_sklearn(x, y):
    m, n = len(x), len(y)
    of = lambda a, b: polynomial_kernel(a, b, degree=3, gamma=1 / a.shape[1], coef0=1)
    xx, yy = of(x, x), of(y, y)
    return float((xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1))
                 - 2 * of(x, y).mean())


def cmmd_sklearn(x, y):
    of = lambda a, b: rbf_kernel(a, b, gamma=1 / 200).mean()
    return float(1000 * (of(x, x) + of(y, y) - 2 * of(x, y)))


def neighbours_sklearn(real, fake, k):
    radius = lambda z: np.sort(euclidean_distances(z, z), axis=1)[:, k]
    across = euclidean_distances(real, fake)
    in_real = across <= radius(real)[:, None]
    in_fake = across <= radius(fake)[None, :]
    return {"precision": float(in_real.any(0).mean()), "recall": float(in_fake.any(1).mean()),
            "density": float(in_real.sum(0).mean() / k), "coverage": float(in_real.any(1).mean())}


def main():
    x, y = (shared(seed, rows, WIDTH, spread).astype(np.float64)
            for seed, rows, spread in ((1, 1000, 1.0), (2, 900, 1.05)))
    logits = np.log(shared(3, 2000, 100, 1.0).astype(np.float64) + 0.01) * 2
    precision, recall = metric_prc.calculate_precision_recall_part(
        torch.from_numpy(x), torch.from_numpy(y), 3)
    found = metric_isc.isc_features_to_metric(torch.from_numpy(logits), 10, True, 2020)
    peers = {
        "fid": frechet(x, y),
        "kid_equal_sizes": kernel(x[:900], y),
        "kid": {"scikit-learn": kernel_sklearn(x, y)},
        "cmmd": {"scikit-learn": cmmd_sklearn(x, y)},
        "is": {"torch-fidelity": {"mean": float(found["inception_score_mean"]),
                                  "std": float(found["inception_score_std"])}},
        "k_3": {"scikit-learn": neighbours_sklearn(y, x, 3),
                "torch-fidelity": {"precision": float(precision), "recall": float(recall)}},
        "k_5": {"scikit-learn": neighbours_sklearn(y, x, 5)},
    }
    path = Path(__file__).resolve().parent / "peers.json"
    path.write_text(json.dumps(peers, indent=2) + "\n")


if __name__ == "__main__":
    main()
