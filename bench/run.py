"""make bench: the measured bars, as ratios of interleaved runs; writes build/bench/results.json.

Rows are {name, value, goal, unit, better, ok}. Both sides of a ratio run in turn (A B A B …) after a warm-up; the value
is the ratio of the medians of the totals. `--only tpch,governance,pseudonym,mesh,federated` takes a part; `--scale`
other than 1 is for trying the bench out (answers are compared at scale 1 only).
"""
import argparse
import csv
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]

import mesh  # noqa: E402
import tpch  # noqa: E402
from lib.node import Node  # noqa: E402
from lib.mesh import govern, join, open_nodes  # noqa: E402
from lib.pgraw import error_fields, rows_of  # noqa: E402
from rawduck import RawDuck  # noqa: E402

ROWS = []
NOTES = {}


def row(name, value, goal, unit, better="lower"):
    ok = value <= goal if better == "lower" else value >= goal
    ROWS.append({"name": name, "value": round(value, 3), "goal": goal, "unit": unit, "better": better, "ok": ok})
    print(f"{'ok  ' if ok else 'MISS'} {name}: {value:.3f} {unit} (goal {'≤' if better == 'lower' else '≥'} {goal})", flush=True)


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleave(a, b, rounds):
    """Totals of a and b over all their steps, run step by step in turn: lists of `rounds` totals, and per step medians."""
    steps = {}
    totals_a, totals_b = [], []
    for r in range(rounds + 1):
        ta = tb = 0.0
        for key in a:
            first, second = (a, b) if r % 2 else (b, a)
            t1 = seconds(first[key])
            t2 = seconds(second[key])
            one, two = (t1, t2) if r % 2 else (t2, t1)
            ta += one
            tb += two
            if r:
                steps.setdefault(key, []).append((one, two))
        if r:  # round 0 warms up
            totals_a.append(ta)
            totals_b.append(tb)
    worst = {k: statistics.median(x for x, _ in v) / statistics.median(y for _, y in v) for k, v in steps.items()}
    return totals_a, totals_b, worst


def ratio(name, a, b, goal, rounds):
    ta, tb, worst = interleave(a, b, rounds)
    slowest = sorted(worst.items(), key=lambda kv: -kv[1])[:3]
    NOTES[name] = {"a_s": [round(x, 3) for x in ta], "b_s": [round(x, 3) for x in tb], "worst": {str(k): round(v, 2) for k, v in slowest}}
    print(f"     a {min(ta):.2f}..{max(ta):.2f} s, b {min(tb):.2f}..{max(tb):.2f} s, worst {slowest}", flush=True)
    row(name, statistics.median(ta) / statistics.median(tb), goal, "ratio")
    return worst


def weft(connection, sql):
    def call():
        error = error_fields(connection.simple(sql))
        if error:
            raise RuntimeError(f"{error} in {sql[:200]}")

    return call


def lake_files(node, table):
    """The Parquet files that Weft serves for a table: what the raw engine reads too."""
    return sorted(str(p) for p in pathlib.Path(node.data, "lake/tpch/warehouse", table).rglob("*.parquet") if "_delta_log" not in str(p))


ALLOW = "  effect: allow\n  on:\n    products: [tpch.warehouse]\n  to:\n    groups: [analysts]\n"


def start(folder, name, data, policies, partitions=None):
    node = Node(folder / name, config={"sources.dirs": str(data)})
    node.start()
    node.add_user("ana", "bench-password", groups=["analysts"], attributes={"region": ["keep"]})
    node.apply(tpch.mesh({"allow": ALLOW, **policies}, partitions=partitions))
    return node


def open_session(node):
    session = node.raw("ana", "bench-password")
    error = error_fields(session.simple("SET search_path = tpch"))
    assert not error, error
    return session


def plain_views(duck, node, filters=None, masks=None):
    """The same filters and masks by hand: plain views over the same files."""
    for table in tpch.TABLES:
        files = ", ".join("'" + f + "'" for f in lake_files(node, table))
        columns = ", ".join(f"{masks[c]} AS {c}" if masks and c in masks else c for c, _ in tpch.columns_of(table))
        where = f" WHERE {filters[table]}" if filters and table in filters else ""
        hive = ", hive_partitioning=true" if "=" in files else ""
        duck.run(f"CREATE OR REPLACE VIEW {table} AS SELECT {columns} FROM read_parquet([{files}]{hive}){where}")


QUERIES = range(1, 23)


def bench_tpch(folder, data, args):
    node = start(folder, "plain", data, {})
    duck = RawDuck()
    plain_views(duck, node)
    session = open_session(node)
    if args.scale == 1:
        bench_answers(folder, session, duck)
    ratio("TPC-H through the PostgreSQL protocol / raw engine", {n: weft(session, tpch.query(n)) for n in QUERIES},
          {n: (lambda q=tpch.query(n): duck.run(q)) for n in QUERIES}, 1.10, args.rounds)
    bench_overhead(node, duck, session)
    bench_process(node)
    node.stop()


def raw_rows(folder, duck, sql):
    path = folder / "raw.csv"
    duck.run(f"COPY ({sql}) TO '{path}' (FORMAT csv, HEADER false, DELIMITER '|')")
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.reader(f, delimiter="|"))


