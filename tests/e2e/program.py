"""Calls the program under test."""
import os
import pathlib
import subprocess
import tempfile
import unittest
import zipfile

PROGRAM = os.environ["CQ_EXP"]
ROOT = pathlib.Path(__file__).resolve().parents[2]


def call(*arguments, code=0, timeout=600):
    """Runs `cq-exp ARGUMENTS`; fails unless it exits with `code`."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          cwd=ROOT, timeout=timeout)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}, expected {code}\n"
                             f"{done.stdout}\n{done.stderr}")
    return done


class ProgramTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)


def pixels(npz):
    """Bytes of the images in a sample npz."""
    with zipfile.ZipFile(npz) as archive:
        data = archive.read("arr_0.npy")
    return data[10 + int.from_bytes(data[8:10], "little"):]
