"""The papers' networks at narrowed widths with random weights: caching, quantization and error
correction together on each, and samples that depend on nothing but their seeds."""
import json
import unittest

from program import ProgramTest, call

# Thin levels; heads and norms keep their kinds.
AUTOENCODER = ["model.first_stage.channels=32", "model.latent.size=8"]
TEXT = ["model.network.num_heads=2", "model.network.context_dim=32", "model.conditioning.width=32",
        "model.conditioning.heads=2", "model.conditioning.layers=1"]
WIDTH = ["model.network.model_channels=32"]
MODELS = {
    "ddpm-cifar10": ["model.network.channels=32", "model.latent.size=16"],
    "ldm4-imagenet": WIDTH + AUTOENCODER + ["model.network.context_dim=16",
                                            "model.conditioning.width=16",
                                            "model.first_stage.codes=16"],
    "ldm4-bedroom": WIDTH + AUTOENCODER + ["model.first_stage.codes=16"],
    "ldm8-church": WIDTH + AUTOENCODER + ["model.latent.size=16"],
    "sd14": WIDTH + AUTOENCODER + TEXT,
    "bk-sdm-base": WIDTH + AUTOENCODER + TEXT,
    "bk-sdm-small": WIDTH + AUTOENCODER + TEXT,
    "bk-sdm-tiny": WIDTH + AUTOENCODER + TEXT,
    "dit-xl-2": AUTOENCODER + ["model.network.hidden_size=32", "model.network.num_heads=2",
                               "model.network.depth=4", "model.network.input_size=8"],
}
ACCELERATED = ["quant=w8a8", "cache=dps", "cache.interval=2", "correct=dec",
               "calibration.samples=2", "quant.recompute_samples=2", "quant.cached_samples=1"]


class Networks(ProgramTest):
    def sample(self, out, model, *arguments, n=2):
        call("sample", f"model={model}", "weights=random", "sampler.steps=4",
             f"results_dir={self.folder}", *MODELS[model], *arguments, "--n", n, "--out", out)

    def psnr(self, a, b):
        done = call("evaluate", "--generated", a, "--reference", b, "--metrics", "psnr",
                    "--features", "none", "--json")
        return json.loads(done.stdout)["metrics"]["psnr"]["value"]

    def test_cached_and_quantized(self):
        for model in MODELS:
            with self.subTest(model):
                plain, fast = self.folder / f"{model}.npz", self.folder / f"{model}-fast.npz"
                self.sample(plain, model)
                self.sample(fast, model, *ACCELERATED)
                near = self.psnr(fast, plain)
                # Other images than in full precision, yet of the same seeds.
                self.assertGreater(near, 12)
                self.assertLess(near, 100)

    def test_samples_depend_on_their_seeds_alone(self):
        model, whole = "sd14", self.folder / "whole.npz"
        text = "prompt=a cat, sitting"
        self.sample(whole, model, text, "--batch", 3, "--threads", 1, n=3)
        for name, arguments in {"batch": ("--batch", 1, "--threads", 1),
                                "threads": ("--batch", 3, "--threads", 2)}.items():
            out = self.folder / f"{name}.npz"
            self.sample(out, model, text, *arguments, n=3)
            # At most 1 of 255 in every value is 48.13 dB.
            self.assertGreater(self.psnr(out, whole), 48, name)
        # Another process begins in the middle.
        out = self.folder / "images"
        self.sample(out, model, text, "--first", 2, n=1)
        everything = self.folder / "everything"
        self.sample(everything, model, text, n=3)
        (out / "grid.png").unlink()
        for path in everything.glob("*.png"):
            if path.name != "000002.png":
                path.unlink()
        self.assertGreater(self.psnr(out, everything), 48)


if __name__ == "__main__":
    unittest.main()
