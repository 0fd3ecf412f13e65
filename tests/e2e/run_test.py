"""`cq-exp run configs/smoke.yaml`: results, resume, kills, failures."""
import json
import os
import random
import signal
import subprocess
import time
import unittest
import unittest.mock

from program import PROGRAM, ROOT, ProgramTest, call

SMOKE = "configs/smoke.yaml"


def results(folder):
    """Every file of every cell that must not vary between equal runs."""
    kept = {}
    for path in sorted(folder.glob("smoke/cells/*/*")):
        if path.name in ("metrics.json", "schedule.json", "grid.png", "config.json"):
            kept[f"{path.parent.name}/{path.name}"] = path.read_bytes().replace(
                str(folder).encode(), b"")
    return kept


def progress_of(stage, lines):
    """A stage's events on the standard error of --json-progress, from the first that counts on."""
    for line in lines:
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("stage") == stage and event.get("total"):
            yield event


class Run(ProgramTest):
    def run_smoke(self, folder, *overrides, code=0):
        return call("run", SMOKE, f"results_dir={folder}", *overrides, code=code)

    def test_results_and_resume(self):
        done = self.run_smoke(self.folder)
        first = results(self.folder)
        self.assertEqual(sum(name.endswith("metrics.json") for name in first), 3)
        for name in ("report.html", "report.md", "report.tex", "report.csv", "plan.json",
                     "config.yaml", "provenance.json"):
            self.assertTrue((self.folder / "smoke" / name).is_file(), name)
        self.assertIn("DPS + DEC", done.stdout)
        for path in self.folder.glob("smoke/cells/*/metrics.json"):
            for value in json.loads(path.read_text())["metrics"].values():
                self.assertIn("protocol", value)
        # Again: nothing is computed, nothing changes. Without the store: results stay.
        again = self.run_smoke(self.folder)
        self.assertIn("3 done before", again.stderr)
        self.assertEqual(results(self.folder), first)
        # Another process-wide setting gives the same bytes: the run is deterministic.
        other = self.folder / "other"
        self.run_smoke(other)
        self.assertEqual(results(other), first)
        # A machine that draws no pictures, as those of a cluster: the table, and how to get the rest.
        with unittest.mock.patch.dict(os.environ, PATH=str(self.folder)):
            plain = self.run_smoke(self.folder)
        self.assertIn("no gnuplot on PATH", plain.stderr)
        self.assertIn("report.csv", plain.stdout)

    def test_the_ablations_plan(self):
        # Without a cache one cell for each quantization; for each N cache only, and for each bit
        # width uniform and DPS with none and direct, DPS with DEC.
        for name, cells in (("ablation", 2 + 2 * 6), ("dit_ablation", 2 + 2 * 6),
                            ("ablation_full", 3 * (3 + 3 * 11))):
            with self.subTest(name):
                done = call("run", f"configs/{name}.yaml", "weights=random", "--dry-run", "--json",
                            f"results_dir={self.folder}")
                self.assertEqual(json.loads(done.stdout)["cells"], cells)

    def test_killed_at_random_moments(self):
        expected = self.folder / "expected"
        self.run_smoke(expected)
        moments = random.Random(20260101)
        folder = self.folder / "killed"
        kills = 0
        for _ in range(20):
            process = subprocess.Popen([PROGRAM, "run", SMOKE, f"results_dir={folder}"], cwd=ROOT,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(moments.uniform(0.2, 2.5))
            kills += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.assertGreater(kills, 3)
        self.run_smoke(folder)
        self.assertEqual(results(folder), results(expected))

    def test_a_signal_ends_a_pass_which_goes_on_from_there(self):
        overrides = ["--json-progress", "sampler.steps=25", "quant.cached_samples=8",
                     "samples=10", "batch=10", "record.points=[]", "measure.rounds=1"]
        expected = self.folder / "expected"
        self.run_smoke(expected, *overrides)
        # Where the machine is busy, the signal may come when the pass is over.
        for attempt in range(5):
            folder = self.folder / f"ended{attempt}"
            process = subprocess.Popen([PROGRAM, "run", SMOKE, f"results_dir={folder}",
                                        *overrides], cwd=ROOT, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True)
            done = next(event["done"] for event in progress_of("calibration", process.stderr)
                        if event["done"] >= 3)
            process.send_signal(signal.SIGTERM)
            process.communicate()
            self.assertEqual(process.returncode, 143)
            states = list(folder.rglob("state.safetensors"))
            if states:
                break
        self.assertEqual(len(states), 1)
        again = self.run_smoke(folder, *overrides)
        first = next(progress_of("calibration", again.stderr.splitlines()))
        self.assertGreaterEqual(first["done"], done)
        self.assertEqual(results(folder), results(expected))
        self.assertEqual(list(folder.rglob("state.safetensors")), [])

    def test_a_failing_cell_leaves_the_others(self):
        broken = self.folder / "broken.safetensors"
        weights = (ROOT / "models/ldm-cifar10.safetensors").read_bytes()
        broken.write_bytes(weights[:-1000])
        done = self.run_smoke(self.folder, f"weights={broken}", code=1)
        self.assertIn("broken.safetensors", done.stderr)


if __name__ == "__main__":
    unittest.main()
