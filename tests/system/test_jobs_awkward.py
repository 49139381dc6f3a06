"""Awkward files and drift, for every kind of file source: what is read all the same, and what a run says where it cannot."""
import gzip
import json
import pathlib
import sqlite3
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib.job import JobError  # noqa: E402
from lib.jobbox import JobBox, column  # noqa: E402

IDS = [column("id", "INTEGER", key=1), column("name", "VARCHAR")]


@pytest.fixture
def box(tmp_path):
    return JobBox(tmp_path)


def rows_of(table):
    paths = [*table["keep"], *(table["staging"] / f["path"] for f in table["files"])]
    return sorted((row for path in paths for row in pq.ParquetFile(path).read().to_pylist()), key=lambda r: r["id"])


def write_csv(box, rows):
    names = list(rows[0])
    (box.sources / "in.csv").write_text("\n".join([",".join(names), *(",".join("" if r[n] is None else str(r[n]) for n in names) for r in rows)]) + "\n")
    return {"connector": "csv", "settings": {"path": "in.csv"}}


def write_json(box, rows):
    (box.sources / "in.json").write_text(json.dumps(rows))
    return {"connector": "json", "settings": {"path": "in.json"}}


def write_ndjson(box, rows):
    (box.sources / "in.ndjson").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return {"connector": "json", "settings": {"path": "in.ndjson"}}


def write_parquet(box, rows):
    pq.write_table(pa.Table.from_pylist(rows), box.sources / "in.parquet")
    return {"connector": "parquet", "settings": {"path": "in.parquet"}}


def write_sqlite(box, rows):
    (box.sources / "in.db").unlink(missing_ok=True)
    db = sqlite3.connect(box.sources / "in.db")
    types = {int: "INTEGER", str: "TEXT", float: "REAL"}
    names = list(rows[0])
    db.execute(f"CREATE TABLE t ({', '.join(f'{n} {types[type(rows[0][n])]}' for n in names)})")
    db.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(names))})", [[r[n] for n in names] for r in rows])
    db.commit()
    db.close()
    return {"connector": "sqlite", "settings": {"path": "in.db"}, "object": "t"}


KINDS = {"csv": write_csv, "json": write_json, "ndjson": write_ndjson, "parquet": write_parquet, "sqlite": write_sqlite}


@pytest.mark.parametrize("kind", KINDS)
def test_drift_and_increments(box, kind):
    write = KINDS[kind]
    source = write(box, [{"id": 1, "name": "a", "at": 1, "more": "x"}, {"id": 2, "name": "b", "at": 2, "more": "y"}])
    columns = [*IDS, column("at", "INTEGER")]

    def step(previous=(), value=None, drift="add"):
        return box.ingest("t", columns, source, mode="incremental", previous=list(previous), cursor={"column": "at", "value": value}, drift=drift)

    with pytest.raises(JobError) as failure:
        step(drift="fail")
    assert failure.value.state == "42703" and "more" in failure.value.message and "drift" in failure.value.hint
    assert list(rows_of(step(drift="ignore"))[0]) == ["id", "name", "at"]
    first = step()
    assert first["cursor"] == "2" and [r["more"] for r in rows_of(first)] == ["x", "y"]
    previous = box.move(first)
    # the same moment again, a newer row; an old one changes without its cursor
    write(box, [{"id": 1, "name": "not seen", "at": 1, "more": "x"}, {"id": 2, "name": "b2", "at": 2, "more": "y"},
                {"id": 3, "name": "c", "at": 2, "more": "z"}, {"id": 4, "name": "d", "at": 10, "more": "z"}])
    second = step(previous, first["cursor"])
    assert [(r["id"], r["name"], r["more"]) for r in rows_of(second)] == [(1, "a", "x"), (2, "b2", "y"), (3, "c", "z"), (4, "d", "z")]
    assert second["cursor"] == "10"
    # a column that drift had added goes away again, one of the contract does too
    previous = box.move(second)
    write(box, [{"id": 4, "name": "d2", "at": 10}, {"id": 5, "name": "e", "at": 11}])
    third = step(previous, second["cursor"])
    assert [(r["id"], r["name"]) for r in rows_of(third)] == [(1, "a"), (2, "b2"), (3, "c"), (4, "d2"), (5, "e")]
    names = [c["name"] for c in third["columns"]]
    assert all(list(pq.ParquetFile(third["staging"] / f["path"]).schema_arrow.names) == names for f in third["files"])
    write(box, [{"id": 6, "at": 12}])
    with pytest.raises(JobError) as failure:
        step(box.move(third), third["cursor"])
    assert failure.value.state == "42703" and "name" in failure.value.message


