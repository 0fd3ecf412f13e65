#!/usr/bin/env python3
"""Tokens that Hugging Face's CLIPTokenizer gives odd strings, with ftfy installed.

Needs transformers (4.57.1) and ftfy (6.3.1). Strings of which ftfy guesses that they were read in
another encoding are left out: that repair is not part of the program.
Usage: make_tokens.py MERGES.txt.gz OUT.json
"""
import gzip
import json
import random
import sys
import tempfile
from pathlib import Path

import ftfy
from transformers import CLIPTokenizer
from transformers.models.clip.tokenization_clip import bytes_to_unicode

ODD = [
    "", " ", "\n", "a photo of a cat", "A PHOTO of a Cat!!", "  two   spaces\tand\ttabs\n",
    "don't we'll I'm you're they've he'd it's cats' 'S 'T O'REILLY'S rock'n'roll", "''''s 't''re",
    "don\u2019t \u201cquote\u201d \u2018single\u2019 \u02bc\u201b \u201f", "1234567890 3.14 1,000 2nd",
    "caf\u00e9 cafe\u0301 na\u00efve \u00c5ngstr\u00f6m \u212b", "\u00bd \u00b2 \u2167 \u0664\u0665 \u4e00\u5341 \u2460",
    "\u4e00\u53ea\u732b\u5750\u5728\u57ab\u5b50\u4e0a", "\u732b\u3068\u72ac\u3001\u30ab\u30bf\u30ab\u30ca \uff76\uff80\uff76\uff85", "\ud55c\uad6d\uc5b4 \uace0\uc591\uc774",
    "\U0001f600\U0001f408\u200d\u2b1b \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1e9\U0001f1ea \u2764\ufe0f", "emoji\U0001f600inside", "\U0001f3f4\U000e0067\U000e0062\U000e007f",
    "&amp; &lt;tag&gt; &eacute; &#39; &#x1F600; &NTILDE; &nbsp;x &copy &notit; &bogus; &#59; &#0; &#128; &#xD800;",
    "<b>&amp; not unescaped</b> &eacute;", "line one &amp;\nline < two &amp;\nthree &amp;", "&amp;amp;amp; &AMP;lt;",
    "\ufb01ne \ufb02uffy \ufb03 \u0133 \u01c6 \u0149", "\uff26\uff55\uff4c\uff4c\u3000\uff37\uff49\uff44\uff54\uff48\uff01", "zero\u200bwidth\u200djoiner\u200cx\u2060y\ufeffz",
    "\x00\x01bell\x07\x7fdel\x1b[31mred\x1b[0m\x1b[x \x1b", "a\r\nb\rc\u2028d\u2029e\x85f\x0bg\x0ch", "\x1c\x1d\x1e\x1f sep",
    "\u0130stanbul I\u0131 \u0391\u03a3 \u03a3\u0391\u03a3 \u03a3. \u03a3 \u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3, \u1e9e \u00df \u01c5", "\u017f \u212a 'k '\u017f x'\u017f",
    "Pneumonoultramicroscopicsilicovolcanoconiosis", "antidisestablishmentarianism" * 6, "x" * 300, "a b " * 120,
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u05e9\u05dc\u05d5\u05dd", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "e\u0301\u0302\u0303 a\u0323\u0307 \u1e69", "\u0344 \u0958 \u2126 \u1100\u1161\u11a8",
    "<|startoftext|>x<|endoftext|> y", "<|STARTOFTEXT|> <|EndOfText|>", "<|startoftext", "<start_of_text>a<end_of_text>",
    "!!!???... --- ___ ***", "(a:1.2), [b], {c}, artstation, 8k, trending", "http://example.com/?a=1&b=2#x", "C:\\path\\file.txt",
    "$100 \u20ac50 \u00a3\u00a5 10% #tag @user ~^`|", "\u00a0nbsp\u2003em\u2009thin\u202fnarrow\u205fmath\u3000wide\u1680ogham", "a.b.c U.S.A. e.g.", "\u2026 \u2014 \u2013 \u2022 \u00b7 \u00b0",
    "mixedCASEWords XMLHttpRequest iPhone6s", "9's 's9 a's1", "\u00b4s `s \u2032s", "\ue000 \U000f0000 private", "\u0378 unassigned \ufffe \uffff \ufdd0",
    "'", "\"", "\\", "/", "\t", "&", "&;", "&#;", "&#x;", "&#xZZ;", "&#99999999999;", "&aaaaaaaaaaaaaaaaaaaaaaaaa;",
]


def random_strings(count):
    generator = random.Random(0)
    pools = ["abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJ", "0123456789", " \t\n  ", "'.,!?-&;#<>|", "\u2019\u201c\u00e9\u00fc\u00df\u00d8\u00bd",
             "\u4e00\u732b\u3042\u30ab\uac00", "\u0391\u03a3\u03c3\u03c2\u0436\u0416", "\u0301\u0302\u200d\ufe0f\u200b\ufeff", "\U0001f600\U0001f408\u2764",
             "\uff21\uff41\uff11\u3000\uff76", "\ufb01\ufb02\u0132\u01c4", "\x07\x1b\x7f\x85\r\u2028"]
    for _ in range(count):
        pieces = []
        for _ in range(generator.randint(1, 12)):
            pool = generator.choice(pools)
            pieces.append("".join(generator.choice(pool) for _ in range(generator.randint(1, 6))))
            if generator.random() < 0.1:
                pieces.append(generator.choice(["'s", "'LL", "&amp;", "&Eacute;", "&#233;", "\x1b[1;2m", "\r\n"]))
        yield "".join(pieces)


def make_tokenizer(merges_file):
    lines = gzip.open(merges_file).read().decode("utf-8").split("\n")[1:49152 - 256 - 2 + 1]
    symbols = list(bytes_to_unicode().values())
    vocabulary = symbols + [s + "</w>" for s in symbols] + [line.replace(" ", "") for line in lines]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    folder = Path(tempfile.mkdtemp())
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2"] + lines))
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))


def main():
    tokenizer = make_tokenizer(sys.argv[1])
    entries = []
    for text in ODD + list(random_strings(600)):
        if ftfy.fix_text(text) != ftfy.fix_text(text, fix_encoding=False):
            print("left out:", repr(text))
            continue
        entries.append({"text": text, "tokens": tokenizer(text)["input_ids"][1:-1]})
    Path(sys.argv[2]).write_text("[\n" + ",\n".join(json.dumps(e) for e in entries) + "\n]\n")
    print(len(entries))


main()
