"""Cases drawn at random from Hydra's and OmegaConf's grammars, with what Hydra 1.3.2 gives for them.

usage: random_cases.py OUT.json [--seed N] [--cases N]
"""

import argparse
import json
import random

import hydra_reference
import token_cases

SCALARS = ["1", "-3", "0", "1.5", "1e-4", ".5", "1_000", "0x1f", "true", "false", "yes", "off", "null", "~",
           "''", "'a b'", '"q\\n"', "word", "two words", "'1'", "a:b", "???", "1e5", "inf", "-.inf", "0o7", "010",
           "2020-01-01", "é", "a#b", "'it''s'", "12:30", "<x>", "a-b", "_", "1.0", "nan"]
VALUES = ["1", "-1", "1.5", "1e-4", "true", "null", "abc", "'a b'", '"x,y"', "a\\ b", "[1,2]", "[]", "{}", "{a:1}",
          "{a:{b:[1,x]}}", "[{a:1},[2]]", "'1'", "a/b", "a:b", "${p}", "${g0.k0}", "'${p} ${q}'", "int('3')",
          "str(1.5)", "float(2)", "bool(1)", "sort([3,1,2])", "''", "", "yes", "???", "a\\,b", "x=y", "1_0", "int([1.5,2])",
          "str([1,a,null])", "sort(['b','a'],reverse=true)", "{a:'x, y',b:${p}}", "'\\'q\\''", "[ 1 , 'a' ]", "inf",
          "a.b", "-", "@x", "a b", "[a,", "{a}", "f(1)", "'open", "a,", "{a:1,b:${oc.env:CQ_GOLDEN_VAR}}"]
SWEEPS = ["1,2", "a,b,c", "range(3)", "range(1,8,3)", "range(0,1,0.25)", "range(3,0,-1)", "range(stop=4,step=2)",
          "choice(x,y)", "choice(1,[2,3],{a:4})", "sort(3,1,2)", "sort(range(3,0,-1))", "sort(choice(c,a,b),reverse=true)",
          "tag(t,choice(1,2))", "int(1.5,2.5)", "str(range(2))", "float(choice(1,2))", "[1,2],[3]", "{a:1},{a:2}",
          "'a,b',c", "null,1", "bool(0,1)", "tag(u,v,range(2))", "range(2,2)", "sort(a,1)", "choice()", "shuffle(1)",
          "int(range(0.5,3))", "${p},2", "interval(0,1)", "range(0,1,0)"]
INTERPOLATIONS = ["${p}", "${q}", "x${p}y", "${l}", "${l[0]}", "${l.1}", "${d}", "${d.a}", "${d[a]}", "${d.b.c}",
                  "${.p}", "${..p}", "${nope}", "${oc.env:CQ_GOLDEN_VAR}", "${oc.env:CQ_GOLDEN_UNSET,5}",
                  "${oc.env:CQ_GOLDEN_UNSET,null}", "${oc.env:CQ_GOLDEN_UNSET,'a b'}", "${oc.env:CQ_GOLDEN_UNSET}",
                  "${oc.select:d.a}", "${oc.select:nope}", "${oc.select:nope,7}", "${oc.select:nope,${p}}",
                  "${oc.select:d.b.zz,[1,2]}", "${oc.select:mis,3}", "${oc.decode:'[1, 2]'}", "${oc.decode:'1e3'}",
                  "${oc.decode:${oc.env:CQ_GOLDEN_UNSET,'{a: 1}'}}", "${oc.decode:null}", "${oc.create:{x: 1, y: [2]}}",
                  "${oc.create:[1, ${p}]}", "${oc.create:${d}}", "${oc.dict.keys:d}", "${oc.dict.values:d}",
                  "${oc.dict.keys:d.b}", "${oc.dict.values:d.b}", "${oc.dict.keys:l}", "${oc.deprecated:d.a}",
                  "${oc.deprecated:p,'gone $OLD_KEY'}", "${oc.deprecated:nope}", "${${w}}", "${d.${w}}", "${l.${i}}",
                  "\\${p}", "\\\\${p}", "$p", "${p", "$${p}", "${p}${q}", "${d.b.c} and ${l[1]}", "${mis}", "${g0}",
                  "${g0.k0}", "${oc.nope:1}", "${oc.env:'CQ_GOLDEN_VAR'}", "${oc.env:CQ_${v}}", "${d.}", "${}", "${ p }",
                  "${g1.k1}/${g0.k0}", "${oc.select:.p}", "${oc.select:'d.a'}", "${oc.dict.keys:${d}}"]
