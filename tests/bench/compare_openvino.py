"""A full denoising step of `cq-exp bench model` in integers beside OpenVINO, in turns.

Called by scripts/compare_openvino. OpenVINO's networks are compiled once and wait, in a process of
their own, while this program runs."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from openvino_table import markdown

PEER = Path(__file__).with_name("openvino_peer.py")
BATCHES = {"ldm4-imagenet": 2, "dit-xl-2": 4, "sd14": 2}
OURS = "cq-exp integer"
# What holds OpenVINO's kernels (oneDNN's) to as much as CQ_ISA does this program's.
ONEDNN_ISA = {"avx512": "AVX512_CORE_BF16", "amx": "AVX512_CORE_AMX"}
LARGEST_DIFFERENCE = 0.03


def environment(isa=None):
    """Threads are set by arguments alone; NNCF and OpenVINO report their use to nobody."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "KMP_"))}
    kept |= {"NNCF_CI": "1", "CI": "true"}
    if isa:
        kept |= {"CQ_ISA": isa, "ONEDNN_MAX_CPU_ISA": ONEDNN_ISA[isa]}
    return kept


def prepare(model, cache):
    """The folder of a network, converted and quantized: complete, or made anew."""
    folder = cache / f"{model}-{BATCHES[model]}"
    if (folder / "done").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in ("convert", "quantize"):
        print(f"{model}: {command}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, PEER, command, model, str(BATCHES[model]), folder],
                       check=True, stdout=subprocess.DEVNULL, env=environment())
    (folder / "done").touch()
    return folder


class Peer:
    def __init__(self, model, folder, options):
        self.process = subprocess.Popen(
            [sys.executable, PEER, "time", model, str(BATCHES[model]), folder, str(options.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(options.isa))
        self.variants = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"openvino_peer.py ended with {self.process.wait()}")
        return json.loads(line)

    def seconds(self, variant, rounds):
        self.process.stdin.write(json.dumps([variant, rounds]) + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def program(options, *arguments):
    command = [options.program, *arguments, "--json", "--log-level", "error"]
    done = subprocess.run(command, check=True, capture_output=True, env=environment(options.isa))
    return json.loads(done.stdout)


def bench(model, options):
    document = program(options, "bench", "model", f"model={model}", "weights=random",
                       "--batch", str(BATCHES[model]), "--threads", str(options.threads),
                       "--executions", "integer", "--rounds", str(options.rounds),
                       "sampler.steps=2")
    return next(cell for cell in document["cells"] if cell["step"] == "full")


def compared_costs(model, folder, options):
    """Both networks' operations and parameters."""
    theirs = json.loads((folder / "network.json").read_text())
    found = program(options, "bops", f"model={model}")
    ours = {"parameters": found["parameters"], "macs": found["macs"]["full"],
            "attention_macs": found["attention"]["full"]}
    for what in ("macs", "attention_macs"):
        if abs(theirs[what] - ours[what]) > LARGEST_DIFFERENCE * ours[what]:
            sys.exit(f"{model}: {what} are {ours[what]}, of diffusers' network {theirs[what]}")
    return {"cq-exp": ours, "diffusers": theirs}


def timings(seconds):
    return {"median_s": round(statistics.median(seconds), 4), "min_s": round(min(seconds), 4),
            "max_s": round(max(seconds), 4), "turns": len(seconds)}


def rounds_of(variant, options):
    """Float32 takes most of the time and decides nothing."""
    return 1 if variant == "fp32" else options.rounds


def compare(model, folder, options):
    peer = Peer(model, folder, options)
    times = {name: [] for name in [*peer.variants, OURS]}
    for _ in range(options.turns):
        for name in peer.variants:
            times[name].append(peer.seconds(name, rounds_of(name, options)))
        cell = bench(model, options)
        times[OURS].append(cell["median_s"])
    peer.close()
    base = {"model": model, "batch": BATCHES[model], "threads": options.threads,
            "isa": cell["isa"], "cpu": cpu(), "rounds": options.rounds}
    for name, about in peer.variants.items():
        ratios = [theirs / ours for theirs, ours in zip(times[name], times[OURS])]
        yield base | {"by": f"OpenVINO {name}", "rounds": rounds_of(name, options)} | timings(times[name]) | about | {
            "cq_exp_times_as_fast": round(statistics.median(ratios), 3),
            "range": [round(min(ratios), 3), round(max(ratios), 3)]}
    yield base | {"by": OURS} | timings(times[OURS]) | {
        "peak_fraction": round(cell["peak_fraction"], 3),
        "costs": compared_costs(model, folder, options), "versions": versions()}


def cpu():
    flags, name = "", "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
        elif line.startswith("flags"):
            flags = line.split(":", 1)[1].split()
    has = [x for x in ("amx_int8", "avx512_vnni", "avx_vnni", "avx2") if x in flags]
    return f"{name} ({has[0]}), {os.cpu_count()} cores" if has else f"{name}, {os.cpu_count()} cores"


def versions():
    from importlib.metadata import version
    return {name: version(name) for name in ("openvino", "nncf", "diffusers", "torch")}


def key(entry):
    return entry["cpu"], entry["model"], entry["threads"], entry["isa"]


def store(entries, out):
    """Lines of other CPUs, models, threads and instruction sets stay."""
    lines = Path(f"{out}.jsonl")
    kept = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    replaced = {key(entry) for entry in entries}
    kept = [entry for entry in kept if key(entry) not in replaced] + entries
    kept.sort(key=lambda e: (e["cpu"], e["isa"], e["threads"], list(BATCHES).index(e["model"])))
    lines.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
    Path(f"{out}.md").write_text(markdown(kept))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--model", action="append", choices=BATCHES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--isa", choices=ONEDNN_ISA)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "cq-openvino")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--out")
    options = parser.parse_args()
    models = options.model or list(BATCHES)
    folders = {model: prepare(model, options.cache) for model in models}
    if options.prepare:
        return
    for model in models:
        entries = []
        for entry in compare(model, folders[model], options):
            print(json.dumps(entry), flush=True)
            entries.append(entry)
        if options.out:
            store(entries, options.out)


if __name__ == "__main__":
    main()
