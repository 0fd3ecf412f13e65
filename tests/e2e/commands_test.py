"""Commands without an experiment: outputs, JSON documents, refusals."""
import json
import unittest

from program import ProgramTest, call


class Commands(ProgramTest):
    def test_list_names_everything_with_parameters(self):
        for kind, name in [("methods", "dps"), ("samplers", "ddim"), ("metrics", "fid"),
                           ("schedules", "uniform"), ("models", "ldm-cifar10")]:
            self.assertIn(name, call("list", kind).stdout)

    def test_schedule(self):
        done = call("schedule", "--method", "uniform", "--steps", 10, "--interval", 4, "--json")
        self.assertEqual(json.loads(done.stdout)["recompute"], [0, 4, 8])

    def test_bops_of_an_8_bit_network(self):
        full = json.loads(call("bops", "model=ldm-cifar10", "--json").stdout)
        small = json.loads(call("bops", "model=ldm-cifar10", "quant=w8a8", "--json").stdout)
        self.assertEqual(full["bops"], small["bops"] * 16)
        self.assertAlmostEqual(small["compression"], 4.0, delta=0.03)
        cached = json.loads(call("bops", "model=ldm-cifar10", "cache=uniform", "cache.interval=5",
                                 "sampler.steps=50", "--json").stdout)
        macs = cached["macs"]
        self.assertAlmostEqual(macs["average"], (macs["full"] + 4 * macs["cached"]) / 5, delta=1)

    def test_bops_refuses_bits_without_quantization(self):
        done = call("bops", "model=ldm-cifar10", "+quant.weight_bits=8", code=2)
        self.assertIn("override '+quant.weight_bits=8': quant.weight_bits: ", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_every_model_has_a_sampler_of_its_own(self):
        def sampler(*overrides):
            done = call("run", "configs/experiment.yaml", "+name=x", "weights=random", *overrides,
                        "--cfg", "job", "--resolve").stdout
            part = done[done.index("sampler:\n"):].split("\n")[1:]
            return part[0].strip(), part[1].strip()
        for model, name, steps in [("sd14", "plms", 50), ("bk-sdm-tiny", "plms", 50),
                                   ("dit-xl-2", "ancestral", 250), ("ldm4-imagenet", "ddim", 250),
                                   ("ddpm-cifar10", "ddim", 100)]:
            self.assertEqual(sampler(f"model={model}"), (f"name: {name}", f"steps: {steps}"))
        self.assertEqual(sampler("model=sd14", "sampler=unipc", "sampler.steps=20"),
                         ("name: unipc", "steps: 20"))

    def test_samples_do_not_depend_on_the_batch(self):
        images = []
        for batch in (3, 8):
            out = self.folder / f"{batch}.npz"
            call("sample", "model=ldm-cifar10", "weights=random", "sampler.steps=5", "--n", 8,
                 "--batch", batch, "--out", out)
            images.append(out)
        done = call("evaluate", "--generated", images[0], "--reference", images[1], "--metrics",
                    "psnr", "--features", "none", "--json")
        # At most 1 of 255 in every value is 48.13 dB.
        self.assertGreater(json.loads(done.stdout)["metrics"]["psnr"]["value"], 48)

    def test_refusals_name_the_fault(self):
        for arguments, words in [
                (("bops", "model=ldm-cifra10"), "ldm-cifar10"),
                (("run", "configs/absent.yaml"), "absent.yaml"),
                (("run", "configs/smoke.yaml", "cache.intervall=3"), "intervall"),
                (("run", "configs/smoke.yaml", "+nonsense=3"), "nonsense"),
                (("run", "configs/smoke.yaml", "samples=0"), "samples"),
                (("run", "configs/smoke.yaml", "weights=absent.safetensors"), "absent.safetensors"),
                (("run", "configs/smoke.yaml", "sampler.steps=7"), "7"),
                (("sample", "model=ldm-cifar10", "weights=random", "prompt=a cat, sitting", "--out",
                  "never.npz"), "takes no text"),
                (("sample", "model=ldm-cifar10", "weights=random", "sampler=ancestral", "--out",
                  "never.npz"), "variance"),
        ]:
            with self.subTest(arguments):
                self.assertIn(words, call(*arguments, code=2).stderr)

    def test_infeasible_bounds_are_refused_before_anything_runs(self):
        done = call("run", "configs/experiment.yaml", "+name=x", f"results_dir={self.folder}",
                    "cache=dps", "cache.max_group=2", "cache.interval=10", code=2)
        self.assertIn("[dps]", done.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
