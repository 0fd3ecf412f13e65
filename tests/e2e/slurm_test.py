"""launcher=slurm on a real Slurm of one machine: submit, preempt, kill, lose the node, collect.

Tasks are submitted held and released one by one, and a worker is stopped (SIGSTOP) before anything
happens to it, so that nothing depends on how quick the machine is.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from grid import CONFIG, results
from program import ROOT, ProgramTest, call

PATIENCE = 120


def local_slurm(*arguments):
    return subprocess.run([ROOT / "scripts/local_slurm", *map(str, arguments)],
                          capture_output=True, text=True)


def slurm(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


class Slurm(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = tempfile.mkdtemp(prefix="cq-slurm-")
        cls.addClassCleanup(shutil.rmtree, cls.cluster, ignore_errors=True)
        # Two tasks at a time, however many processors there are.
        started = local_slurm("start", cls.cluster, "MaxArraySize=4", "CPUs=2")
        if started.returncode == 77:
            raise unittest.SkipTest(started.stdout.strip())
        cls.addClassCleanup(local_slurm, "stop", cls.cluster)
        if started.returncode != 0:
            raise AssertionError(started.stdout + started.stderr)
        os.environ["SLURM_CONF"] = f"{cls.cluster}/slurm.conf"

    def status(self):
        return json.loads(call("status", self.experiment, "--json").stdout)

    def task(self, index):
        return self.status()["launch"]["tasks"][index]

    def wait_for(self, what, found):
        """Polls until `found()` gives something."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if value := found():
                return value
            time.sleep(0.02)
        logs = "".join(f"\n{path}:\n{path.read_text()}"
                       for path in self.experiment.glob("launch/*/logs/*"))
        self.fail(f"waited in vain for {what}: {json.dumps(self.status())}\n{slurm('squeue')}\n"
                  f"{logs}\n{pathlib.Path(self.cluster, 'slurmctld.log').read_text()[-4000:]}")

    def start_and_stop(self, index):
        """Releases a task; its worker stands still as soon as it has begun. Gives its process."""
        slurm("scontrol", "release", self.jobs[index])

        def begun():
            marker = self.experiment / f"launch/1/tasks/{index}.json"
            return marker.exists() and json.loads(marker.read_text())

        pid = self.wait_for(f"the begin of task {index}", begun)["pid"]
        os.kill(pid, signal.SIGSTOP)
        self.assertEqual(self.task(index)["state"], "running")
        return pid

    def signal_task(self, index, worker):
        """USR2 by way of Slurm, the task's shell and, still standing, its worker."""
        # It comes at once, but where more of the array is pending, scancel takes it for refused
        # and sends it again every five seconds.
        command = ["scancel", "--batch", "--signal=USR2", self.jobs[index]]
        try:
            subprocess.run(command, timeout=2, stderr=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            pass

        def pending():
            fields = dict(line.split(":", 1) for line in
                          pathlib.Path(f"/proc/{worker}/status").read_text().splitlines())
            return int(fields["ShdPnd"], 16) >> (signal.SIGUSR2 - 1) & 1

        self.wait_for("the signal to come to the worker", pending)

    def test_everything_that_happens_to_an_array_job(self):
        config = self.folder / "grid.yaml"
        config.write_text(CONFIG.replace("steps: 20", "steps: 10"))
        local = self.folder / "local"
        call("run", config, f"results_dir={local}")
        self.experiment = self.folder / "slurm/grid"
        run = ("run", config, f"results_dir={self.folder / 'slurm'}", "launcher=slurm",
               "launcher.cpus=1", "launcher.options=[--hold]")
        self.assertIn("launch 1 (slurm)", call(*run).stdout)
        launch = self.status()["launch"]
        # Two shards of the first cell; these and two of its own of the second: chunks of four.
        self.jobs = [task["job"] for task in launch["tasks"]]
        self.assertEqual(self.jobs, [f"{launch['jobs'][0]}_{i}" for i in range(4)] +
                         [f"{launch['jobs'][1]}_{i}" for i in range(2)])
        self.assertEqual({task["state"] for task in launch["tasks"]}, {"pending"})
        # Nothing is submitted twice, and what becomes of the file does not matter any more.
        self.assertIn("nothing is submitted", call(*run).stderr)
        self.assertFalse((self.experiment / "launch/2").exists())
        config.write_text("no: longer\nan: experiment\n")

        preempted = self.start_and_stop(0)
        self.signal_task(0, preempted)
        killed = self.start_and_stop(1)
        os.kill(killed, signal.SIGKILL)
        os.kill(preempted, signal.SIGCONT)
        for task in (0, 1):
            self.wait_for(f"another start of task {task}",
                          lambda t=task: self.task(t)["starts"] > 1)
        self.start_and_stop(2)
        time.sleep(2)  # younger jobs are not missed by Slurm (BatchStartTimeout)
        self.assertEqual(local_slurm("kill-node", self.cluster).returncode, 0)
        self.assertEqual(local_slurm("start-node", self.cluster).returncode, 0)
        self.wait_for("another start of the lost task", lambda: self.task(2)["starts"] > 1)

        slurm("scontrol", "release", *self.jobs[3:], launch["collect_job"])
        follow = call("status", self.experiment, "--follow", timeout=PATIENCE)
        self.assertIn("2 of 2 cells done", follow.stdout)
        status = self.status()
        self.assertEqual(status["done"], 2)
        self.assertFalse(status["at_work"])
        self.assertEqual({task["state"] for task in status["launch"]["tasks"]}, {"done"})
        self.assertEqual(results(self.folder / "slurm"), results(local))
        self.assertTrue((self.experiment / "report.html").is_file())
        collected = self.experiment / "launch/1/logs/collect.txt"
        self.assertIn("2 of 2 cells done", collected.read_text())


if __name__ == "__main__":
    unittest.main()
