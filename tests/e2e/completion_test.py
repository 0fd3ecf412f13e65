"""`cq-exp completion`: what the program offers, and what bash and zsh make of it."""
import os
import pty
import select
import shutil
import signal
import subprocess
import time
import unittest

from program import PROGRAM, ROOT, ProgramTest, call


def offered(line):
    return call("complete", line).stdout.split("\n")[:-1]


class Offers(ProgramTest):
    def test_commands_and_flags(self):
        self.assertIn("run", offered("cq-exp "))
        self.assertEqual(offered("cq-exp sam"), ["sample"])
        self.assertIn("--dry-run", offered("cq-exp run configs/smoke.yaml --d"))
        self.assertEqual(offered("cq-exp bops --counter "), ["deepcache", "thop"])
        self.assertEqual(offered("cq-exp run x.yaml --cfg "), ["job"])
        self.assertIn("dps", offered("cq-exp schedule --method d"))
        self.assertEqual(offered("cq-exp nonsense "), [])

    def test_lists(self):
        self.assertIn("samplers", offered("cq-exp list s"))
        self.assertEqual(offered("cq-exp list samplers ddi"), ["ddim"])

    def test_overrides(self):
        self.assertIn("sampler=", offered("cq-exp sample sampl"))
        self.assertIn("sampler.", offered("cq-exp sample sampl"))
        self.assertEqual(offered("cq-exp run configs/smoke.yaml quant=w8"), ["quant=w8a8"])
        self.assertEqual(offered("cq-exp run configs/smoke.yaml -m quant=none,w8"), ["quant=none,w8a8"])
        self.assertIn("calibration.samples=", offered("cq-exp run configs/smoke.yaml calibration."))
        self.assertEqual(offered("cq-exp run configs/smoke.yaml record.dtype=float1"),
                         ["record.dtype=float16"])
        # A parameter that the config does not hold is added with +.
        present = offered("cq-exp run configs/smoke.yaml cache=dps cache.")
        added = offered("cq-exp run configs/smoke.yaml cache=dps +cache.")
        self.assertFalse(set(present) & {word[1:] for word in added})
        self.assertTrue(all(word.startswith("+cache.") for word in added))
        self.assertEqual(offered("cq-exp run no/such.yaml calib"), [])

    def test_every_offer_composes(self):
        """Each option that is offered for a group is one."""
        for group in ("sampler", "cache", "quant", "correct"):
            for word in offered(f"cq-exp run configs/smoke.yaml {group}="):
                call("run", "configs/experiment.yaml", word, "--cfg", "job")


class Bash(ProgramTest):
    def function(self, line):
        """What the completion function leaves in COMPREPLY, words cut as readline cuts them."""
        words = line.replace("=", " = ").split(" ")
        words = [word for word in words[:-1] if word] + [words[-1]]
        if not words[-1] and line.endswith("="):
            words.pop()
        listed = " ".join(f"'{word}'" for word in words)
        script = (f"source <('{PROGRAM}' completion bash); COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}};"
                  f"COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1};"
                  f"_cq_exp '{PROGRAM}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=ROOT,
                              timeout=60, check=True)
        return done.stdout.split()

    def test_words_behind_equal_signs(self):
        self.assertEqual(self.function("cq-exp run configs/smoke.yaml quant=w8"), ["w8a8"])
        self.assertIn("w8a8", self.function("cq-exp run configs/smoke.yaml quant="))
        self.assertIn("quant=", self.function("cq-exp run configs/smoke.yaml qua"))

    def test_in_a_terminal(self):
        """An interactive bash and its own readline."""
        terminal = Terminal(self, "bash", "--norc", "--noprofile", "-i")
        terminal.type("source <(cq-exp completion bash); echo rea''dy\n")
        terminal.wait_for(b"ready")
        terminal.type("echo un''touched; cq-exp run configs/smoke.yaml quant=w8\t")
        terminal.wait_for(b"quant=w8a8")


@unittest.skipUnless(shutil.which("zsh"), "no zsh: scripts/setup --checks installs it")
class Zsh(ProgramTest):
    """An interactive zsh and its own line editor."""

    def setUp(self):
        super().setUp()
        self.terminal = Terminal(self, "zsh", "-f", "-i")
        self.terminal.type(f"PS1='> '; autoload -Uz compinit; compinit -u -d {self.folder}/dump; "
                           "unsetopt beep; source <(cq-exp completion zsh); echo rea''dy\n")
        self.terminal.wait_for(b"ready")

    def test_options_commands_flags_and_keys(self):
        for line, expected in (
                ("cq-exp run configs/smoke.yaml quant=w8\t", b"quant=w8a8"),
                ("cq-exp run configs/smoke.yaml quant=none,w8\t", b"quant=none,w8a8"),
                ("cq-exp sam\t", b"cq-exp sample"),
                ("cq-exp run --dry\t", b"--dry-run"),
                ("cq-exp run configs/smoke.yaml calibration.sam\t", b"calibration.samples="),
                # Nothing of ours fits: files.
                ("cq-exp run configs/smo\t", b"configs/smoke.yaml")):
            with self.subTest(line):
                self.terminal.type(line)
                self.terminal.wait_for(expected)
                self.terminal.type("\x15")  # drops the line

    def test_a_completed_key_waits_for_its_value(self):
        """No blank comes behind `key=`."""
        self.terminal.type("cq-exp run configs/smoke.yaml calibration.sam\t7\x01echo \n")
        self.terminal.wait_for(b"cq-exp run configs/smoke.yaml calibration.samples=7\r\n")


class Terminal:
    """An interactive shell in a terminal of its own."""

    def __init__(self, test, *shell):
        process, self.file = pty.fork()
        if process == 0:
            os.chdir(ROOT)
            os.environ["PATH"] = os.path.dirname(PROGRAM) + ":" + os.environ["PATH"]
            os.environ["TERM"] = "dumb"
            os.execvp(shell[0], shell)
        self.test = test
        test.addCleanup(self.end, process)

    def end(self, process):
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(self.file)

    def type(self, text):
        os.write(self.file, text.encode())

    def wait_for(self, text):
        seen = b""
        until = time.monotonic() + 60
        while text not in seen:
            self.test.assertLess(time.monotonic(), until, seen)
            if select.select([self.file], [], [], 1)[0]:
                seen += os.read(self.file, 65536)


if __name__ == "__main__":
    unittest.main()
