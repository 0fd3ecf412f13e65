"""Cases drawn token by token: overrides, interpolations and YAML text that nobody would write, but may."""

KEYS = ["p", "q", "l", "d", "new", "d.a", "d.b.c", "l.0", "l.9", "l[0]", "d.b", "$x", "a$b", "a-b", "1", "1.a", "a.1", "_", "a.", ".a",
        "d..a", "", "é", "a b", "a/b", "g0", "g0@a.b", "g0@", "@a", "g0@_global_", "g0/s", "g0/s@x", "hydra.job.name", "0.0", "01.a", "a.01",
        "d.$y", "-a", "a-", "A_9", "mis", "w", "g0.k0"]
PREFIXES = ["", "", "", "", "+", "+", "++", "++", "~", "~", "+++", "+~"]
TOKENS = ["a", "b", "p", "word", "1", "0", "-1", "+2", "01", "1_0", "1.5", ".5", "5.", "1e3", "1e-4", "-.5e2", "inf", "nan", "-inf", "true", "False", "null", "NULL", "'",
          '"', "\\", "\\\\", "\\'", '\\"', "\\,", "\\ ", "\\=", "\\{", "\\[", "[", "]", "{", "}", "(", ")", ",", ", ", ":", ": ", "=", " ", "  ", "\t", "$", "${p}", "${", "}", "${q}",
          "${oc.env:CQ_GOLDEN_VAR}", "@", "?", "|", "/", "-", "+", ".", "%", "*", "#", "&", "!", ";", "<", ">", "^", "~", "`", "é", "_", "x-y", "a_b", "'x y'", "'it\\'s'",
          '"q"', "[1,2]", "{a:1}", "[]", "{}", "[a,{b:[c]}]", "int(", "str(", "float(1)", "bool(", "choice(", "range(", "sort(", "shuffle(", "tag(", "glob(*)", "interval(", "reverse=true",
          "step=2", "value=", "list=", "???", "yes", "\n"]
PIECES = ["${p}", "${q}", "${l}", "${d}", "${d.a}", "${l[0]}", "${l.1}", "${.p}", "${..p}", "${d.b.c}", "${", "}", "$", "\\", "\\\\", "'", '"', "[", "]", "{", ",", ", ", ":", " ", ".", "a", "p", "1", "1.5",
          "null", "true", "x y", "oc.env:CQ_GOLDEN_VAR", "${oc.env:CQ_GOLDEN_UNSET,", "${oc.select:", "${oc.decode:", "${oc.create:", "${oc.dict.keys:d", "${oc.dict.values:", "'a b'", '"${p}"', "'${q}'",
          "[1,${p}]", "{a:1}", "{a: ${q}}", "-", "+", "/", "@", "=", "?", "*", "%", "|", "(", ")", "é", "\\'", "\\,", "\\ ", "1e3", "inf", "???", "${mis}", "${nope}", "${w}", "${${w}}", "${d[", "${d.${w}}"]
LINES = ["a: 1", "b: x y", "- 1", "- a: 1", "c:", "  d: 2", "  - 3", "   e: 4", "'f': g", '"h": "i\\n"', "? j", ": k", "l: |", "  text", "   more", "m: >-", "  fold", "n: [1,", "  2]", "o: {p: 1,", "  q: 2}",
         "# comment", "", "  ", "r: &x {s: 1}", "t: *x", "<<: *x", "u: {<<: *x, s: 2}", "v: 'w", "  x'", 'y: "z', '  A"', "B: ${a}", "C: ~", "D: yes", "E: 1e3", "F: '1e3'", "G: a: b", "H: - a", "I: [a: 1, b]", "J: {a, b: 1}",
         "K: # c", "L: a #c", "M: a#c", "N: !", "O: 0x1F", "P: 012", "Q: 1:30", "R: .5", "S: +1", "T: 1_000", "U: ''", "V: [[]]", "W: [{}, []]", "  X: [", "Y: ]", "? [k]", "Z: \\n", "---", "...", "1: a", "true: b", "2.5: c", "null: d",
         "AA: |2", "  BB: 1", "CC:  1  ", "\tDD: 1", "EE:\t1", "FF: a\tb", "GG: '\\n'", 'HH: "\\x41\\u00e9\\t"', 'II: "\\z"', "JJ: %a", "KK: @a", "LL: `a", "MM: 'a''b'", 'NN: "a\\"b"', "é: ü", "OO: a, b", "PP: [a b, c]", "QQ: {a b: c d}",
         "RR: ???", "SS: \"a\\", "  b\"", "a.b: 1", "a: 2", "TT: >", "  x", "", "  y", "UU: |+", "  z", "", "VV: -", "WW: - - 1", "- - 1", "  - 2", "XX: {a: [1, {b: c}], 'd': \"e\"}", "YY: .inf", "ZZ: 2001-01-01", "=: 1", "ab: =", "ac: <<"]


