"""Hostile and damaged files: a clear error in seconds and little memory, and nothing left behind."""
import concurrent.futures
import os
import pathlib
import subprocess
import tempfile
import unittest

import hostile_files
from program import PROGRAM

MOST_SECONDS = 5  # of processor time: the machine may be busy
MOST_BYTES = 1 << 30


def measure(*arguments):
    """Exit code, standard error, seconds of processor time, bytes of memory at the peak."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.DEVNULL,
                                   stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    return process.returncode, text, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def faults_of(folder, name, expected, inspected):
    """What is wrong with how the program takes the file."""
    file, out = folder / name, folder / (name + ".out")
    commands = [("convert", file, out)]
    if inspected:
        commands.append(("inspect", file, "--json", "--stats"))
    faults, codes = [], []
    for command in commands:
        code, text, seconds, peak = measure(*command)
        codes.append(code)
        what = f"{command[0]} {name}"
        if code not in (0, 1, 2):
            faults.append(f"{what}: exit code {code}: {text[-300:]}")
        if code != 0 and name not in text:
            faults.append(f"{what}: the message does not name the file: {text[-300:]}")
        if seconds > MOST_SECONDS or peak > MOST_BYTES:
            faults.append(f"{what}: {seconds:.1f} s, {peak >> 20} MiB")
    if (codes[0] == 0) != out.exists():
        faults.append(f"{name}: convert ended with {codes[0]}, its output "
                      f"{'exists' if out.exists() else 'is missing'}")
    if expected != "any" and (codes[0] == 0) != (expected == "read"):
        faults.append(f"{name}: convert ended with {codes[0]}, expected to {expected}")
    file.unlink()
    out.unlink(missing_ok=True)
    return faults


class HostileFiles(unittest.TestCase):
    def test_every_file(self):
        with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(
                os.cpu_count()) as pool:
            folder = pathlib.Path(name)
            jobs = []
            cases = list(hostile_files.cases())
            self.assertGreater(len(cases), 400)
            # Two program starts a file: a third of them unless all are asked for.
            step = 1 if os.environ.get("CQ_ALL_HOSTILE_FILES") else 3
            for i, (file, content, expected) in enumerate(cases[::step]):
                (folder / file).write_bytes(content)
                jobs.append(pool.submit(faults_of, folder, file, expected, i % 4 == 0))
            faults = [fault for job in jobs for fault in job.result()]
            self.assertEqual(faults, [], "\n" + "\n".join(faults))
            self.assertEqual(list(folder.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
