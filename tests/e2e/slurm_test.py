"""launcher=slurm on a real Slurm of one machine: submit, preempt, kill, lose the node, collect."""
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

from grid import CONFIG, results
from program import ROOT, ProgramTest, call

PATIENCE = 240


def local_slurm(*arguments):
    return subprocess.run([ROOT / "scripts/local_slurm", *map(str, arguments)],
                          capture_output=True, text=True)


class Slurm(ProgramTest):
    @classmethod
    def setUpClass(cls):
        # Not yet quick and sure enough to decide over a change (docs/roadmap.md).
        if not os.environ.get("CQ_TEST_SLURM"):
            raise unittest.SkipTest("CQ_TEST_SLURM=1 runs the test on a Slurm of its own")
        cls.cluster = tempfile.mkdtemp(prefix="cq-slurm-")
        started = local_slurm("start", cls.cluster, "MaxArraySize=4")
        if started.returncode == 77:
            raise unittest.SkipTest(started.stdout.strip())
        if started.returncode != 0:
            raise AssertionError(started.stdout + started.stderr)
        os.environ["SLURM_CONF"] = f"{cls.cluster}/slurm.conf"

    @classmethod
    def tearDownClass(cls):
        local_slurm("stop", cls.cluster)

    def status(self):
        return json.loads(call("status", self.results / "grid", "--json").stdout)

    def wait_for(self, what, found):
        """Polls the status until `found(status)` gives something."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            status = self.status()
            if value := found(status):
                return value
            time.sleep(0.3)
        logs = "".join(f"\n{path}:\n{path.read_text()}"
                       for path in self.results.glob("grid/launch/*/logs/*"))
        self.fail(f"waited in vain for {what}: {json.dumps(status)}{logs}")

    def marker(self, task):
        return json.loads((self.results / f"grid/launch/1/tasks/{task}.json").read_text())

    def running(self, status, apart_from=()):
        for task in status["launch"]["tasks"]:
            if task["state"] == "running" and task["task"] not in apart_from:
                return task
        return None

    def preempt(self):
        # A task that is just ending cannot be signalled any more; then the next one is.
        def signalled(status):
            task = self.running(status)
            done = task and subprocess.run(
                ["scancel", "--batch", "--signal=USR2", task["job"]], check=False,
                stderr=subprocess.DEVNULL)
            return [task["task"]] if done and done.returncode == 0 else None

        return self.wait_for("a running task to preempt", signalled)[0]

    def kill_worker(self, apart_from):
        task = self.wait_for("another running task", lambda s: self.running(s, apart_from))
        os.kill(self.marker(task["task"])["pid"], signal.SIGKILL)
        return task["task"]

    def test_everything_that_happens_to_an_array_job(self):
        config = self.folder / "grid.yaml"
        # Long enough to be interrupted on a quick machine.
        config.write_text(CONFIG.replace("steps: 20", "steps: 50"))
        local = self.folder / "local"
        call("run", config, f"results_dir={local}")
        self.results = self.folder / "slurm"
        run = ("run", config, f"results_dir={self.results}", "launcher=slurm", "launcher.cpus=1")
        submitted = call(*run)
        self.assertIn("launch 1 (slurm)", submitted.stdout)
        launch = self.status()["launch"]
        # Two shards of the first cell; these and two of its own of the second: chunks of four.
        self.assertEqual(len(launch["tasks"]), 6)
        self.assertEqual(len(launch["jobs"]), 2)
        # Nothing is submitted twice, and what becomes of the file does not matter any more.
        self.assertIn("nothing is submitted", call(*run).stderr)
        self.assertFalse((self.results / "grid/launch/2").exists())
        config.write_text("no: longer\nan: experiment\n")

        preempted = self.preempt()
        killed = self.kill_worker((preempted,))
        for task in (preempted, killed):
            self.wait_for(f"another start of task {task}",
                          lambda s, t=task: s["launch"]["tasks"][t]["starts"] > 1)
        lost = self.wait_for("a task to lose", self.running)
        if local_slurm("kill-node", self.cluster).returncode == 0:
            local_slurm("start-node", self.cluster)
        follow = call("status", self.results / "grid", "--follow", timeout=PATIENCE)
        self.assertIn("2 of 2 cells done", follow.stdout)

        status = self.status()
        self.assertEqual(status["done"], 2)
        self.assertFalse(status["at_work"])
        self.assertEqual({task["state"] for task in status["launch"]["tasks"]}, {"done"}, lost)
        self.assertEqual(results(self.results), results(local))
        self.assertTrue((self.results / "grid/report.html").is_file())
        collected = self.results / "grid/launch/1/logs/collect.txt"
        self.assertIn("2 of 2 cells done", collected.read_text())


if __name__ == "__main__":
    unittest.main()