def override(draw, sweep):
    prefix = draw.one(PREFIXES)
    key = draw.one(KEYS) if draw.chance(0.5) else "v"
    if prefix == "~" and draw.chance(0.5):
        return prefix + key
    value = "".join(draw.one(TOKENS) for _ in range(draw.random.choice([1, 1, 2, 2, 3, 3, 4, 5, 7])))
    if draw.chance(0.15):
        value = draw.one(["int", "float", "str", "bool", "sort", "choice", "tag", "range"]) + "(" + value + ")"
    if draw.chance(0.15):
        value = draw.one(["[%s]", "{a:%s}", "'%s'", '"%s"', "[%s,1]", "{%s:1}"]) % value
    if sweep and draw.chance(0.5):
        value += "," + draw.one(TOKENS)
    if draw.chance(0.02):
        return prefix + key
    return f"{prefix or draw.one(['', '+', '++'])}{key}={value}"


def overrides(draw, base):
    files = {"config.yaml": "defaults:\n  - g0: x\n  - _self_\n" + base, "g0/x.yaml": "k0: 1\n", "g0/y.yaml": "k0: 2\n", "g0/s/x.yaml": "z: 1\n"}
    multirun = draw.chance(0.35)
    case = {"files": files, "overrides": [override(draw, multirun)]}
    if multirun:
        case["multirun"] = True
    elif draw.chance(0.3):
        case["resolve"] = True
    return case


def interpolations(draw, base):
    text = "".join(draw.one(PIECES) for _ in range(draw.random.choice([1, 2, 2, 3, 3, 4, 5, 6])))
    if draw.chance(0.5):
        text = "${" + text + "}" if not text.startswith("${") else text + "}" * draw.random.randint(0, 2)
    value = "'" + text.replace("'", "''") + "'"
    body = draw.one(["v: %s\n", "v: %s\n", "n: {p: inner, v: %s}\n", "n: [1, %s]\n"]) % value
    case = {"files": {"config.yaml": base + body}}
    if draw.chance(0.85):
        case["resolve"] = True
    return case


def texts(draw, _base):
    lines = [draw.one(LINES) for _ in range(draw.random.choice([1, 2, 2, 3, 3, 4, 5, 6]))]
    if draw.chance(0.2):
        indent = " " * draw.random.randint(1, 3)
        lines = ["top:"] + [indent + line for line in lines]
    return {"files": {"config.yaml": draw.one(["\n", "\n", "\n", "\r\n"]).join(lines) + draw.one(["\n", ""])}}


GROUPS = ["db", "srv", "srv/ssl", "exp"]
OPTIONS = {"db": ["a", "b", "a_x"], "srv": ["x", "y"], "srv/ssl": ["on_", "off_"], "exp": ["one", "two"]}
HEADERS = ["_global_", "_group_", "_global_.deep", "foo.bar", "_here_", "srv", "_group_.in"]


