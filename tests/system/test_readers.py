"""Other readers see what Weft serves: tables published through a node are read at every version by delta-rs and by
ClickHouse, and compared with the rows that Weft answers for AT (VERSION => n)."""
import datetime
import decimal
import json
import shutil

import pyarrow
import pyarrow.parquet
import pytest
from conftest import connect
from lib import readers
from lib.node import Node

UTC = datetime.timezone.utc
NAMES = ["id", "näme mit Leerzeichen", "a,b", "quote\"d", "percent%20"]


def contract(name, columns, key=("id",), extra=""):
    properties = "".join(f"      - name: {json.dumps(c, ensure_ascii=False)}\n        logicalType: string\n        physicalType: {json.dumps(t)}\n"
                         + (f"        primaryKey: true\n        primaryKeyPosition: {key.index(c) + 1}\n        required: true\n" if c in key else "")
                         for c, t in columns)
    return f"""apiVersion: v3.1.0
kind: DataContract
id: zoo.{name}
name: {name}
version: 1.0.0
status: active
domain: zoo
dataProduct: {name}
schema:
  - name: {name}
{extra}    properties:
{properties}"""


def product(name, tables):
    ports = "".join(f"  - name: {t}\n    version: 1.0.0\n    contractId: zoo.{t}\n" for t in tables)
    return f"apiVersion: v1.0.0\nkind: DataProduct\nid: zoo.{name}\nname: {name}\nversion: 1.0.0\nstatus: active\ndomain: zoo\noutputPorts:\n{ports}"


def source(name):
    return f"apiVersion: weft/v1\nkind: Source\nmetadata:\n  name: {name}\nspec:\n  connector: parquet\n  path: {name}.parquet\n"


def pipeline(name, steps):
    body = "".join(f"    - table: {table}\n      source: {table}\n" + "".join(f"      {k}: {v}\n" for k, v in more.items()) for table, more in steps)
    return f"apiVersion: weft/v1\nkind: Pipeline\nmetadata:\n  name: {name}\nspec:\n  ingest:\n{body}"


TYPES = [("id", "INTEGER"), ("i8", "TINYINT"), ("i16", "SMALLINT"), ("i64", "BIGINT"), ("u64", "UBIGINT"), ("f32", "FLOAT"), ("f64", "DOUBLE"),
         ("small_dec", "DECIMAL(5,2)"), ("big_dec", "DECIMAL(38,10)"), ("ok", "BOOLEAN"), ("day", "DATE"), ("moment", "TIMESTAMP WITH TIME ZONE"),
         ("uid", "UUID"), ("raw", "BLOB"), ("doc", "JSON"), ("txt", "VARCHAR"), ("list", "INTEGER[]"), ("pair", "STRUCT(a INTEGER, b VARCHAR)")]
ARROW = pyarrow.schema([("id", pyarrow.int32()), ("i8", pyarrow.int8()), ("i16", pyarrow.int16()), ("i64", pyarrow.int64()), ("u64", pyarrow.uint64()),
                        ("f32", pyarrow.float32()), ("f64", pyarrow.float64()), ("small_dec", pyarrow.decimal128(5, 2)),
                        ("big_dec", pyarrow.decimal128(38, 10)), ("ok", pyarrow.bool_()), ("day", pyarrow.date32()),
                        ("moment", pyarrow.timestamp("us", tz="UTC")), ("uid", pyarrow.string()), ("raw", pyarrow.binary()), ("doc", pyarrow.string()),
                        ("txt", pyarrow.string()), ("list", pyarrow.list_(pyarrow.int32())),
                        ("pair", pyarrow.struct([("a", pyarrow.int32()), ("b", pyarrow.string())]))])
# ClickHouse has no NULL for arrays and, without a setting, none for tuples: it gives [] and a tuple of NULLs.
NO_NULL_IN_CLICKHOUSE = {"list": (), "pair": (None, None)}


def typed_row(i, text):
    return {"id": i, "i8": -i, "i16": 300 * i, "i64": 2**53 + i, "u64": 2**64 - i, "f32": i / 2, "f64": i / 3, "small_dec": decimal.Decimal("-999.99"),
            "big_dec": decimal.Decimal("1234567890123456789012345678.0123456789"), "ok": bool(i % 2), "day": datetime.date(1969, 12, 31),
            "moment": datetime.datetime(2024, 3, 31, 1, 30, 0, 123456, tzinfo=UTC), "uid": f"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1{i % 10}",
            "raw": bytes([0, 255, i]), "doc": '{"a": [1, null]}', "txt": text, "list": [i, None, 3], "pair": {"a": i, "b": text}}


def typed(rows, extra=None):
    table = pyarrow.Table.from_pylist(rows, schema=ARROW)
    return table.append_column("added", pyarrow.array(extra, pyarrow.string())) if extra else table


