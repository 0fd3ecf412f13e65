"""Compares what cq_config_tests wrote with what Hydra gave, and reads what was printed back with OmegaConf.

usage: check_outcomes.py CASES.json (CASES.json.out lies beside it)
"""

import json
import sys

import yaml
from hydra_reference import canonical
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader


def read_back(text):
    if not text:
        return "{}"
    if "${" in text:  # what is text once it is resolved need not be an interpolation
        return canonical(yaml.load(text, Loader=get_yaml_loader()))
    return canonical(OmegaConf.to_container(OmegaConf.create(text), resolve=False))


def faults(case, got):
    if got["jobs"] != case["expected"]:
        yield f"expected {case['expected']}\n     got {got['jobs']}"
        if "reason" in case:
            yield f"Hydra: {case['reason']}"
        if "message" in got:
            yield f"   we: {got['message']}"
        return
    for job, text in zip(got["jobs"], got.get("yaml", [])):
        try:
            back = read_back(text)
        except Exception as error:  # whatever it is, it is a fault
            back = f"{type(error).__name__}: {error}"
        if back != job:
            yield f"printed as\n{text}read back as {back}\n    it was {job}"


def main():
    path = sys.argv[1]
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)
    with open(path + ".out", encoding="utf-8") as file:
        outcomes = json.load(file)
    wrong = 0
    for case, got in zip(cases, outcomes, strict=True):
        messages = list(faults(case, got))
        if not messages:
            continue
        wrong += 1
        print("=" * 100)
        for name, text in case["files"].items():
            print(f"--- {name}\n{text}", end="" if text.endswith("\n") else "\n")
        rest = {key: case[key] for key in case if key not in ("files", "expected", "reason")}
        print(json.dumps(rest, ensure_ascii=False))
        print("\n".join(messages))
    print(f"{wrong} of {len(cases)} cases differ from Hydra")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
