"""`--device cuda` without a GPU: the program with libtorch's CUDA library emulated
(tests/emulated_cuda), where memory of the device faults when the host touches it."""
import json
import os
import unittest

from arrays import normal, npy, npz, png
from program import ProgramTest, call, pixels

CUDA = ("--device", "cuda", "--threads", 1)
QUICK = ("sampler.steps=4", "calibration.samples=4")
DEC = ("quant=w8a8", "quant.recompute_samples=4", "quant.cached_samples=2", "cache=dps",
       "cache.interval=2", "correct=dec")


def setUpModule():
    os.environ["LD_LIBRARY_PATH"] = os.environ["CQ_EMULATED_CUDA"]


class Sample(ProgramTest):
    def sample(self, device, *groups):
        out = self.folder / (device + ".npz")
        call("sample", "model=ldm-cifar10", "--device", device, "--threads", 1, *QUICK, *groups,
             f"results_dir={self.folder}/{device}", "--n", 2, "--out", out)
        return pixels(out)

    def test_images_are_those_of_the_cpu(self):
        # The emulation computes with other operators of the CPU: in quantized runs a rounding that
        # falls the other way moves a value by a whole step.
        for groups in ((), DEC):
            with self.subTest(groups):
                there, here = self.sample("cuda", *groups), self.sample("cpu", *groups)
                self.assertEqual(len(there), 2 * 32 * 32 * 3)
                apart = [abs(a - b) for a, b in zip(there, here)]
                self.assertLess(sum(apart) / len(apart), 2 if groups else 0.01)

    def test_integers_say_what_is_missing(self):
        done = call("sample", "model=ldm-cifar10", *CUDA, *QUICK, *DEC,
                    "quant.execution=integer", f"results_dir={self.folder}", "--n", 2, "--out",
                    self.folder / "x.npz", code=1)
        self.assertIn("execution=integer has no kernels for device cuda", done.stderr)


class Run(ProgramTest):
    def test_a_cell(self):
        call("run", "configs/smoke.yaml", *CUDA, f"results_dir={self.folder}", *QUICK, *DEC,
             "samples=10", "batch=10", "record.samples=4")
        folder = self.folder / "smoke"
        device = json.loads((folder / "provenance.json").read_text())["device"]
        self.assertTrue(device.startswith("cuda:0"), device)


class Probe(ProgramTest):
    def test_output_is_that_of_the_cpu(self):
        given = self.folder / "in.npz"
        given.write_bytes(npz({"x": npy(normal(0, 2, 12 * 64), (2, 12, 8, 8)),
                               "t": npy([3, 900], (2,), "<i8"), "y": npy([1, 10], (2,), "<i8")}))
        out = self.folder / "out.npz"
        shown = [call("probe", "model=dit-cifar10", "--device", device, "--input", given,
                      "--output", out).stdout for device in ("cuda", "cpu")]
        self.assertEqual(*shown)


class Train(ProgramTest):
    def setUp(self):
        super().setUp()
        for part, count in (("train", 2), ("test", 1)):
            for label in range(10):
                for i in range(count):
                    image = self.folder / "data" / part / f"class{label}" / f"{i}.png"
                    image.parent.mkdir(parents=True, exist_ok=True)
                    image.write_bytes(png(100 * label + i, 32, 32))

    def test_tasks(self):
        for task, width in (("ldm", "model.network.model_channels=32"),
                            ("dit", "model.network.hidden_size=48"),
                            ("classifier", "classifier.widths=[8,8,8,8]")):
            with self.subTest(task):
                done = call("train", f"configs/train_{task}.yaml", *CUDA,
                            f"data.path={self.folder}/data", f"results_dir={self.folder}",
                            "training.steps=2", "training.batch=2",
                            "training.evaluate_every=2", width)
                self.assertTrue(os.path.exists(done.stdout.split()[-1]))


if __name__ == "__main__":
    unittest.main()