def bench_answers(folder, session, duck):
    """Against the published answers, and all columns against the raw engine."""
    wrong = []
    for n in QUERIES:
        messages = session.simple(tpch.query(n))
        got = rows_of(messages)
        if error_fields(messages) or not tpch.same_rows(got, tpch.answers(n)) or not tpch.same_rows(got, raw_rows(folder, duck, tpch.query(n))):
            wrong.append(n)
    row("TPC-H SF1: queries that differ from the published answers", len(wrong), 0, "queries")
    if wrong:
        print("     wrong:", wrong)


def bench_overhead(node, duck, session):
    """What Weft adds to a small statement: the first time its text is seen, and the next time; with the round trip that any server has, which SHOW
    measures (no worker, no data), and without it."""
    first, again, raw, trip = [], [], [], []
    for i in range(300):
        sql = f"SELECT r_name FROM region WHERE r_regionkey = {i % 5} + {i} - {i}"
        first.append(seconds(weft(session, sql)))
        raw.append(seconds(lambda q=sql: duck.run(q)))
        again.append(seconds(weft(session, sql)))
        duck.run(sql)
        trip.append(seconds(weft(session, "SHOW search_path")))
    added = {"first time its text is seen": (first, 0.6), "next time": (again, 0.1)}
    for when, (times, goal) in added.items():
        more = (statistics.median(times) - statistics.median(raw)) * 1000
        row(f"added to a statement the {when}, round trip included", more, goal, "ms")
        row(f"added to a statement the {when}, by governance and worker alone", more - statistics.median(trip) * 1000, goal, "ms")


def bench_process(node):
    node.restart()
    row("server ready after exec", node.ready_ms, 200, "ms")
    time.sleep(2)
    row("server resident when idle", node.rss_bytes() / 2**20, 30, "MiB")
    version = [seconds(lambda: subprocess.run([str(node.weft), "--version"], check=True, stdout=subprocess.DEVNULL)) * 1000 for _ in range(21)]
    row("weft --version", statistics.median(version), 10, "ms")


MASKED = {"c_phone": "phone", "c_address": "address", "s_phone": "phone", "s_address": "address", "o_clerk": "clerk"}
# a filter that keeps nearly all rows of every table, so that both sides do the same work
FILTERS = {
    "region": "r_regionkey >= 0", "nation": "n_nationkey >= 0", "supplier": "s_suppkey % 97 <> 5", "customer": "c_custkey % 97 <> 5", "part": "p_partkey % 97 <> 5",
    "partsupp": "ps_suppkey % 97 <> 5", "orders": "o_orderkey % 97 <> 5", "lineitem": "l_orderkey % 97 <> 5",
}


def mask_policies():
    return {f"mask-{c.replace('_', '-')}": f"  effect: mask\n  on:\n    columns: [tpch.{t}.{c}]\n  mask:\n    method: constant\n    constant: hidden\n"
            for t in tpch.TABLES for c, _ in tpch.columns_of(t) if c in MASKED}


def filter_policies(filters):
    return {f"rows-{t}": f"  effect: filter\n  on:\n    tables: [tpch.{t}]\n  filter: \"{f}\"\n" for t, f in filters.items()}


def bench_governance(folder, data, args):
    queries = {n: tpch.query(n) for n in QUERIES}

    def against_plain(name, goal, policies, filters, masks, partitions=None):
        node = start(folder, "gov-" + str(len(ROWS)), data, policies, partitions)
        duck = RawDuck()
        plain_views(duck, node, filters, masks)
        session = open_session(node)
        ratio(name, {n: weft(session, q) for n, q in queries.items()}, {n: (lambda q=q: duck.run(q)) for n, q in queries.items()}, goal, args.rounds)
        node.stop()

    by_hand = {c: "'hidden'" for c in MASKED}
    against_plain("masks alone / plain views", 1.05, mask_policies(), None, by_hand)
    partitions = {"customer": "c_mktsegment", "orders": "o_orderpriority", "lineitem": "l_shipmode"}
    decided = {"customer": "c_mktsegment <> 'NONE'", "orders": "o_orderpriority <> 'NONE'", "lineitem": "l_shipmode <> 'NONE'"}
    against_plain("row filter that the layout decides / plain views", 1.05, filter_policies(decided), decided, None, partitions)
    against_plain("row filter over mixed files, barrier included / plain views", 1.25, filter_policies(FILTERS), FILTERS, None)


def bench_pseudonym(folder, data, args):
    policies = {"pseudo": "  effect: mask\n  on:\n    columns: [tpch.lineitem.l_orderkey]\n  mask:\n    method: pseudonym\n"}
    masked = start(folder, "pseudo", data, policies)
    clear = start(folder, "clear", data, {})
    sql = "SELECT count(*), min(l_orderkey), max(l_orderkey), sum(l_quantity) FROM lineitem"
    ratio("joinable pseudonym / unmasked scan", {1: weft(open_session(masked), sql)}, {1: weft(open_session(clear), sql)}, 1.5, args.rounds * 3)
    masked.stop()
    clear.stop()