def entry(draw, at, own):
    """A line of the defaults list of a file in group `at`; mostly one that composes."""
    roll = draw.random.random()
    group = draw.one(GROUPS)
    option = draw.one(OPTIONS[group])
    written = "/" + group
    if at == "srv" and group == "srv/ssl" and draw.chance(0.7):
        written = "ssl"
    elif at == "" and draw.chance(0.8):
        written = group
    if roll < 0.08:
        return draw.one(["_self_", "null", f"{written}/{option}", "/plain", f"/plain@{draw.one(HEADERS)}", f"optional {written}: nope"])
    if roll < 0.3 and own != "srv":
        return f"override {written}: {option}"
    package = draw.one(["", "", "", "", "@_here_", "@_global_", "@in", "@in.deep", "@_group_", "@_group_.z", "@srv", "@:" if draw.chance(0.1) else ""])
    if roll < 0.4:
        option = draw.one([f"[{option}]", f"[{', '.join(OPTIONS[group])}]", "null", "???", "${db}", "'${srv}'", "'${db}_${srv}'", "'${oc.env:CQ_GOLDEN_UNSET,a}'", "nope", "'${srv/ssl}'", "'${db@x}'"])
    return f"{draw.one([''] * 9 + ['optional '])}{written}{package}: {option}"


def defaults(draw, at, own, chance):
    if not draw.chance(chance):
        return ""
    lines = [entry(draw, at, own) for _ in range(draw.random.choice([1, 1, 2, 2, 3, 4]))]
    if draw.chance(0.85):
        lines.sort(key=lambda line: line.startswith("override"))
    if draw.chance(0.6) and "_self_" not in lines:
        lines.insert(draw.random.randint(0, len(lines)), "_self_")
    if draw.chance(0.6):
        lines.sort(key=lambda line: line.startswith("override"))
    return "defaults:\n" + "".join(f"  - {line}\n" for line in lines)


def trees(draw, _base):
    files = {"plain.yaml": draw.one(["", "# @package _global_\n", "# @package foo\n"]) + "plain: 1\nk: from plain\n"}
    for group in GROUPS:
        for option in OPTIONS[group]:
            header = f"# @package {draw.one(HEADERS)}\n" if draw.chance(0.5 if group == "exp" else 0.12) else ""
            values = draw.one(["k: %s\n", "k: {%s: 1}\n", "k: [%s]\nm: 1\n", "k: ${.m}\nm: %s\n", "db: {k: %s}\n", "srv: {ssl: {e: %s}}\n"]) % f"{group.replace('/', '_')}_{option}"
            files[f"{group}/{option}.yaml"] = header + defaults(draw, group, group, 0.6 if group == "exp" else 0.3 if group == "srv" else 0.05) + values
    lines = draw.random.sample(["db: a", "db: b", "srv: x", "srv: y", "exp: one", "_self_", "plain", "srv/ssl: on_", "db@other: b", "optional nope: 1x", "srv@s2: y", "db@_global_: a", "exp@e.f: two"], draw.random.randint(1, 5))
    if draw.chance(0.3):
        lines.append(entry(draw, "", ""))
    files["config.yaml"] = draw.one(["", "", "", "# @package top\n"]) + "defaults:\n" + "".join(f"  - {line}\n" for line in lines) + "k: primary\nnew: {a: 1}\n"
    overrides = []
    for _ in range(draw.random.choice([0, 0, 1, 1, 2, 3])):
        group = draw.one(GROUPS)
        key = draw.one([group] * 6 + [group + "@" + draw.one(["other", "s2", "in", "_global_", "e.f", "srv", "a.b"])])
        prefix = draw.one(["", "", "", "+", "+", "~", "++"])
        if prefix == "~" and draw.chance(0.7):
            overrides.append("~" + key)
        else:
            overrides.append(f"{prefix}{key}={draw.one(OPTIONS[group] * 3 + ['nope', 'null', '[' + ','.join(OPTIONS[group]) + ']', '[]'])}")
    if draw.chance(0.3):
        overrides.append(draw.one(["new.a=2", "+new.b=3", "k=z", "db.k=5", "srv.ssl.k=1", "other.k=7", "~new", "~db.k", "+foo.bar.k=1"]))
    case = {"files": files, "overrides": overrides}
    if draw.chance(0.15):
        case["multirun"] = True
        case["overrides"].append(draw.one(["db=a,b", "srv=glob(*)", "exp=one,two", "srv/ssl=on_,off_", "db@other=a,b", "+exp=one,two", "new.a=1,2"]))
    elif draw.chance(0.2):
        case["resolve"] = True
    return case
