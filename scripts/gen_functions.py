#!/usr/bin/env python3
"""Makes functions.gen.c from functions.def and refuses when the pinned DuckDB has a function that stands nowhere in it.

Usage: gen_functions.py FUNCTIONS.def LIBRARY OUT.c
"""
import json
import pathlib
import sys

import duckdb_probe

CLASSES = ["allow", "stable", "volatile", "aggregate", "table", "catalogue", "policy", "weft", "deny"]
OWN = {"policy", "weft", "catalogue"}  # not or not only DuckDB's


def read_sections(path):
    """[(class, reason, name)] in the order of the file."""
    rows, section = [], None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            name, _, reason = line[1:-1].partition(" ")
            if name not in CLASSES or bool(reason) != (name == "deny"):
                sys.exit(f"{path}:{number}: unknown section {line}")
            section = (name, reason)
        elif line and not line.startswith("#"):
            rows.extend((*section, name.lower()) for name in line.split())
    return rows


def main():
    definition, library, out = map(pathlib.Path, sys.argv[1:4])
    rows = read_sections(definition)
    theirs = {row[0].lower() for row in duckdb_probe.DuckDB(library).query("SELECT DISTINCT function_name FROM duckdb_functions()")}
    theirs = {name for name in theirs if not name.startswith("icu_collate_")}
    listed = {name for _, _, name in rows}
    problems = [f"{name}: new in this DuckDB, not reviewed" for name in sorted(theirs - listed)]
    problems += [f"{name}: gone from this DuckDB" for cls, _, name in rows if name not in theirs and cls not in OWN]
    names, tables = {}, set()
    for cls, reason, name in rows:
        if cls == "table":
            tables.add(name)
        elif name in names:
            problems.append(f"{name}: listed twice")
        else:
            names[name] = (cls, reason)
    if problems:
        sys.exit(f"{definition.name}:\n" + "\n".join(f"  {p}" for p in problems))
    for name in tables:
        names.setdefault(name, ("table", ""))
    text = ["/* Made by scripts/gen_functions.py from functions.def; do not edit. */", '#include "sql/functions.h"', "",
            "const struct function_row function_table[] = {"]
    for name in sorted(names, key=lambda n: n.encode()):
        cls, reason = names[name]
        text.append(f'\t{{{json.dumps(name)}, FUNCTION_{cls.upper()}, {str(name in tables).lower()}, {json.dumps(reason) if reason else "NULL"}}},')
    text.append("};\nconst size_t function_count = sizeof function_table / sizeof function_table[0];\n")
    out.write_text("\n".join(text))


if __name__ == "__main__":
    main()