BASE = "p: 4\nq: text\nl: [10, twenty, 30.5]\nd: {a: 1, b: {c: deep, e: null}}\nw: p\ni: 1\nmis: ???\n"
PACKAGES = ["_global_", "_group_", "other", "a.b", "_here_", "_global_.x", "_group_.sub", "_name_"]


class Draw:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def chance(self, p):
        return self.random.random() < p

    def one(self, choices):
        return self.random.choice(choices)

    def flow(self, depth=0):
        if depth < 3 and self.chance(0.2):
            return "[" + ", ".join(self.flow_item(depth) for _ in range(self.random.randint(0, 3))) + "]"
        if depth < 3 and self.chance(0.25):
            keys = self.random.sample(["k0", "k1", "a", "b", "'x y'", "3", "p"], self.random.randint(0, 3))
            return "{" + ", ".join(f"{key}: {self.flow_item(depth)}" for key in keys) + "}"
        if self.chance(0.2):
            return "'" + self.one(INTERPOLATIONS).replace("'", "''") + "'"
        return self.one(SCALARS)

    def flow_item(self, depth):
        text = self.flow(depth + 1)
        return "'" + text + "'" if ("#" in text or ":" in text) and text[0] not in "'\"{[" else text

    def body(self, keys=("k0", "k1", "k2", "a", "p")):
        chosen = self.random.sample(keys, self.random.randint(1, len(keys)))
        return "".join(f"{key}: {self.flow()}\n" for key in chosen)

    def entry(self, deep):
        """An entry of a defaults list."""
        group = self.one(["g0", "g1", "g2", "g0/s"] + (["/g0", "/g1"] if deep else []) + (["s", "nope"] if self.chance(.2) else []))
        word = self.one([""] * 8 + ["optional ", "override ", "optional override "][:2 if deep else 1])
        package = "@" + self.one(PACKAGES[:7]) if self.chance(0.25) else ""
        option = self.one(["x", "y", "z"] * 4 + ["[x, y]", "[y]", "[]", "null", "???", "nope", "'${g0}'"])
        if self.chance(0.1):
            return f"  - {'/' if deep else ''}{self.one(['flat', 'g0/x', 'g1/y'])}{package}\n"
        return f"  - {word}{group}{package}: {option}\n"

    def defaults(self, deep):
        entries = [self.entry(deep) for _ in range(self.random.randint(1, 3))]
        if self.chance(0.6):
            entries.insert(self.random.randint(0, len(entries)), "  - _self_\n")
        return "defaults:\n" + "".join(entries)

    def option_file(self):
        text = ""
        if self.chance(0.2):
            text += f"# @package {self.one(PACKAGES[:4])}\n"
        if self.chance(0.15):
            text += self.defaults(True)
        return text + self.body()

    def files(self):
        files = {f"{group}/{name}.yaml": self.option_file()
                 for group in ("g0", "g1", "g2", "g0/s") for name in ("x", "y", "z")}
        files["flat.yaml"] = self.body()
        files["config.yaml"] = (self.defaults(False) if self.chance(0.85) else "") + BASE
        return files

    def override(self, sweep):
        prefix = self.one(["", "", "", "+", "++", "~"])
        if self.chance(0.35):
            group = self.one(["g0", "g1", "g2", "g0/s", "g0@a.b", "g1@other", "g2@_global_", "nope"])
            if prefix == "~" and self.chance(0.6):
                return f"~{group}"
            options = ["x", "y", "z", "[x,y]", "nope", "null"]
            if sweep:
                options += ["x,y", "glob(*)", "glob(*,exclude=x)", "glob([x,y])", "choice(z,x)", "sort(y,x)", "[x],[y,z]", "glob(q*)"]
            return f"{prefix}{group}={self.one(options)}"
        key = self.one(["p", "q", "l", "l.0", "d", "d.a", "d.b", "d.b.c", "mis", "new", "new.deep", "g0", "g0.k0", "g1.k1", "d.zz", "l.9"])
        if prefix == "~" and self.chance(0.7):
            return f"~{key}"
        return f"{prefix}{key}={self.one(SWEEPS if sweep and self.chance(0.7) else VALUES)}"


