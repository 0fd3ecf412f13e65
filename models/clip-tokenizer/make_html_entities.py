#!/usr/bin/env python3
"""Writes html_entities.tsv: names of HTML 5's character references and what they stand for.

From the table of Python's standard library. Names in capitals are added where they mean nothing
else, as ftfy does. Usage: make_html_entities.py > html_entities.tsv
"""
import html
import html.entities

names = {}
for name, text in html.entities.html5.items():
    if not name.endswith(";"):
        continue
    names[name[:-1]] = text
    if name == name.lower() and html.unescape("&" + name.upper()) == "&" + name.upper():
        names[name[:-1].upper()] = text.upper()
for name, text in sorted(names.items()):
    print(name, " ".join(f"{ord(c):x}" for c in text), sep="\t")
