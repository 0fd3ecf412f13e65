"""docs/reference.md is what the program writes; `cq-exp list` knows every component."""
import json
import unittest

from program import ROOT, ProgramTest, call


class Reference(ProgramTest):
    def test_page_is_fresh(self):
        page = (ROOT / "docs/reference.md").read_text()
        self.assertEqual(call("list", "--markdown").stdout, page,
                         "stale: cq-exp list --markdown > docs/reference.md")

    def test_every_component_says_what_it_is(self):
        for kind, entries in json.loads(call("list", "--json").stdout).items():
            self.assertTrue(entries, kind)
            for entry in entries:
                for param in entry["params"]:
                    where = f"{kind} {entry['name']} {param['name']}"
                    self.assertTrue(param["doc"], where)
                    self.assertTrue(param["type"], where)
                    self.assertIn("default", param, where)
            if kind != "models":
                one = json.loads(call("list", kind, entries[-1]["name"], "--json").stdout)
                self.assertEqual(one, {kind: [entries[-1]]})

    def test_unknown_names(self):
        self.assertIn("did you mean 'samplers'", call("list", "sampler", code=2).stderr)
        self.assertIn("did you mean 'ddim'", call("list", "samplers", "ddin", code=2).stderr)


if __name__ == "__main__":
    unittest.main()
