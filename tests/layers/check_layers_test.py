#!/usr/bin/env python3
"""Feeds scripts/check_layers small trees, each with one fault (or none)."""
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/check_layers")

GOOD = {
    "cq/base/error.h": "#pragma once\n#include <string>\n",
    "cq/config/node.h": '#include "cq/base/error.h"\n',
    "cq/core/cache.h": '#include <ATen/core/Tensor.h>\n\n#include "cq/config/node.h"\n',
    "cq/core/io/hdf5_file.cc": '#include <hdf5.h>\n#include <zip.h>\n',
    "cq/methods/cache/dps.cc": '#include "cq/core/cache.h"\n',
    "cq/metrics/fid.cc": '#include "cq/core/cache.h"\n',
    "cq/experiments/harness/store.cc": '#include "cq/base/error.h"\n',
    "cq/experiments/cli.cc": '#include "cq/methods/register.h"\n#include "cq/metrics/metric.h"\n',
    "cq/main.cc": '#include "cq/experiments/cli.h"\n',
    "tests/core/cache_test.cc": '#include "cq/core/cache.h"\n',
}


def run(changes):
    """Exit code and messages of the checker on the good tree with some files replaced."""
    with tempfile.TemporaryDirectory() as root:
        for name, text in {**GOOD, **changes}.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
        done = subprocess.run([sys.executable, SCRIPT, root], capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stderr


class CheckLayers(unittest.TestCase):
    def refused(self, name, text, *expected):
        code, messages = run({name: text})
        self.assertEqual(code, 1, messages)
        self.assertEqual(len(messages.splitlines()), 1, messages)
        for part in (name, *expected):
            self.assertIn(part, messages)

    def test_a_good_tree_passes(self):
        self.assertEqual(run({}), (0, ""))

    def test_upward_includes(self):
        for name, included in [("cq/base/a.cc", "cq/config/node.h"),
                               ("cq/config/a.h", "cq/core/cache.h"),
                               ("cq/core/a.cc", "cq/methods/register.h"),
                               ("cq/core/a.cu", "cq/metrics/metric.h"),
                               ("cq/core/io/a.cc", "cq/experiments/cli.h"),
                               ("cq/methods/quant/a.cc", "cq/experiments/cli.h"),
                               ("cq/experiments/harness/a.cc", "cq/core/cache.h"),
                               ("cq/experiments/reports/a.cc", "cq/experiments/cli.h"),
                               ("cq/experiments/pipeline/a.cc", "cq/experiments/commands/run.h"),
                               ("cq/experiments/pipeline/a.cc", "cq/experiments/training/a.h"),
                               ("cq/experiments/setup/a.cc", "cq/experiments/pipeline/spec.h"),
                               ("cq/experiments/training/a.cc", "cq/experiments/setup/prompts.h"),
                               ("cq/main.cc", "cq/core/cache.h")]:
            with self.subTest(name):
                self.refused(name, f'#include <map>\n#include "{included}"\n', f"{name}:2:",
                             included)

    def test_methods_and_metrics_do_not_see_each_other(self):
        self.refused("cq/methods/cache/a.cc", '#include "cq/metrics/metric.h"\n', "cq/metrics/")
        self.refused("cq/metrics/a.cc", '#include "cq/methods/register.h"\n', "cq/methods/")

    def test_brackets_and_spaces_hide_nothing(self):
        self.refused("cq/base/a.cc", "  #  include <cq/core/cache.h>\n", "cq/core/cache.h")

    def test_relative_includes(self):
        self.refused("cq/core/a.cc", '#include "../methods/register.h"\n', "full path")

    def test_wrapped_libraries(self):
        for header, library in [("zip.h", "libzip"), ("hdf5.h", "HDF5"), ("H5Fpublic.h", "HDF5"),
                                ("opencv2/imgproc.hpp", "OpenCV")]:
            with self.subTest(header):
                self.refused("cq/core/a.cc", f"#include <{header}>\n", library)
                self.refused("cq/experiments/a.cc", f"#include <{header}>\n", library)

    def test_tensors_stay_out_of_the_tensor_free_layers(self):
        for folder in ["cq/base", "cq/config", "cq/experiments/harness", "cq/experiments/reports"]:
            with self.subTest(folder):
                self.refused(f"{folder}/a.h", "#include <ATen/core/Tensor.h>\n", "libtorch")

    def test_core_names_no_method(self):
        self.refused("cq/core/a.cc", 'bool is_dps(S s) {\n  return s == "dps";\n}\n',
                     "cq/core/a.cc:2:", '"dps"')

    def test_unknown_folders(self):
        self.refused("cq/utils/a.h", "#include <map>\n", "belongs to no layer")

    def test_an_empty_tree_is_no_success(self):
        with tempfile.TemporaryDirectory() as root:
            done = subprocess.run([sys.executable, SCRIPT, root], capture_output=True, check=False)
            self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
