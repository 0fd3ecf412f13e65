"""Images in integers are those of simulated quantization: every method and corrector that is
registered, both widths, every instruction set of this machine."""
import json
import math
import os
import unittest
from unittest import mock

from program import ProgramTest, call, pixels

LEAST = 40  # dB, of the same seeds
IMAGES = 8
SHORT = ("sampler.steps=8", "calibration.samples=8", "quant.recompute_samples=8",
         "quant.cached_samples=8")


def psnr(a, b):
    """In dB, of the error of all images together, which is at most the mean of theirs."""
    error = sum((x - y)**2 for x, y in zip(a, b, strict=True)) / len(a)
    return 10 * math.log10(255**2 / error) if error else math.inf


def registered(kind):
    return [entry["name"] for entry in json.loads(call("list", kind, "--json").stdout)[kind]]


def cases():
    """Overrides: every method without correction, every corrector with one method."""
    yield ["cache=none"]
    methods = [(method, "none") for method in registered("methods") if method != "none"]
    correctors = [("dps", corrector) for corrector in registered("correctors") if corrector != "none"]
    for method, corrector in methods + correctors:
        yield [f"cache={method}", "cache.interval=2", f"correct={corrector}"]


def levels():
    """Instruction sets that this CPU has."""
    for level in ("avx2", "avx512", "amx"):
        with mock.patch.dict(os.environ, CQ_ISA=level):
            try:
                call("list", "samplers")
            except AssertionError as error:
                if "lacks" not in str(error):
                    raise
                continue
        yield level


class Parity(ProgramTest):
    def images(self, name, *overrides):
        path = self.folder / f"{name}.npz"
        call("sample", *SHORT, *overrides, f"results_dir={self.folder}/results", "--n", IMAGES,
             "--batch", IMAGES, "--out", path)
        return pixels(path)

    def check(self, model):
        for case in cases():
            for quant in ("w8a8", "w4a8"):
                groups = [f"model={model}", f"quant={quant}", *case]
                simulated = self.images("simulated", *groups, "quant.execution=simulated")
                for level in levels():
                    with self.subTest(" ".join([*groups, level])), \
                            mock.patch.dict(os.environ, CQ_ISA=level):
                        integer = self.images("integer", *groups, "quant.execution=integer")
                        self.assertGreaterEqual(psnr(simulated, integer), LEAST)

    def test_unet(self):
        self.check("ldm-cifar10")

    def test_transformer(self):
        self.check("dit-cifar10")


if __name__ == "__main__":
    unittest.main()
