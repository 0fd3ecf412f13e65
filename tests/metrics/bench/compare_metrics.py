"""Values and times of `cq-exp evaluate` beside those of pytorch-fid and torch-fidelity, in turns.

Called by scripts/compare_metrics. A time of the program includes its start and the reading of its
files; those of the packages begin with the features in memory."""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WIDTH, CLASSES = 2048, 1008


def features(seed, rows, spread):
    """Rectified and correlated, like those of a network's pool."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((WIDTH, WIDTH), dtype=np.float32) / np.float32(WIDTH ** 0.5)
    out = np.empty((rows, WIDTH), np.float32)
    for begin in range(0, rows, 5000):
        part = out[begin:begin + 5000]
        noise = rng.standard_normal(part.shape, dtype=np.float32)
        part[:] = np.maximum(noise @ mixing * np.float32(spread) + np.float32(0.1), 0)
    return out


def bare_products(x, y):
    import torch
    a, b = torch.from_numpy(x), torch.from_numpy(y)
    for left, right in ((a, a), (b, b), (a, b)):
        torch.mm(left, right.T)
    return {}


def pytorch_fid(x, y):
    from pytorch_fid.fid_score import calculate_frechet_distance
    moments = [m for z in (x, y) for m in (np.mean(z, axis=0), np.cov(z, rowvar=False))]
    return {"fid": float(calculate_frechet_distance(*moments))}


def fidelity_fid(x, y):
    import torch
    from torch_fidelity import metric_fid
    stats = [metric_fid.fid_features_to_statistics(torch.from_numpy(z)) for z in (x, y)]
    found = metric_fid.fid_statistics_to_metric(*stats, False)
    return {"fid": float(next(iter(found.values())))}


def fidelity_kid(x, y):
    from torch_fidelity import metric_kid
    import torch
    found = metric_kid.kid_features_to_metric(
        torch.from_numpy(x), torch.from_numpy(y), kid_subsets=100, kid_subset_size=1000,
        kid_kernel="poly", kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1, rng_seed=2020, verbose=False)
    return {"kid": float(found["kernel_inception_distance_mean"])}


def fidelity_is(logits):
    from torch_fidelity import metric_isc
    import torch
    found = metric_isc.isc_features_to_metric(torch.from_numpy(logits), 10, True, 2020)
    return {"is": float(found["inception_score_mean"])}


def fidelity_precision(x, y):
    from torch_fidelity import metric_prc
    import torch
    precision, recall = metric_prc.calculate_precision_recall_part(
        torch.from_numpy(x), torch.from_numpy(y), 3)
    return {"precision": precision, "recall": recall}


def random_inception():
    """pytorch-fid's network with weights that none of its units dies of."""
    import torch
    from pytorch_fid import inception as code
    torch.manual_seed(1)
    network = code._inception_v3(num_classes=1008, aux_logits=False, weights=None)
    code.load_state_dict_from_url = lambda *args, **kwargs: network.state_dict()
    network.load_state_dict = lambda state: None
    kept = code._inception_v3
    code._inception_v3 = lambda *args, **kwargs: network
    code.fid_inception_v3()
    del network.load_state_dict
    code._inception_v3 = kept
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    code._inception_v3 = lambda *args, **kwargs: network
    model = code.InceptionV3([3]).eval()
    code._inception_v3 = kept
    return network.state_dict(), model


def measure_inception(options, folder):
    """Images a second: this program's folder of PNG and bare network in turns with pytorch-fid's."""
    import torch
    from PIL import Image
    from pytorch_fid.fid_score import get_activations
    rows, batch = options.rows or 64, 16
    state, model = random_inception()
    weights = folder / "inception.pth"
    torch.save(state, weights)
    rng = np.random.default_rng(1)
    (folder / "images").mkdir()
    files = []
    for i in range(rows):
        small = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        files.append(folder / "images" / f"{i:05}.png")
        Image.fromarray(small).resize((256, 256), Image.BICUBIC).save(files[-1])
    bench = Path(options.program).parent / "tests/bench/cq_inception_bench"
    command = [bench, weights, folder / "images", options.threads, batch, 1]
    times = {"cq-exp, folder": [], "cq-exp, bare network": [], "pytorch-fid": []}
    for _ in range(options.repeats):
        done = json.loads(subprocess.run(list(map(str, command)), check=True,
                                         capture_output=True).stdout)
        times["cq-exp, folder"].append(done["images_s"])
        times["cq-exp, bare network"].append(done["network_s"])
        start = time.perf_counter()
        activations = get_activations(list(map(str, files)), model, batch, 2048, "cpu", 1)
        times["pytorch-fid"].append(time.perf_counter() - start)
    ratios = [bare / whole for bare, whole in
              zip(times["cq-exp, bare network"], times["cq-exp, folder"])]
    entries = [{"part": "inception", "by": name, "images": rows, "threads": options.threads,
                "median_images_per_s": round(rows / statistics.median(seconds), 2),
                "min": round(rows / max(seconds), 2), "max": round(rows / min(seconds), 2),
                "repeats": len(seconds)} for name, seconds in times.items()]
    entries.append({"part": "inception", "by": "folder's rate over the bare network's, turn by turn",
                    "median": round(statistics.median(ratios), 3), "min": round(min(ratios), 3),
                    "max": round(max(ratios), 3)})
    return entries, activations


