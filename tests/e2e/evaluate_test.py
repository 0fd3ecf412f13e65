"""`cq-exp evaluate` on damaged and unfit input: exit code, the file's name, nothing on stdout; and
what must not change a digit."""
import base64
import json
import os
import subprocess
import unittest
import zipfile

from arrays import normal, npy, npy_header, npz, png, png_of
from program import PROGRAM, ROOT, ProgramTest, call


# 32 x 32 pixels by Pillow: four quadrants, without loss; and all of them 128.
WEBP = bytes.fromhex("5249464634000000574542505650384c280000002f1fc00700059100894bdce97b239926164ce67f8611a540"
                     "208964cef1fb3f013dbcc67e057cb05f")
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ"
    "EBAQEBAQEBAQEBAQH/wAALCAAgACABAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEA"
    "AD8AAAAAAP/Z")


class Evaluate(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write("x.npy", npy(normal(1, 60, 6), (60, 6)))
        self.write("y.npy", npy(normal(2, 50, 6, 0.3), (50, 6)))

    def write(self, name, data):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path

    def images(self, name, seed, count=6, size=(32, 32)):
        for i in range(count):
            self.write(f"{name}/{i:02}.png", png(seed + i, *size))
        return self.folder / name

    def refused(self, generated, *words, code=(2,), metrics="fid", reference="y.npy",
                features="none", more=()):
        done = subprocess.run(
            [PROGRAM, "evaluate", "--generated", self.folder / generated, "--reference",
             self.folder / reference, "--features", features, "--metrics", metrics, "--json",
             "--cache", "none", *more], capture_output=True, text=True, cwd=ROOT, timeout=120)
        self.assertIn(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertIn(generated.split("/")[0], done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        return done

    def value(self, *arguments, name="fid", code=0):
        done = call("evaluate", "--features", "none", "--metrics", name, "--json", *arguments,
                    code=code)
        return json.loads(done.stdout)["metrics"][name]["value"]

    def test_cut_arrays_are_damaged(self):
        covariance = [float(i == j) for i in range(6) for j in range(6)]
        statistics = {"mu": npy([0] * 6, (6,), "<f8"), "sigma": npy(covariance, (6, 6), "<f8")}
        for name, whole in [("a.npy", npy(normal(1, 60, 6), (60, 6))), ("b.npz", npz(statistics)),
                            ("c.npz", npz(statistics, compressed=True)),
                            ("d.npz", npz({"features": npy(normal(1, 60, 6), (60, 6))}))]:
            self.write(name, whole)
            self.value("--generated", self.folder / name, "--reference", self.folder / "y.npy")
            for size in (5, len(whole) // 2, len(whole) - 1):
                with self.subTest(file=name, size=size):
                    self.write("cut." + name, whole[:size])
                    self.refused("cut." + name, code=(1, 2))

    def test_flipped_bytes_of_archives_are_found(self):
        for compressed in (False, True):
            whole = bytearray(npz({"features": npy(normal(1, 60, 6), (60, 6))}, compressed))
            whole[len(whole) // 2] ^= 0x40
            self.write("flipped.npz", bytes(whole))
            self.refused("flipped.npz", "CRC", code=(1,))

    def test_cut_images_are_damaged_and_found_before_the_network_runs(self):
        self.images("b", 50)
        whole = png(3, 32, 32)
        for size in (0, 20, len(whole) // 2, len(whole) - 13):
            self.images("a", 1)
            self.write("a/03.png", whole[:size])
            with self.subTest(size=size):
                self.refused("a", "03.png", "--skip-bad", code=(1,), reference="b",
                             features="cifar")
        done = call("evaluate", "--generated", self.folder / "a", "--reference",
                    self.folder / "b", "--metrics", "fid", "--json", "--skip-bad", "--cache",
                    "none")
        self.assertEqual(json.loads(done.stdout)["metrics"]["fd_cifar"]["protocol"]
                         ["skipped_images"], 1)

    def test_images_of_several_sizes_and_of_none(self):
        self.images("b", 50)
        self.images("a", 1)
        self.write("a/99.png", png(1, 16, 32))
        self.refused("a", "99.png", "one size", reference="b", features="cifar")
        self.images("c", 1, size=(48, 32))
        self.refused("c", "32 x 32", "got 32 x 48", reference="b", features="cifar")
        (self.folder / "d").mkdir()
        self.refused("d", "no images", reference="b", features="cifar")
        self.images("e", 1, count=1)
        self.refused("e", "at least 2", reference="b", features="cifar")

    def test_arrays_that_do_not_fit(self):
        for name, values, shape, kind, words, metrics in [
                ("int.npy", range(12), (2, 6), "<i4", "float type", "fid"),
                ("cube.npy", normal(1, 4, 6), (2, 2, 6), "<f4", "two-dimensional", "fid"),
                ("flat.npy", normal(1, 1, 6), (6,), "<f4", "two-dimensional", "fid"),
                ("none.npy", [], (0, 6), "<f4", "at least 2", "fid"),
                ("one.npy", normal(1, 1, 6), (1, 6), "<f4", "at least 2", "fid"),
                ("three.npy", normal(1, 3, 6), (3, 6), "<f4", "at least 4", "precision"),
                ("three.npy", normal(1, 3, 6), (3, 6), "<f4", "at least 4", "recall"),
                ("five.npy", normal(1, 5, 6), (5, 6), "<f4", "at least 6", "density"),
                ("five.npy", normal(1, 5, 6), (5, 6), "<f4", "at least 6", "coverage"),
                ("some.npy", normal(1, 19, 6), (19, 6), "<f4", "at least 20", "fid_inf"),
                ("some.npy", normal(1, 60, 6), (60, 6), "<f4", "at least 1000", "kid"),
                ("wide.npy", normal(1, 60, 7), (60, 7), "<f4", "7 and 6 wide", "fid"),
                ("wide.npy", normal(1, 60, 7), (60, 7), "<f4", "7 and 6 wide", "precision")]:
            with self.subTest(file=name, metric=metrics):
                self.write(name, npy(list(values), shape, kind))
                self.refused(name, words, metrics=metrics)
        for bad in (float("nan"), float("inf")):
            values = normal(1, 60, 6)
            values[100] = bad
            self.write("holes.npy", npy(values, (60, 6)))
            self.refused("holes.npy", "row 16", metrics="fid,cmmd,precision", code=(1,))

    def test_types_that_torch_lacks_are_usage_faults(self):
        for kind, size in (("<c32", 32), (">c16", 16)):
            data = npy_header((60, 6), kind) + bytes(60 * 6 * size)
            self.write("odd.npy", data)
            self.write("odd.npz", npz({"features": data}))
            for name in ("odd.npy", "odd.npz"):
                with self.subTest(kind=kind, file=name):
                    self.refused(name, kind)
        logits = call("evaluate", "--logits", self.folder / "odd.npy", "--metrics", "is",
                      "--features", "none", code=2)
        self.assertIn("odd.npy", logits.stderr)

    def test_statistics_that_are_none(self):
        unit = [float(i == j) for i in range(6) for j in range(6)]

        def statistics(mean=(0,) * 6, change=(), shape=(6, 6)):
            covariance = list(unit)
            for at, value in change:
                covariance[at] = value
            return npz({"mu": npy(mean, (len(mean),), "<f8"),
                        "sigma": npy(covariance, shape, "<f8")})
        for words, data in [("symmetric", statistics(change=[(1, 1.0)])),
                            ("negative variance", statistics(change=[(0, -1.0)])),
                            ("no covariance", statistics(change=[(1, 9.0), (6, 9.0)])),
                            ("NaN", statistics(change=[(0, float("nan"))])),
                            ("mu must be [D]", statistics(shape=(4, 9))),
                            ("wide", statistics(mean=(0,) * 7))]:
            self.write("bad.npz", data)
            with self.subTest(words):
                self.refused("bad.npz", words if words != "wide" else "", code=(1, 2))

    def test_neither_threads_nor_batches_nor_order_change_a_digit(self):
        rows = normal(1, 400, 48)
        self.write("s.npy", npy(rows, (400, 48)))
        backwards = [v for i in reversed(range(400)) for v in rows[48 * i:48 * i + 48]]
        self.write("t.npy", npy(backwards, (400, 48)))
        self.write("r.npy", npy(normal(2, 300, 48, 0.2), (300, 48)))
        metrics = ("fid", "fid_inf", "kid", "cmmd", "precision", "recall", "density", "coverage")
        documents = []
        for threads, file in ((1, "s.npy"), (2, "s.npy"), (3, "t.npy")):
            done = call("evaluate", "--features", "none", "--generated", self.folder / file,
                        "--reference", self.folder / "r.npy", "--metrics", ",".join(metrics),
                        "--kid-subset-size", 100, "--threads", threads, "--json")
            documents.append(json.loads(done.stdout))
        self.assertEqual(documents[1], documents[0])
        self.assertEqual(documents[2], documents[0])

    def test_images_change_nothing_beyond_rounding(self):
        a, b = self.images("a", 1, count=12), self.images("b", 50, count=12)
        values = []
        for batch, threads in ((1, 1), (5, 2), (64, 2)):
            done = call("evaluate", "--generated", a, "--reference", b, "--metrics", "fid",
                        "--batch", batch, "--threads", threads, "--json", "--cache", "none")
            values.append(json.loads(done.stdout)["metrics"]["fd_cifar"]["value"])
        for value in values[1:]:
            self.assertAlmostEqual(value, values[0], delta=1e-6 * abs(values[0]))

    def test_a_frechet_distance_of_another_network_bears_its_name(self):
        a, b = self.images("a", 1), self.images("b", 50)
        asked = ["evaluate", "--generated", a, "--reference", b, "--metrics", "fid,fid_inf,is",
                 "--is-splits", 2, "--cache", "none"]
        self.assertIn("at least 20", call(*asked, code=2).stderr)
        asked[asked.index("fid,fid_inf,is")] = "fid,is"
        self.assertEqual(list(json.loads(call(*asked, "--json").stdout)["metrics"]),
                         ["fd_cifar", "is_cifar"])
        text = call(*asked).stdout
        self.assertRegex(text, r"(?m)^fd_cifar +\d")
        self.assertIn("network: cifar", text)
        self.assertNotRegex(text, r"(?mi)^fid\b")

    def test_types_and_orders_of_arrays_change_nothing(self):
        values = [round(32 * v) / 32 for v in normal(3, 60, 6)]  # exact in half precision
        found = {self.value("--generated", self.write("x.npz", npz(
            {"features": npy(values, (60, 6))}, compressed=True)), "--reference",
            self.folder / "y.npy")}
        for i, (kind, fortran) in enumerate([("<f2", False), (">f2", True), ("<f4", False),
                                             (">f4", False), ("<f4", True), ("<f8", False),
                                             (">f8", True), ("<f16", False), (">f16", True)]):
            file = self.write(f"{i}.npy", npy(values, (60, 6), kind, fortran))
            found.add(self.value("--generated", file, "--reference", self.folder / "y.npy"))
        self.assertEqual(len(found), 1, found)

    def test_images_of_every_kind(self):
        b = self.images("b", 50)
        quadrants = [bytes((200, 30, 60)) * 16 + bytes((10, 120, 240)) * 16] * 16 + [
            bytes(48) + bytes([255] * 48)] * 16
        grey = [bytes([128] * 96)] * 32
        found = []
        for name, files in [("pngs", {"3.png": png_of(quadrants), "4.png": png_of(grey)}),
                            ("all", {"3.webp": WEBP, "4.jpg": JPEG})]:
            self.images(name, 1, count=3)
            for file, data in files.items():
                self.write(f"{name}/{file}", data)
            done = call("evaluate", "--generated", self.folder / name, "--reference", b,
                        "--metrics", "fid", "--json", "--cache", "none")
            found.append(json.loads(done.stdout)["metrics"]["fd_cifar"])
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0]["protocol"]["samples"], 5)

    def peak_memory(self, images):
        """Bytes at most in memory while so many pairs of 256 x 256 are compared."""
        path = self.folder / f"{images}.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            with archive.open("arr_0.npy", "w") as out:
                out.write(npy_header((images, 256, 256, 3), "|u1"))
                for i in range(images):
                    out.write(bytes([i % 256]) * (256 * 256 * 3))
        child = subprocess.Popen(
            [PROGRAM, "evaluate", "--generated", path, "--reference", path, "--metrics", "psnr",
             "--features", "none", "--json"], stdout=subprocess.DEVNULL, cwd=ROOT)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(child.returncode, 0)
        return usage.ru_maxrss * 1024

    def test_images_are_never_all_in_memory(self):
        few = self.peak_memory(8)
        self.assertLess(self.peak_memory(400) - few, 400 * 256 * 256 * 3 / 4)

    def test_expectations_decide(self):
        arguments = ("--generated", self.folder / "x.npy", "--reference", self.folder / "y.npy")
        self.value(*arguments, "--expect", "fid<=100")
        self.value(*arguments, "--expect", "fid<=0.0001", code=3)


if __name__ == "__main__":
    unittest.main()
