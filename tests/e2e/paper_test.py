"""The paper's tables in configs/paper: all plan, and narrowed networks run them to a report."""
import json
import unittest

from program import ROOT, ProgramTest, call

NARROW = {
    "ldm4_imagenet_ablation": ["model.network.model_channels=32", "model.network.context_dim=16",
                               "model.network.channel_mult=[1,2]",
                               "model.network.attention_resolutions=[2]",
                               "model.conditioning.width=16", "model.latent.size=8",
                               "model.first_stage.channels=32",
                               "model.first_stage.channel_mult=[1,1,1]",
                               "model.first_stage.codes=16"],
    "dit_xl_2": ["model.network.hidden_size=32", "model.network.num_heads=2",
                 "model.network.depth=4", "model.network.input_size=8", "model.latent.size=8",
                 "model.first_stage.channels=32", "model.first_stage.channel_mult=[1,1,1,1]"],
}


class Paper(ProgramTest):
    def test_every_table_plans(self):
        for path in sorted((ROOT / "configs/paper").glob("*.yaml")):
            with self.subTest(path.name):
                done = call("run", path, "weights=random", f"results_dir={self.folder}",
                            "--dry-run")
                self.assertIn("cells", done.stdout + done.stderr)

    def test_narrowed_tables_run(self):
        for name, overrides in NARROW.items():
            with self.subTest(name):
                call("run", f"configs/paper/{name}.yaml", "weights=random",
                     f"results_dir={self.folder}", "sampler.steps=40", "samples=2", "batch=2",
                     "calibration.samples=2", "quant.recompute_samples=2",
                     "quant.cached_samples=1", "measure.rounds=1", *overrides)
                report = (self.folder / f"paper_{name}" / "report.md").read_text()
                self.assertIn("Beside the paper", report)
                cells = self.folder / f"paper_{name}" / "cells"
                for path in cells.glob("*/efficiency.json"):
                    self.assertGreater(json.loads(path.read_text())["bops"], 0)
                # Nothing is there to judge images with: dashes, and the reason.
                for path in cells.glob("*/metrics.json"):
                    document = json.loads(path.read_text())
                    self.assertIsNone(document["metrics"]["fid"])
                    self.assertIn("data.features", document["missing"]["fid"])
                self.assertIn("data.features names no weights", report)
                self.assertIn("Random weights", report)


if __name__ == "__main__":
    unittest.main()
