"""TPC-H as a mesh: data by tpchgen-cli, one product with eight tables, policies for each way of governing it."""
import csv
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEXTS = ROOT / ".deps/duckdb/tpch"

# name: columns with DuckDB types, keys first
TABLES = {
    "region": "r_regionkey BIGINT, r_name VARCHAR, r_comment VARCHAR",
    "nation": "n_nationkey BIGINT, n_name VARCHAR, n_regionkey BIGINT, n_comment VARCHAR",
    "supplier": "s_suppkey BIGINT, s_name VARCHAR, s_address VARCHAR, s_nationkey BIGINT, s_phone VARCHAR, s_acctbal DECIMAL(15,2), s_comment VARCHAR",
    "customer": "c_custkey BIGINT, c_name VARCHAR, c_address VARCHAR, c_nationkey BIGINT, c_phone VARCHAR, c_acctbal DECIMAL(15,2), c_mktsegment VARCHAR, c_comment VARCHAR",
    "part": "p_partkey BIGINT, p_name VARCHAR, p_mfgr VARCHAR, p_brand VARCHAR, p_type VARCHAR, p_size INTEGER, p_container VARCHAR, p_retailprice DECIMAL(15,2), p_comment VARCHAR",
    "partsupp": "ps_partkey BIGINT, ps_suppkey BIGINT, ps_availqty INTEGER, ps_supplycost DECIMAL(15,2), ps_comment VARCHAR",
    "orders": "o_orderkey BIGINT, o_custkey BIGINT, o_orderstatus VARCHAR, o_totalprice DECIMAL(15,2), o_orderdate DATE, o_orderpriority VARCHAR, o_clerk VARCHAR, o_shippriority INTEGER, o_comment VARCHAR",
    "lineitem": "l_orderkey BIGINT, l_partkey BIGINT, l_suppkey BIGINT, l_linenumber INTEGER, l_quantity DECIMAL(15,2), l_extendedprice DECIMAL(15,2), l_discount DECIMAL(15,2), l_tax DECIMAL(15,2), "
                "l_returnflag VARCHAR, l_linestatus VARCHAR, l_shipdate DATE, l_commitdate DATE, l_receiptdate DATE, l_shipinstruct VARCHAR, l_shipmode VARCHAR, l_comment VARCHAR",
}


def columns_of(table):
    parts, depth, word = [], 0, ""
    for c in TABLES[table] + ",":
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(tuple(word.strip().split(" ", 1)))
            word = ""
        else:
            word += c
    return parts


def generate(folder, scale):
    """Parquet files of all tables, made once."""
    folder = pathlib.Path(folder)
    if not (folder / "lineitem.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([str(ROOT / ".deps/venv/bin/tpchgen-cli"), "parquet", "-s", str(scale), f"--output-dir={folder}"], check=True, stdout=sys.stderr)
    return folder


def query(number):
    return (TEXTS / f"queries/q{number:02d}.sql").read_text().strip().rstrip(";")


# Addresses and comments in DuckDB's own list of answers are those of its own generator. The TPC's (TPC-H 4.1, validation
# output at scale 1) are in answers/; of the two long ones the text columns are compared with the raw engine only.
FREE_TEXT = {2: (5, 7), 20: (1,)}


def answers(number, scale="sf1"):
    """The published rows, as lists of text; None where only the raw engine tells."""
    own = pathlib.Path(__file__).parent / f"answers/q{number:02d}.csv"
    with open(own if own.exists() else TEXTS / f"answers/{scale}/q{number:02d}.csv", newline="", encoding="utf-8") as f:
        rows = list(csv.reader(f, delimiter="|"))[1:]
    for row in rows:
        for column in FREE_TEXT.get(number, ()):
            row[column] = None
    return rows


def same_value(got, want):
    if want is None or got == want or (got is None and want in ("", "NULL")):
        return True
    try:
        a, b = float(got), float(want)
        return abs(a - b) <= max(0.01, 1e-6 * abs(b))
    except (TypeError, ValueError):
        return (got or "").strip() == want.strip()


def same_rows(got, want):
    """Equal to the published answer: as TPC-H 2.1.3.5 allows for decimals."""
    return len(got) == len(want) and all(len(g) == len(w) and all(map(same_value, g, w)) for g, w in zip(got, want))


LOGICAL = {"BIGINT": "integer", "INTEGER": "integer", "VARCHAR": "string", "DATE": "date"}


def contract(table):
    lines = ["apiVersion: v3.1.0", "kind: DataContract", f"id: tpch-{table}", f"name: {table}", "version: 1.0.0", "status: active", "schema:",
             f"  - name: {table}", "    properties:"]
    for name, type_ in columns_of(table):
        lines += [f"      - name: {name}", f"        logicalType: {LOGICAL.get(type_, 'number')}", f"        physicalType: {type_}"]
    return "\n".join(lines) + "\n"


def mesh(policies, domain="tpch", partitions=None, tables=TABLES):
    """The manifests as {path: text}; policies is {name: text of spec}; partitions is {table: column}; tables are those of the domain."""
    files = {
        "mesh.yaml": "apiVersion: weft/v1\nkind: Mesh\nmetadata:\n  name: bench\nspec:\n  owners: [admins]\n",
        f"domains/{domain}/domain.yaml": f"apiVersion: weft/v1\nkind: Domain\nmetadata:\n  name: {domain}\nspec:\n  owners: [admins]\n",
    }
    folder = f"domains/{domain}/warehouse"
    ports, ingest = "", ""
    for table in tables:
        files[f"domains/{domain}/sources/{table}.yaml"] = (
            f"apiVersion: weft/v1\nkind: Source\nmetadata:\n  name: {table}\nspec:\n  connector: parquet\n  path: {table}.parquet\n")
        files[f"{folder}/{table}.odcs.yaml"] = contract(table)
        ports += f"  - name: {table}\n    version: 1.0.0\n    contractId: tpch-{table}\n"
        ingest += f"    - table: {table}\n      source: {table}\n      mode: full\n"
        if partitions and table in partitions:
            ingest += f"      partitionBy: [{partitions[table]}]\n"
    files[f"{folder}/product.yaml"] = (
        "apiVersion: v1.0.0\nkind: DataProduct\nid: tpch-warehouse\nname: warehouse\nversion: 1.0.0\nstatus: active\n" f"domain: {domain}\noutputPorts:\n{ports}")
    files[f"{folder}/pipeline.yaml"] = f"apiVersion: weft/v1\nkind: Pipeline\nmetadata:\n  name: warehouse\nspec:\n  ingest:\n{ingest}"
    for name, spec in policies.items():
        files[f"governance/policies/{name}.yaml"] = f"apiVersion: weft/v1\nkind: Policy\nmetadata:\n  name: {name}\nspec:\n{spec}"
    return files