class Case:
    def __init__(self, name, rows, metrics, peers, exact):
        self.name, self.rows, self.metrics = name, rows, metrics
        self.peers, self.exact = peers, exact


CASES = [
    Case("fid", 50000, "fid", [("pytorch-fid", pytorch_fid), ("torch-fidelity", fidelity_fid)], 1e-6),
    # The packages draw from rows as they come, this program from rows ordered by content.
    Case("kid", 10000, "kid", [("torch-fidelity", fidelity_kid)], None),
    # The package adds up in float32.
    Case("is", 50000, "is", [("torch-fidelity", fidelity_is)], 1e-5),
    # The package's distances are float32: a few memberships of near ties may turn out otherwise.
    Case("precision", 10000, "precision,recall",
         [("torch-fidelity", fidelity_precision), ("three bare products", bare_products)], None),
]


def measure(case, options, folder):
    rows = options.rows or case.rows
    if case.name == "is":
        rng = np.random.default_rng(1)
        inputs = [rng.standard_normal((rows, CLASSES), dtype=np.float32) * 2]
        flags = ["--logits"]
    else:
        inputs = [features(1, rows, 1.0), features(1, rows, 1.0 if case.name == "precision" else 1.1)]
        if case.name == "precision":
            inputs[1] = features(2, rows, 1.0)
        flags = ["--generated", "--reference"]
    command = [options.program, "evaluate", "--features", "none", "--metrics", case.metrics,
               "--threads", str(options.threads), "--json", "--log-level", "error"]
    for flag, array in zip(flags, inputs):
        np.save(folder / (flag.strip("-") + ".npy"), array)
        command += [flag, str(folder / (flag.strip("-") + ".npy"))]

    def program(*_):
        document = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return {name: entry["value"] for name, entry in document["metrics"].items()}

    peers = [peer for peer in case.peers if options.by in (None, peer[0])]
    runners = [("cq-exp", program)] + peers
    times, values = {name: [] for name, _ in runners}, {}
    for _ in range(options.repeats):
        for name, run in runners:
            start = time.perf_counter()
            values[name] = run(*inputs)
            times[name].append(time.perf_counter() - start)
    return rows, times, values


def write(entry, options):
    print(json.dumps(entry), flush=True)
    if options.out:
        with open(options.out, "a") as file:
            file.write(json.dumps(entry) + "\n")


def report(case, rows, times, values, options):
    agrees = True
    for name, seconds in times.items():
        entry = {"part": case.name, "by": name, "rows": rows,
                 "width": CLASSES if case.name == "is" else WIDTH, "threads": options.threads,
                 "median_s": round(statistics.median(seconds), 3), "min_s": round(min(seconds), 3),
                 "max_s": round(max(seconds), 3), "repeats": len(seconds), "values": values[name]}
        write(entry, options)
        for metric, value in values[name].items():
            ours = values["cq-exp"][metric]
            if case.exact and abs(ours - value) > case.exact * abs(value):
                print(f"{case.name}: cq-exp gives {ours}, {name} {value}", file=sys.stderr)
                agrees = False
    return agrees


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--part", choices=[case.name for case in CASES] + ["inception"])
    parser.add_argument("--by")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--out")
    options = parser.parse_args()
    import torch
    torch.set_num_threads(options.threads)
    agrees = True
    for case in CASES:
        if options.part not in (None, case.name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows, times, values = measure(case, options, Path(folder))
        agrees &= report(case, rows, times, values, options)
    if options.part in (None, "inception"):
        with tempfile.TemporaryDirectory() as folder:
            for entry in measure_inception(options, Path(folder))[0]:
                write(entry, options)
    sys.exit(0 if agrees else 1)


if __name__ == "__main__":
    main()