def calibrate():
    """A fixed piece of work of the raw engine, so that results of different days can be told apart from a slow machine."""
    duck = RawDuck()
    times = [seconds(lambda: duck.run("SELECT sum(hash(i)) FROM range(30000000) t(i)")) for _ in range(5)]
    NOTES["calibration"] = {"median_s": round(statistics.median(times), 4), "spread_s": [round(min(times), 4), round(max(times), 4)]}
    print(f"calibration: hash of 30 million numbers {statistics.median(times):.3f} s ({min(times):.3f}..{max(times):.3f})", flush=True)


def readme_table(result):
    lines = [f"Measured {result['date']} on {result['machine']} by `make bench` (scale {result['scale']}); both sides of a ratio run in turn.", "",
             "| Bar | Measured | Goal |", "|---|---|---|"]
    for r in result["rows"]:
        sign = "≤" if r["better"] == "lower" else "≥"
        lines.append(f"| {r['name']} | {r['value']:g} {r['unit']}{'' if r['ok'] else ' (missed)'} | {sign} {r['goal']:g} |")
    return "\n".join(lines)


def write_readme(result):
    path = ROOT / "README.md"
    before, rest = path.read_text().split("<!-- bench -->\n")
    after = rest.split("<!-- /bench -->")[1]
    path.write_text(f"{before}<!-- bench -->\n{readme_table(result)}\n<!-- /bench -->{after}")


def bench_mesh(tmp, _data, _args):
    mesh.bench_remote(tmp / "pair", row)
    mesh.bench_mesh(tmp / "mesh", row)


def start_spread(folder, data):
    """The 8 tables over 3 nodes; the first one, which has orders and customers, is asked."""
    nodes = open_nodes(folder, SPREAD, {"sources.dirs": str(data)})
    asked, *others = nodes.values()
    asked.cli("mesh", "init", "bench")
    asked.cli("node", "set", "trade", "--domain", "trade")
    for node in others:
        join(asked, node, node.name)
        node.cli("node", "trust", asked.name, "--group", "analysts")
    policies = {f"allow-{name}": ALLOW.replace("tpch.", f"{name}.") for name in SPREAD}
    govern([asked, *others], tpch.mesh(policies))
    for name, node in nodes.items():
        node.apply({path: text for path, text in tpch.mesh({}, domain=name, tables=SPREAD[name]).items() if not path.startswith("governance/")})
    asked.add_user("ana", "bench-password", groups=["analysts"])
    return nodes


def bench_federated(folder, data, args):
    one = start(folder, "one", data, {})
    nodes = start_spread(folder / "spread", data)
    alone = open_session(one)
    spread = nodes["trade"].raw("ana", "bench-password")
    assert not error_fields(spread.simple("SET search_path = " + ", ".join(SPREAD)))
    wait_for_tables(spread)
    if args.scale == 1:
        wrong = [n for n in QUERIES if not tpch.same_rows(rows_of(spread.simple(tpch.query(n))), tpch.answers(n))]
        row("TPC-H SF1 over 3 nodes: queries that differ from the published answers", len(wrong), 0, "queries")
    over, alone = ({n: weft(session, tpch.query(n)) for n in QUERIES} for session in (spread, alone))
    worst = ratio("TPC-H over 3 nodes / one node with all tables", over, alone, 2, args.rounds)
    print("     " + ", ".join(f"Q{n} {r:.1f}" for n, r in worst.items()), flush=True)
    row("TPC-H over 3 nodes / one node, the worst query", max(worst.values()), 4, "ratio")
    for node in (one, *nodes.values()):
        node.stop()


def wait_for_tables(session):
    for _ in range(100):
        if len(rows_of(session.simple("SELECT table_name FROM mesh.tables"))) == len(tpch.TABLES):
            return
        time.sleep(0.1)
    raise RuntimeError("the catalogue did not arrive")


SPREAD = {"trade": ["orders", "customer"], "lines": ["lineitem"], "goods": ["part", "partsupp", "supplier", "nation", "region"]}
PARTS = {"tpch": bench_tpch, "governance": bench_governance, "pseudonym": bench_pseudonym, "mesh": bench_mesh, "federated": bench_federated}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    parser.add_argument("--only", default=",".join(PARTS))
    args = parser.parse_args()
    if args.scale == int(args.scale):
        args.scale = int(args.scale)
    calibrate()
    data = tpch.generate(ROOT / f"build/bench/tpch-{args.scale}", args.scale)
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as tmp:
        for part in args.only.split(","):
            print(f"-- {part}", flush=True)
            PARTS[part](pathlib.Path(tmp), data, args)
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    out = ROOT / "build/bench/results.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    result = {"date": datetime.date.today().isoformat(), "machine": f"{os.cpu_count()} × {cpu}", "scale": args.scale, "rows": ROWS, "notes": NOTES}
    out.write_text(json.dumps(result, indent=1))
    if args.readme:
        write_readme(result)
    print(f"written {out.relative_to(ROOT)}")
    sys.exit(0 if all(r["ok"] for r in ROWS) else 1)


if __name__ == "__main__":
    main()
