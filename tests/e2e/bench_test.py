"""cq-exp bench: its document, its expectations, instruction sets."""
import json
import os
import unittest
from unittest import mock

from program import ProgramTest, call


class BenchKernels(ProgramTest):
    def test_document(self):
        done = call("bench", "kernels", "--rounds", 2, "--threads", 1, "--json",
                    "--expect", "norm_silu_ratio>=0", "--expect", "wide_product_gops>0")
        document = json.loads(done.stdout)
        self.assertEqual(set(document["peak"]),
                         {"triad_gbps", "float32_gops", "int16_gops", "int8_gops"})
        names = [kernel["name"] for kernel in document["kernels"]]
        self.assertEqual(len(names), len(set(names)))
        for kernel in document["kernels"]:
            with self.subTest(kernel["name"]):
                self.assertLessEqual(kernel["min_s"], kernel["median_s"])
                self.assertLessEqual(kernel["median_s"], kernel["max_s"])
                speed = kernel.get("gbps", kernel.get("gops"))
                products = "int16_gops" if kernel["name"] == "wide_product" else "int8_gops"
                of = "triad_gbps" if "gbps" in kernel else products
                self.assertAlmostEqual(kernel["peak_fraction"], speed / document["peak"][of],
                                       delta=1e-6 * kernel["peak_fraction"])

    def test_an_expectation_that_does_not_hold_exits_3(self):
        done = call("bench", "kernels", "--rounds", 1, "--expect", "quantize_ratio>=1e6", code=3)
        self.assertIn("quantize_ratio", done.stderr)
        self.assertIn("quantize", done.stdout)

    def test_refusals(self):
        for arguments, words in [
                (("kernel",), "kernels"),
                (("kernels", "model=ldm-cifar10"), "model=ldm-cifar10"),
                (("kernels", "--expect", "quantise_ratio>=1"), "quantize_ratio"),
                (("kernels", "--expect", "quantize_ratio"), "quantize_ratio"),
                (("kernels", "--rounds", "0"), "rounds"),
        ]:
            with self.subTest(arguments):
                done = call("bench", *arguments, code=2)
                self.assertIn(words, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_instruction_sets(self):
        best = json.loads(call("bench", "kernels", "--rounds", 1, "--json").stdout)
        for level in ("avx2", "avx512", "amx"):
            with mock.patch.dict(os.environ, CQ_ISA=level), self.subTest(level):
                try:
                    done = call("bench", "kernels", "--rounds", 1, "--json")
                except AssertionError:
                    done = call("bench", "kernels", "--rounds", 1, code=2)
                    self.assertIn("lacks", done.stderr)
                    self.assertNotEqual(best["kernels"][0]["isa"], level)
                    continue
                kernel = json.loads(done.stdout)["kernels"][0]
                self.assertEqual(kernel["isa"], level)
                self.assertEqual(kernel["target"] == "AVX2", level == "avx2")
        with mock.patch.dict(os.environ, CQ_ISA="sse9"):
            self.assertIn("avx512", call("list", "samplers", code=2).stderr)


if __name__ == "__main__":
    unittest.main()