def nulls(i):
    return {**dict.fromkeys(ARROW.names), "id": i}


def named(rows):
    return pyarrow.Table.from_pydict({n: [f"{n}-{i}" if n != "id" else i for i in rows] for n in NAMES}, schema=pyarrow.schema(
        [(n, pyarrow.int32() if n == "id" else pyarrow.string()) for n in NAMES]))


PLACES = ["DE", None, "", "a b/ü=%", "x*y[z]?", "__HIVE_DEFAULT_PARTITION__", "it's \"quoted\"", "..", "#&+", "日本"]


def placed(rows):
    return pyarrow.table({"id": pyarrow.array([i for i, _ in rows], pyarrow.int32()), "place": pyarrow.array([p for _, p in rows], pyarrow.string()),
                          "day": pyarrow.array([None if i == 3 else datetime.date(2024, 1, 1 + i % 2) for i, _ in rows], pyarrow.date32())})


def moments(count):
    return pyarrow.table({"id": pyarrow.array(range(count), pyarrow.int32()),
                          "hour": pyarrow.array([datetime.datetime(2024, 1, 1, i % 3, 0, 0, 500000 * (i % 2), tzinfo=UTC) for i in range(count)],
                                                pyarrow.timestamp("us", tz="UTC")),
                          "ok": pyarrow.array([None if i == 5 else bool(i % 2) for i in range(count)]),
                          "money": pyarrow.array([decimal.Decimal(i) / 4 for i in range(count)], pyarrow.decimal128(9, 2))})


def changes(ids, text, tick):
    return pyarrow.table({"id": pyarrow.array(ids, pyarrow.int32()), "txt": pyarrow.array([f"{text}{i}" for i in ids]),
                          "tick": pyarrow.array([tick] * len(ids), pyarrow.int32())})


# per table: columns, pipeline, the source's content in each run
TABLES = {
    "kinds": (TYPES, {"drift": "add"}, [typed([typed_row(1, "ü"), typed_row(2, ""), nulls(3)]), typed([typed_row(4, "x" * 3000)]),
                                        typed([typed_row(5, "a"), nulls(6)], ["new", None]), typed([typed_row(7, "z")], ["newer"])]),
    "names": ([(n, "INTEGER" if n == "id" else "VARCHAR") for n in NAMES], {}, [named([1, 2]), named([3]), named([]), named([4, 5])]),
    "places": ([("id", "INTEGER"), ("place", "VARCHAR"), ("day", "DATE")], {"partitionBy": "[place, day]"},
               [placed(list(enumerate(PLACES))), placed([(100 + i, p) for i, p in enumerate(PLACES[:3])]), placed([]), placed([(1, None)])]),
    "hours": ([("id", "INTEGER"), ("hour", "TIMESTAMP WITH TIME ZONE"), ("ok", "BOOLEAN"), ("money", "DECIMAL(9,2)")], {"partitionBy": "[hour, ok, money]"},
              [moments(8), moments(3), moments(1), moments(2)]),
    "merged": ([("id", "INTEGER"), ("txt", "VARCHAR"), ("tick", "INTEGER")], {"mode": "incremental", "cursor": "tick"},
               [changes(range(50), "a", 1), changes([3, 4, 50], "b", 2), changes([50, 51], "c", 3), changes([0], "d", 4)]),
}


def fill(node, run):
    for name, (_, _, contents) in TABLES.items():
        pyarrow.parquet.write_table(contents[min(run, len(contents) - 1)], node.data / "sources" / f"{name}.parquet")


def files():
    out = {"mesh.yaml": "apiVersion: weft/v1\nkind: Mesh\nmetadata:\n  name: readers\nspec:\n  owners: [governance]\n",
           "domains/zoo/domain.yaml": "apiVersion: weft/v1\nkind: Domain\nmetadata:\n  name: zoo\nspec:\n  owners: [zoo-owners]\n",
           "domains/zoo/policies/readers.yaml": "apiVersion: weft/v1\nkind: Policy\nmetadata:\n  name: readers\nspec:\n  effect: allow\n  on:\n"
                                                '    products: ["zoo.*"]\n  to:\n    groups: [readers]\n'}
    for name, (columns, more, _) in TABLES.items():
        base = f"domains/zoo/{name}"
        out |= {f"{base}/product.yaml": product(name, [name]), f"{base}/{name}.odcs.yaml": contract(name, columns),
                f"{base}/pipeline.yaml": pipeline(name, [(name, more)]), f"domains/zoo/sources/{name}.yaml": source(name)}
    return out


