"""The lines of compare_openvino.py as a page of Markdown."""
import itertools

AIMS = {"amx": {"ldm4-imagenet": 1.2, "sd14": 1.3, "dit-xl-2": 1.1},
        "avx512": {"ldm4-imagenet": 1.1, "sd14": 1.25, "dit-xl-2": 1.0}}
COLUMNS = ("fp32", "default", "int8", "int8, rest default")

HEAD = """# Integers beside OpenVINO
`scripts/compare_openvino`, written by it. One call of each network with random weights on static shapes: every variant of OpenVINO
(latency hint, one stream), then a run of `cq-exp bench model --executions integer`, {turns} turns; median of turns, least and largest in brackets. Lines of JSON:
`openvino-speed.jsonl`.

- OpenVINO's networks are diffusers' modules. *fp32* computes in float32, *default* in what the plugin picks ({precision}), *INT8* is quantized by
  NNCF (preset mixed, model type transformer, no bias correction) with the rest in float32 or in the plugin's choice.
- The last columns hold cq-exp against both INT8 variants, turn by turn, and the aim. Of attention, NNCF quantizes
  queries and keys, not the probabilities and the values; OpenVINO runs it as one fused kernel. cq-exp has every product in integers.
- {versions}.
"""


TABLE = """
## {cpu}
| network, batch | instruction set | threads | OpenVINO fp32 | default | INT8, rest float32 | INT8, rest default | cq-exp integer | times as fast as INT8, rest float32 | rest default | aim |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def seconds(entry):
    return "{median_s:.3f} s ({min_s:.3f} - {max_s:.3f})".format(**entry)


def row(entries):
    ours = entries["cq-exp integer"]
    theirs = [entries[f"OpenVINO {name}"] for name in COLUMNS]
    ratios = ["{:.2f}x ({:.2f} - {:.2f})".format(e["cq_exp_times_as_fast"], *e["range"])
              for e in theirs[2:]]
    aim = AIMS.get(ours["isa"], {}).get(ours["model"])
    cells = [f"`{ours['model']}`, {ours['batch']}", ours["isa"], str(ours["threads"]),
             *map(seconds, theirs), f"{seconds(ours)}, {ours['peak_fraction']:.0%} of the peak",
             *ratios, f"{aim}x" if aim else ""]
    return "| " + " | ".join(cells) + " |\n"


def costs_table(runs):
    """One line a network: what both count."""
    text = ("\n## The networks are the same\nOf one image; G multiply-adds. cq-exp counts norms too "
            "(thop's way), the peer's are convolutions and linear layers alone.\n\n"
            "| network | cq-exp: parameters, conv and linear, attention | diffusers |\n"
            "|---|---|---|\n")
    done = set()
    for run in runs:
        ours = run["cq-exp integer"]
        if ours["model"] in done:
            continue
        done.add(ours["model"])
        sides = ["{:,}, {:.3f}, {:.3f}".format(
            c["parameters"], c["macs"] / 1e9, c["attention_macs"] / 1e9)
            for c in (ours["costs"]["cq-exp"], ours["costs"]["diffusers"])]
        text += f"| `{ours['model']}` | {sides[0]} | {sides[1]} |\n"
    return text + ("\nDiT's position table is a parameter here and a constant in diffusers, whose "
                   "embeddings of time and class, one a\nblock, were made one for all (their weights; "
                   "their products, 0.04 % of the whole, may run once a block).\n")


def products_table(runs):
    """What OpenVINO computes in which precision, after its fusions."""
    text = ("\n## What INT8 runs as\nAttention is in fused kernels that are not in these counts.\n\n"
            "| network | instruction set | products by kind and precision |\n|---|---|---|\n")
    rows = {}
    for run in runs:
        entry = run["OpenVINO int8, rest default"]
        kinds = ", ".join(f"{count} {kind}" for kind, count in entry["products"].items())
        rows[entry["model"], entry["isa"]] = f"| `{entry['model']}` | {entry['isa']} | {kinds} |\n"
    return text + "".join(rows.values())


def markdown(entries):
    runs = {}
    for entry in entries:
        place = entry["cpu"], entry["model"], entry["threads"], entry["isa"]
        runs.setdefault(place, {})[entry["by"]] = entry
    ours = [run["cq-exp integer"] for run in runs.values()]
    precisions = {run["OpenVINO default"]["precision"] for run in runs.values()}
    versions = {", ".join(f"{k} {v}" for k, v in e["versions"].items()) for e in ours}
    text = HEAD.format(turns=" or ".join(sorted({str(e["turns"]) for e in ours})),
                       precision=" or ".join(sorted(precisions)),
                       versions="; ".join(sorted(versions)))
    for cpu, places in itertools.groupby(runs, key=lambda place: place[0]):
        text += TABLE.format(cpu=cpu) + "".join(row(runs[place]) for place in places)
    return text + costs_table(runs.values()) + products_table(runs.values())
