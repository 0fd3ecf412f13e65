"""Integer execution as a user sees it: bench model, packed checkpoints, parity with simulation."""
import json
import os
import unittest

from program import ProgramTest, call

QUICK = ("model=ldm-cifar10", "sampler.steps=4", "calibration.samples=8",
         "quant.recompute_samples=8", "quant.cached_samples=4")


class BenchModel(ProgramTest):
    def test_document(self):
        done = call("bench", "model", "model=dit-cifar10", "--rounds", 2, "--threads", 1, "--batch",
                    2, "sampler.steps=4", "cache.interval=2", "--json", "--expect",
                    "integer_over_simulated>=0")
        document = json.loads(done.stdout)
        cells = document["cells"]
        self.assertEqual({(c["execution"], c["step"]) for c in cells},
                         {(e, s) for e in ("float32", "bfloat16", "simulated", "integer")
                          for s in ("full", "cached")})
        for cell in cells:
            with self.subTest(cell["execution"] + cell["step"]):
                self.assertEqual(cell["batch"], 2)
                self.assertEqual(cell["threads"], 1)
                self.assertLessEqual(cell["min_s"], cell["median_s"])
                peak = document["peak"][cell["execution"] + "_gops"]
                self.assertAlmostEqual(cell["peak_fraction"], cell["gops"] / peak, places=9)
        # As many operations in every execution; the cached step of half of the blocks has fewer.
        work = {(c["execution"], c["step"]): c["gops"] * c["median_s"] for c in cells}
        self.assertAlmostEqual(work["float32", "full"], work["integer", "full"], places=6)
        self.assertLess(work["integer", "cached"], work["integer", "full"])
        self.assertEqual([r["steps"] for r in document["sampler"]], [4] * 8)
        self.assertEqual(document["sampler"][0]["speedup"], 1)

    def test_layers_are_explained_and_drawn(self):
        done = call("bench", "model", "model=dit-cifar10", "--executions", "integer", "--explain")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "integer")
        # 6 blocks of 5 linear layers and an attention; patches, time (2), the end (2).
        self.assertEqual(len(lines) - 2, 6 * 6 + 5)
        for line in lines[2:]:
            self.assertRegex(line, "bits")
            self.assertNotIn("float32", line)
        # The list of executions ends where an override begins.
        done = call("bench", "model", "--executions", "float32", "integer", "model=dit-cifar10",
                    "--explain")
        self.assertEqual(done.stdout[-len("\n".join(lines)) - 1:].splitlines(), lines)
        picture = self.folder / "roofline.svg"
        call("bench", "model", "model=dit-cifar10", "--executions", "integer", "--rounds", 1,
             "sampler.steps=2", "cache.interval=2", "--roofline", picture)
        self.assertIn("operations per byte", picture.read_text())

    def test_refusals(self):
        for arguments, word in [(("--executions", "int8"), "integer"),
                                (("--expect", "integer_over_float=1"), "integer_over_float"),
                                (("quant=none",), "quant=none"),
                                (("quant.weight_bits=9",), "weight_bits")]:
            done = call("bench", "model", "model=dit-cifar10", *arguments, code=2)
            self.assertIn(word, done.stderr)
            self.assertEqual(done.stdout, "")


class Packed(ProgramTest):
    def pack(self, quant, *more):
        out = os.path.join(self.folder, quant + ".safetensors")
        call("convert", os.environ.get("CQ_LDM", "models/ldm-cifar10.safetensors"), out,
             f"quant={quant}", f"results_dir={self.folder}/results", *QUICK, *more)
        return out

    def test_samples_are_those_of_the_float_weights(self):
        groups = ("cache=dps", "cache.interval=2", "correct=dec")
        counted = json.loads(call("bops", "model=ldm-cifar10", "--json").stdout)
        for quant, most in (("w8a8", 0.265), ("w4a8", 0.14)):
            with self.subTest(quant):
                packed = self.pack(quant, *groups)
                self.assertLess(os.path.getsize(packed), most * 4 * counted["parameters"])
                results = f"results_dir={self.folder}/results"
                a, b = (os.path.join(self.folder, x + ".npz") for x in "ab")
                call("sample", *QUICK, f"quant={quant}", "quant.execution=integer", *groups, results,
                     "--n", 4, "--out", a)
                call("sample", "model=ldm-cifar10", f"weights={packed}", "--n", 4, "--batch", 3,
                     "--out", b)
                with open(a, "rb") as first, open(b, "rb") as second:
                    self.assertEqual(first.read(), second.read())

    def test_a_packed_checkpoint_fixes_its_groups(self):
        packed = self.pack("w8a8")
        out = os.path.join(self.folder, "x.npz")
        for override in ("quant=w4a8", "cache=uniform", "sampler.steps=10"):
            done = call("sample", "model=ldm-cifar10", f"weights={packed}", override, "--n", 1,
                        "--out", out, code=2)
            self.assertIn(override, done.stderr)
        done = call("sample", "model=dit-cifar10", f"weights={packed}", "--n", 1, "--out", out,
                    code=2)
        self.assertIn("ldm-cifar10", done.stderr)


if __name__ == "__main__":
    unittest.main()