RUNS = 12  # one checkpoint at the tenth commit, and commits behind it


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("zoo"))
    (node.data / "sources").mkdir(exist_ok=True)
    fill(node, 0)
    node.start()
    node.add_user("rhea", groups=["readers"])
    node.apply(files())
    for run in range(1, RUNS):
        fill(node, run)
        for name in TABLES if run < 4 else ["merged", "places"]:
            if run >= 4 and name == "merged":
                pyarrow.parquet.write_table(changes([run, 1000 + run], "r", run + 1), node.data / "sources/merged.parquet")
            node.cli("run", f"zoo.{name}")
    yield node
    node.stop()


def folder_of(node, name):
    return node.data / "lake/zoo" / name / name / "v1"


def weft_rows(session, name, version):
    """Columns and rows; nested values as JSON does not tell types, so they come from the driver."""
    cursor = session.execute(f"SELECT * FROM zoo.{name} AT (VERSION => {version})")
    columns = [c.name for c in cursor.description]
    return columns, [list(row) for row in cursor.fetchall()]


def plain(columns, rows):
    """What psycopg gives as text or as parsed JSON, in the form the other readers give."""
    for row in rows:
        for i, name in enumerate(columns):
            if name == "doc" and row[i] is not None and not isinstance(row[i], str):
                row[i] = json.dumps(row[i])
            if name == "pair" and isinstance(row[i], str):
                row[i] = tuple(json.loads(row[i]).values())
            if name == "place" and row[i] == "":
                row[i] = None  # PROTOCOL.md: "an empty string for any type translates to a null partition value"
            if name == "u64" and row[i] is not None:
                row[i] = decimal.Decimal(row[i])
    return readers.ordered(rows)


def without_nested_nulls(columns, rows):
    for row in rows:
        for i, name in enumerate(columns):
            if row[i] is None and name in NO_NULL_IN_CLICKHOUSE:
                row[i] = NO_NULL_IN_CLICKHOUSE[name]
    return rows


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", TABLES)
def test_every_version_by_every_reader(zoo, name):
    folder = folder_of(zoo, name)
    versions, _ = readers.log_versions(folder)
    assert len(versions) == (RUNS if name in ("merged", "places") else 4)
    asked, expected = [], []
    with connect(zoo, "rhea") as session:
        for version in versions:
            columns, rows = weft_rows(session, name, version + 1)
            # an old version lacks what came later; SQL shows what drift added when the contract names it
            there = readers.columns_at(folder, version)
            keep = [i for i, c in enumerate(columns) if c in there]
            columns, rows = [columns[i] for i in keep], [[row[i] for i in keep] for row in rows]
            assert readers.delta_rs(folder, version, columns) == plain(columns, rows), f"delta-rs, version {version}"
            asked.append((folder, version, columns))
            expected.append(plain(columns, without_nested_nulls(columns, rows)))
    for (_, version, _), got, wanted in zip(asked, readers.clickhouse(asked), expected):
        assert got == wanted, f"ClickHouse, version {version}"


def test_checkpoint_carries_the_table(zoo, tmp_path):
    """The commits before the checkpoint removed: both readers still find the rows."""
    for name in ("merged", "places"):
        folder = tmp_path / name
        shutil.copytree(folder_of(zoo, name), folder)
        versions, checkpoints = readers.log_versions(folder)
        assert checkpoints == [10]
        assert [c["state"] for c in zoo.cli_json("doctor", status=None) if c["check"] == "lake"] == ["ok"]
        last = json.loads((folder / "_delta_log/_last_checkpoint").read_text())
        assert last["version"] == 10
        rows = pyarrow.parquet.read_table(folder / "_delta_log" / f"{10:020}.checkpoint.parquet").to_pylist()
        assert len(rows) == last["size"] and sum(r["add"] is not None for r in rows) == last["numOfAddFiles"]
        assert sum(r["protocol"] is not None for r in rows) == sum(r["metaData"] is not None for r in rows) == 1
        assert all(sum(v is not None for v in r.values()) == 1 for r in rows)
        for version in range(10):
            (folder / "_delta_log" / f"{version:020}.json").unlink()
        columns = list(readers.columns_at(folder_of(zoo, name), 11))
        for version in (10, 11):
            wanted = readers.delta_rs(folder_of(zoo, name), version, columns)
            assert wanted and readers.delta_rs(folder, version, columns) == wanted
            assert readers.clickhouse([(folder, version, columns)]) == [wanted]


def test_statistics_hide_nothing(zoo):
    """A filter that a reader answers by the files' statistics finds what is there."""
    import deltalake
    for name, column in (("kinds", "moment"), ("kinds", "day"), ("kinds", "big_dec"), ("hours", "hour"), ("hours", "money"), ("places", "place")):
        table = deltalake.DeltaTable(str(folder_of(zoo, name)), version=0)
        for value in {v for v in table.to_pyarrow_table().column(column).to_pylist() if v not in (None, "")}:
            assert table.to_pyarrow_table(filters=[(column, "=", value)]).num_rows >= 1, (name, column, value)