def composed(draw):
    multirun = draw.chance(0.3)
    overrides = [draw.override(multirun) for _ in range(draw.random.randint(0, 3))]
    case = {"files": draw.files(), "overrides": overrides}
    if multirun:
        case["multirun"] = True
    elif draw.chance(0.3):
        case["resolve"] = True
    return case


def values(draw):
    """Overrides and interpolations on a fixed config, so that few cases fail for another reason."""
    files = {"config.yaml": "defaults:\n  - g0: x\n  - g1: x\n  - _self_\n" + BASE,
             "g0/x.yaml": "k0: 1\np: 2\n", "g0/y.yaml": "k0: [a]\n", "g1/x.yaml": "k1: ${..p}\n", "g1/y.yaml": "k1: {z: 1}\n"}
    if draw.chance(0.5):
        lines = [f"v{i}: '{draw.one(INTERPOLATIONS).replace(chr(39), chr(39) * 2)}'\n" for i in range(draw.random.randint(1, 3))]
        files["config.yaml"] += "".join(lines)
        if draw.chance(0.3):
            files["config.yaml"] += "n: {p: inner, m: ['" + draw.one(INTERPOLATIONS).replace("'", "''") + "']}\n"
        return {"files": files, "resolve": True}
    multirun = draw.chance(0.4)
    case = {"files": files, "overrides": [draw.override(multirun) for _ in range(draw.random.randint(1, 2))]}
    if multirun:
        case["multirun"] = True
    return case


def texts(draw):
    lines = [f"{key}: {draw.flow()}\n" for key in draw.random.sample(["a", "b", "c", "1", "'d e'", "yes"], 3)]
    if draw.chance(0.3):
        lines.append(draw.one(["t: |\n  one\n   two\n\n  three\n", "t: >-\n  folded\n  text\n\n  more\n", "t: >+\n  keep\n\n",
                               "t: |2\n    in\n", "t: &x {a: 1}\nu: {<<: *x, b: 2}\n", "t: &x [1]\nu: *x\n", "t:\n- 1\n-  - 2\n   - 3\n",
                               "t: a\n  b\n  c\n", "t: 'a\n\n  b'\n", 't: "a\\\n  b\\x41\\u00e9"\n', "? t\n: 1\n", "t: [1,\n  2]\n", "t:\n  - a: 1\n    b: 2\n  -\n    c\n"]))
    draw.random.shuffle(lines)
    return {"files": {"config.yaml": "".join(lines)}}


KINDS = {
    "composed": (composed, 4),
    "values": (values, 3),
    "texts": (texts, 1),
    "overrides": (lambda draw: token_cases.overrides(draw, BASE), 4),
    "interpolations": (lambda draw: token_cases.interpolations(draw, BASE), 3),
    "trees": (lambda draw: token_cases.trees(draw, BASE), 4),
    "lines": (lambda draw: token_cases.texts(draw, BASE), 3),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=600)
    parser.add_argument("--only", choices=sorted(KINDS), help="one kind of cases alone")
    args = parser.parse_args()
    draw = Draw(args.seed)
    out = []
    for _ in range(args.cases):
        kind = args.only or draw.random.choices(list(KINDS), [weight for _, weight in KINDS.values()])[0]
        case = KINDS[kind][0](draw)
        case["expected"] = hydra_reference.run(case)
        out.append(case)
    with open(args.out, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in out) + "\n]\n")
    print(f"{len(out)} cases, {sum(case['expected'] == 'refused' for case in out)} of them refused")


if __name__ == "__main__":
    main()
