#!/usr/bin/env python3
"""Makes the .tsv beside each .txt: name, expectation, statement, and the syntax tree that the pinned DuckDB makes of it; and seeds for the fuzz
targets in ../sql-ast and ../prune.

Run it after a change of a .txt or of DuckDB, and look at the difference: .deps/venv/bin/python tests/corpus/ast/generate.py
"""
import pathlib
import sys

here = pathlib.Path(__file__).resolve().parent
root = here.parents[2]
sys.path.insert(0, str(root / "scripts"))
import duckdb_probe  # noqa: E402

duckdb = duckdb_probe.DuckDB(root / ".deps/duckdb/lib/libduckdb.so")
for source in sorted(here.glob("*.txt")):
    rows = []
    for line in source.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        head, _, statement = line.partition(": ")
        name, _, expected = head.partition(" = ")
        if source.stem in ("expressions", "prune"):
            statement = f"SELECT 1 FROM weft_row WHERE (\n{statement}\n)"
        tree = duckdb.ast(statement)
        if '"error":true' in tree and source.stem != "refused":
            sys.exit(f"{source.name}: {name}: {tree}")
        seed = here.parent / ("prune" if source.stem == "prune" else "sql-ast")
        seed.mkdir(exist_ok=True)
        if len(rows) % 8 == 0:
            where = tree.find('"where_clause":') + len('"where_clause":')
            (seed / f"{source.stem}-{len(rows)}.json").write_text(tree[where:tree.rfind(',"group_expressions"')] if source.stem == "prune" else tree)
        rows.append("\t".join([name, expected, statement.replace("\n", " "), tree]))
    source.with_suffix(".tsv").write_text("\n".join(rows) + "\n")
    print(f"{source.stem}: {len(rows)}")
