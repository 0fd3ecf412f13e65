"""Writes cases.json: what Hydra 1.3.2 gives for every case of cases.py.

Needs hydra-core==1.3.2 (scripts/compare_hydra --help says how).
"""

import importlib.metadata
import json
import sys
from pathlib import Path

import cases
import hydra_reference


def main():
    version = importlib.metadata.version("hydra-core")
    if version != "1.3.2":
        sys.exit(f"hydra-core {version} is installed, the expectations are of 1.3.2")
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("cases.json")
    out = []
    for case in cases.all_cases():
        case = dict(case)
        case["expected"] = hydra_reference.run(case)
        out.append(case)
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in out)
    target.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    refused = sum(case["expected"] == "refused" for case in out)
    print(f"{len(out)} cases, {refused} of them refused")


if __name__ == "__main__":
    main()
