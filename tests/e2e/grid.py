"""A small experiment of two cells, each in two shards."""
CONFIG = """
defaults: [experiment, _self_]
name: grid
samples: 48
batch: 4
shard: 24
metrics: [fid, psnr]
sampler: {steps: 20, guidance: 2.0}
measure: {batch: 2, rounds: 1}
sweep:
  cache: [none, uniform]
"""


def results(folder):
    kept = {}
    for path in sorted(folder.glob("grid/cells/*/*")):
        if path.name in ("metrics.json", "schedule.json", "grid.png", "config.json"):
            kept[f"{path.parent.name}/{path.name}"] = path.read_bytes().replace(
                str(folder).encode(), b"")
    return kept