def csv(box, content, name="in.csv"):
    (box.sources / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return {"connector": "csv", "settings": {"path": name}}


GOOD = {
    "byte order mark": b"\xef\xbb\xbfid,name\n1,a\n",
    "carriage returns": b"id,name\r\n1,a\r\n",
    "no last line end": b"id,name\n1,a",
    "quoted names": b'"id","name"\n"1","a"\n',
    "another order": b"name,id\na,1\n",
    "other case": b"ID,Name\n1,a\n",
}


@pytest.mark.parametrize("form", GOOD)
def test_csv_forms(box, form):
    [row] = rows_of(box.ingest("t", IDS, csv(box, GOOD[form])))
    assert (row["id"], row["name"]) == (1, "a")


def test_csv_values(box):
    text = 'id,name\n1,"two\nlines, and ""quotes"""\n2,\' é 漢 🎈\n3,""\n4,\n5,NULL\n6, x \n'
    names = [r["name"] for r in rows_of(box.ingest("t", IDS, csv(box, text)))]
    assert names[0] == 'two\nlines, and "quotes"' and names[1] == "' é 漢 🎈" and names[4] == "NULL" and names[5] == " x "


def test_csv_with_a_thousand_columns(box):
    names = [f"c{i}" for i in range(1000)]
    text = ",".join(["id", *names]) + "\n" + "".join(",".join([str(r), *(str(i * r) for i in range(1000))]) + "\n" for r in range(1, 20))
    table = box.ingest("t", [column("id", "INTEGER"), *(column(n, "BIGINT") for n in names)], csv(box, text))
    assert rows_of(table)[18]["c999"] == 999 * 19


def test_header_only(box):
    assert box.ingest("t", IDS, csv(box, "id,name\n"))["rows"] == 0


BAD = [
    (b"", "22000", ["in.csv", "empty"]),
    ("id,name\n1,é\n".encode("utf-16"), "22021", ["in.csv", "UTF-16"]),
    ("id,name\n1,é\n".encode("utf-16-be"), "22021", ["in.csv", "UTF-16"]),
    ("id,name\n1,é\n".encode("utf-32"), "22021", ["in.csv", "UTF-16 or UTF-32"]),
    ("id,name\n1,é\n2,ü\n".encode("latin-1"), "22", ["2"]),
    (b'id,name\n1,"open\n2,b\n', "22", ["Line: 2"]),
    (b"id,name\n1,a\n2\n3,c\n", "22", ["3"]),
    (b"id,name\n" + b"".join(b"%d,a\n" % i for i in range(30000)) + b"x,b\n", "22P02", ["id", '"x"', "row 30001"]),
    (b"id,name\n1,a\n\x001,b\n", "22", []),
]


@pytest.mark.parametrize("content,state,words", BAD, ids=range(len(BAD)))
def test_bad_csv(box, content, state, words):
    with pytest.raises(JobError) as failure:
        box.ingest("t", IDS, csv(box, content))
    assert failure.value.state.startswith(state), failure.value
    for word in words:
        assert word in failure.value.message, failure.value
    assert str(box.folder) not in str(failure.value)


@pytest.mark.parametrize("cut", [8, 1, 40])
def test_packed_files_that_are_cut(box, cut):
    whole = gzip.compress(b"id,name\n" + b"1,a\n" * 1000)
    assert box.ingest("t", IDS, csv(box, whole, "in.csv.gz"))["rows"] == 1000
    with pytest.raises(JobError) as failure:
        box.ingest("t", IDS, csv(box, whole[:-cut], "in.csv.gz"))
    assert "in.csv.gz" in failure.value.message and "ends early" in failure.value.message
    with pytest.raises(JobError):
        box.ingest("t", IDS, csv(box, whole[:-8] + b"\0" * 8, "in.csv.gz"))


JSON = [
    (b"[]", "42703", "id"),
    (b"", "22000", "empty"),
    (b'{"id":1,"name":"a"}\n{"id":"x","name":"b"}\n', "22P02", "id"),
    (b'{"id":1,"name":"a"}\n\xff\n', "22", "line"),
    ('{"id":1,"name":"é"}\n'.encode("utf-16"), "22021", "UTF-16"),
    (b'[{"id":1,"name":"a"},{"id":2,', "22", "in.json"),
    (b'\xef\xbb\xbf[{"id":1,"name":"a"}]', "22021", "byte order mark"),
]


@pytest.mark.parametrize("content,state,words", JSON, ids=range(len(JSON)))
def test_bad_json(box, content, state, words):
    (box.sources / "in.json").write_bytes(content)
    with pytest.raises(JobError) as failure:
        box.ingest("t", IDS, {"connector": "json", "settings": {"path": "in.json"}})
    assert failure.value.state.startswith(state) and words in failure.value.message, failure.value


def test_json_forms(box):
    (box.sources / "in.json").write_text('[{"id":1,"name":null,"deep":{"a":[1,{"b":2}]}},\n {"id":2,"name":"x","deep":null}]')
    table = box.ingest("t", [*IDS, column("deep", "JSON")], {"connector": "json", "settings": {"path": "in.json"}})
    assert [json.loads(r["deep"]) if r["deep"] else None for r in rows_of(table)] == [{"a": [1, {"b": 2}]}, None]


SQLITE = {"connector": "sqlite", "settings": {"path": "in.db"}, "object": "t"}


def sqlite(box, *statements):
    db = sqlite3.connect(box.sources / "in.db", isolation_level=None)
    for statement in statements:
        db.execute(statement)
    return db


def test_sqlite_while_somebody_writes(box):
    """A writer in rollback mode holds the file for itself: it is waited for, and the run says so when it takes too long."""
    db = sqlite(box, "CREATE TABLE t (id INTEGER, name TEXT)", "INSERT INTO t VALUES (1, 'a')", "BEGIN EXCLUSIVE", "INSERT INTO t VALUES (2, 'b')")
    with pytest.raises(JobError) as failure:
        box.ingest("t", IDS, SQLITE)
    assert failure.value.state[:2] == "08" and "locked" in failure.value.message and failure.value.hint
    db.execute("ROLLBACK")
    assert box.ingest("t", IDS, SQLITE)["rows"] == 1
    db.close()


@pytest.mark.parametrize("what", ["header", "middle", "cut"])
def test_sqlite_that_is_damaged(box, what):
    sqlite(box, "CREATE TABLE t (id INTEGER, name TEXT)", 
           "INSERT INTO t WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 1000) SELECT i, printf('%050d', i) FROM s").close()
    path = box.sources / "in.db"
    content = bytearray(path.read_bytes())
    if what == "header":
        content[:16] = b"x" * 16
    elif what == "middle":
        content[4096 * 4:4096 * 6] = b"\xff" * 8192
    else:
        content = content[:len(content) // 2]
    path.write_bytes(content)
    with pytest.raises(JobError) as failure:
        box.ingest("t", IDS, SQLITE)
    assert failure.value.state in ("XX001", "22000") and failure.value.hint and "SQLite" in failure.value.message, failure.value


@pytest.mark.parametrize("declared,value,wanted,words", [
    ("INTEGER", "'many'", "INTEGER", ["text", "row 2"]),
    ("INTEGER", "1.5", "INTEGER", ["no whole number", "row 2"]),
    ("REAL", "'x'", "DOUBLE", ["no number", "row 2"]),
    ("TEXT", "x'ff'", "VARCHAR", ["bytes", "row 2"]),
    ("TEXT", "CAST(x'ff' AS TEXT)", "VARCHAR", ["not UTF-8", "row 2"]),
    ("DECIMAL(10,2)", "1.234", "DECIMAL(10,2)", ["1.234", "row 2"]),
    ("DATE", "'yesterday'", "DATE", ["yesterday", "row 2"]),
    ("BOOLEAN", "'yes'", "BOOLEAN", ["text", "row 2"]),
])
def test_sqlite_values_of_another_class(box, declared, value, wanted, words):
    sqlite(box, f"CREATE TABLE t (id INTEGER, v {declared})", "INSERT INTO t VALUES (1, NULL)", f"INSERT INTO t VALUES (2, {value})").close()
    with pytest.raises(JobError) as failure:
        box.ingest("t", [column("id", "INTEGER"), column("v", wanted)], SQLITE)
    for word in ["v", *words]:
        assert word in failure.value.message, failure.value


def test_sqlite_without_the_table(box):
    sqlite(box, "CREATE TABLE other (id INTEGER)").close()
    with pytest.raises(JobError) as failure:
        box.ingest("t", IDS, SQLITE)
    assert failure.value.state == "42P01" and "t" in failure.value.message
