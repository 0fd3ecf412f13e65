"""`cq-exp collect`: what distributed workers left becomes results."""
import json
import subprocess
import unittest

from grid import CONFIG, results
from program import ProgramTest, call


class Collect(ProgramTest):
    def test_publishes_what_is_complete_and_computes_nothing(self):
        config = self.folder / "grid.yaml"
        config.write_text(CONFIG.replace("samples: 48", "samples: 8"))
        folder = self.folder / "grid"
        # Two workers: the launch with the frozen cells stays.
        call("run", config, f"results_dir={self.folder}", "launcher.workers=2")
        expected = results(self.folder)
        (folder / "cells/cache=none/cell.json").unlink()
        (folder / "cells/cache=uniform/cell.json").unlink()
        (folder / "report.html").unlink()
        done = call("collect", folder, "--json")
        status = json.loads(done.stdout)
        self.assertEqual((status["collected"], status["done"], status["cells"]), (2, 2, 2))
        self.assertEqual(results(self.folder), expected)
        self.assertTrue((folder / "report.html").is_file())
        # Without the stage it is not computed, but named.
        (folder / "cells/cache=none/cell.json").unlink()
        for stage in (self.folder / ".store/metrics").iterdir():
            subprocess.run(["rm", "-r", stage], check=True)
        status = json.loads(call("collect", folder, "--json", code=1).stdout)
        self.assertEqual((status["collected"], status["waiting"]), (0, ["cache=none"]))
        call("collect", self.folder, code=2)


if __name__ == "__main__":
    unittest.main()
