"""Writes power_schedules.json: the schedules that numpy gives for DeepCache's formulas.

Run with numpy 1.26 or newer: python3 power_schedules.py > power_schedules.json
A schedule of null means that no power above 1 gives ceil(T/N) groups.
"""

import json
import math
import warnings

import numpy as np


def centred(steps, groups, center, power):
    while power > 1:
        x = np.linspace((-center) ** (1 / power), (steps - center) ** (1 / power), groups + 1)
        values = np.unique(np.trunc((x**power).real))[1:-1]
        indices = [0] + [int(v) + center for v in values]
        if len(indices) == groups:
            return indices
        power -= 0.02
    return None


def plain(steps, groups, power):
    x = np.linspace(0, steps ** (1 / power), groups + 1)
    return [int(v) for v in np.unique(np.trunc(x**power))[:-1]]


def main():
    warnings.simplefilter("ignore")
    cases = []
    for steps in (1, 7, 10, 20, 50, 100, 250):
        for interval in (1, 2, 3, 5, 10, 20):
            groups = math.ceil(steps / interval)
            for power in (1.2, 1.4, 1.5, 2.0, 3.0):
                for center in (0, 1, 15, 40, 120):
                    if center > steps:
                        continue
                    cases.append(["deepcache-quad", steps, interval, power, center,
                                  centred(steps, groups, center, power)])
                cases.append(["ldm-quad", steps, interval, power, 0, plain(steps, groups, power)])
    print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")


main()
