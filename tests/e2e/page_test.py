"""The report page in headless Chromium: no error, nothing loaded, sorts, zooms, fits into a window."""
import itertools
import json
import shutil
import struct
import subprocess
import unittest
import zlib

from program import ROOT, ProgramTest, call

METRICS = {"fd_cifar": 11.2, "kid_cifar": 0.0123, "is_cifar": 8.12, "precision_cifar": 0.71, "recall_cifar": 0.61,
           "density_cifar": 0.92, "coverage_cifar": 0.82, "accuracy_cifar": 0.88, "psnr": 24.3, "ssim": 0.81}


def png(grey):
    """One grey pixel, by hand: signature, header, compressed row, end."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(bytes([0, grey]))) + chunk(b"IEND", b""))


@unittest.skipUnless(shutil.which("chromium") or shutil.which("chromium-browser"),
                     "no chromium: apt-get install --no-install-recommends chromium")
class Page(ProgramTest):
    def write_cell(self, cells, index, interval, bits, correct):
        name = f"interval={interval},weight_bits={bits},correct={correct}"
        folder = self.folder / "grid/cells" / name
        folder.mkdir(parents=True)
        config = {"model": {"name": "ldm-cifar10"}, "sampler": {"name": "ddim", "steps": 100, "guidance": 2.0},
                  "cache": {"name": "dps", "interval": interval},
                  "quant": {"name": "w", "weight_bits": bits, "act_bits": 8, "execution": "simulated"},
                  "correct": {"name": correct}, "samples": 64, "seed": 0}
        metrics = {key: {"value": value * (1 + index / 10), "std": value / 100, "protocol": {"features": "cifar"}}
                   for key, value in METRICS.items()}
        efficiency = {"macs": {"full": 9, "cached": 1, "average": 3}, "bops": 10**9, "compression": 32 / bits,
                      "estimated_speedup": 3.0,
                      "measured": {"seconds_per_image": {"median": 0.123, "min": 0.1, "max": 0.2},
                                   "speedup": {"median": 2.3, "min": 2.1, "max": 2.6}, "threads": 2, "cpu": "x",
                                   "peer": "float32", "runs": 5}}
        for file, content in (("config", config), ("metrics", {"schema": 1, "metrics": metrics}),
                              ("efficiency", efficiency)):
            (folder / f"{file}.json").write_text(json.dumps(content))
        (folder / "grid.png").write_bytes(png(20 * index))
        cells.append({"name": name})

    def test_in_a_browser(self):
        cells = []
        for index, cell in enumerate(itertools.product((5, 10), (8, 4), ("none", "direct", "dec"))):
            self.write_cell(cells, index, *cell)
        (self.folder / "grid/plan.json").write_text(json.dumps({"cells": cells}))
        call("report", self.folder / "grid", "--format", "html")
        done = subprocess.run([ROOT / "scripts/check_page", self.folder / "grid/report.html", self.folder / "shots"],
                              capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        light, dark = ((self.folder / f"shots/{name}.png").read_bytes() for name in ("light", "dark"))
        self.assertNotEqual(light, dark)


if __name__ == "__main__":
    unittest.main()
