"""Jobs over files: types, drift, bad rows, merge, partitions, checks, faults; through the real worker, without a server."""
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))


from lib.job import JobError  # noqa: E402
from lib.jobbox import JobBox, column  # noqa: E402


@pytest.fixture
def box(tmp_path):
    return JobBox(tmp_path)


def rows_of(box, table, order="id"):
    paths = [box.lake / p for p in table["keep"]] + [table["staging"] / f["path"] for f in table["files"]]
    rows = [row for path in paths for row in pq.ParquetFile(path).read().to_pylist()]
    return sorted(rows, key=lambda r: (r[order] is None, r[order]))


CSV = {"connector": "csv", "settings": {"path": "in.csv"}}
IDS = [column("id", "INTEGER", key=1), column("name", "VARCHAR")]


def csv(box, text, name="in.csv"):
    (box.sources / name).write_text(text)


def test_csv_is_typed_by_the_contract(box):
    csv(box, 'id,name,price,at,ok\n1,"a,b",1.50,2024-01-02 03:04:05+02,true\n2,,,,\n')
    table = box.ingest("t", [column("id", "BIGINT"), column("name", "VARCHAR"), column("price", "DECIMAL(10,2)"),
                             column("at", "TIMESTAMP WITH TIME ZONE"), column("ok", "BOOLEAN")], CSV)
    first, second = rows_of(box, table)
    assert (first["id"], first["name"], str(first["price"]), first["ok"]) == (1, "a,b", "1.50", True)
    assert first["at"].isoformat() == "2024-01-02T01:04:05+00:00"
    assert second["price"] is None and second["at"] is None
    stats = json.loads(table["files"][0]["stats"])
    assert stats["numRecords"] == 2 and stats["nullCount"]["price"] == 1 and stats["minValues"]["id"] == 1
    assert table["files"][0]["hash"].startswith("blake2b:")


def test_dates_in_a_form_of_the_source(box):
    """They are read by that form alone: 03/04 is April, and another form is named."""
    shape = [column("id", "INTEGER", key=1), column("day", "DATE"), column("at", "TIMESTAMP")]
    source = {"connector": "csv", "settings": {"path": "in.csv", "dateFormat": "%d/%m/%Y", "timestampFormat": "%d.%m.%Y %H:%M"}}
    csv(box, "id,day,at\n1,03/04/2024,31.12.2023 23:59\n2,,\n")
    first, second = rows_of(box, box.ingest("t", shape, source))
    assert (str(first["day"]), str(first["at"])) == ("2024-04-03", "2023-12-31 23:59:00") and second["day"] is None
    csv(box, "id,day,at\n1,03/04/2024,\n2,2024-04-03,\n")
    with pytest.raises(JobError) as error:
        box.ingest("t", shape, source)
    assert error.value.state == "22P02" and all(w in str(error.value) for w in ("day", '"2024-04-03"', "row 2", "DATE"))


@pytest.mark.parametrize("text,state,words", [
    ("id,name\n1,a\nx,b\n", "22P02", ["id", '"x"', "row 2", "INTEGER"]),
    ("id,name\n1,a\n2.5,b\n", "22P02", ["id", '"2.5"', "row 2"]),
    ("id,name\n1,a\n2,b,c\n", "22", ["3"]),
    ("id\n1\n", "42703", ["name"]),
    ("id,name,extra\n1,a,b\n", "42703", ["extra"]),
    ("", "", []),
])
def test_bad_csv_says_what_and_where(box, text, state, words):
    csv(box, text)
    with pytest.raises(JobError) as failure:
        box.ingest("t", IDS, CSV)
    assert failure.value.state.startswith(state), failure.value
    for word in words:
        assert word in failure.value.message
    assert str(box.folder) not in failure.value.message


def test_the_file_of_a_bad_row_is_named(box):
    csv(box, "id,name\n1,a\n", "in1.csv")
    csv(box, "id,name\n2,a\nx,b\n", "in2.csv")
    with pytest.raises(JobError) as failure:
        box.ingest("t", IDS, {"connector": "csv", "settings": {"path": "in*.csv"}})
    assert "in2.csv" in failure.value.message and "row 2" in failure.value.message


def test_digits_are_not_lost(box):
    csv(box, "id,price\n1,1.50\n2,1.239\n")
    with pytest.raises(JobError) as failure:
        box.ingest("t", [column("id", "INTEGER"), column("price", "DECIMAL(10,2)")], CSV)
    assert "price" in failure.value.message and "1.239" in failure.value.message


def test_drift(box):
    csv(box, "id,name,extra\n1,a,b\n")
    ignored = box.ingest("t", IDS, CSV, drift="ignore")
    assert list(rows_of(box, ignored)[0]) == ["id", "name"]
    added = box.ingest("t", IDS, CSV, drift="add")
    assert rows_of(box, added) == [{"id": 1, "name": "a", "extra": "b"}]
    assert [c["name"] for c in added["columns"]] == ["id", "name", "extra"]


def test_ndjson_and_nested(box):
    (box.sources / "in.ndjson").write_text('{"id":1,"name":"a","tags":["x","y"],"amount":89.40}\n{"id":2,"tags":[]}\n')
    table = box.ingest("t", [*IDS, column("tags", "VARCHAR[]"), column("amount", "DECIMAL(10,2)")],
                       {"connector": "json", "settings": {"path": "in.ndjson"}})
    rows = rows_of(box, table)
    assert rows[0]["tags"] == ["x", "y"] and str(rows[0]["amount"]) == "89.40" and rows[1]["name"] is None


def test_bad_json_names_its_line(box):
    (box.sources / "in.ndjson").write_text('{"id":1,"name":"a"}\n{"id":2,\n')
    with pytest.raises(JobError) as failure:
        box.ingest("t", IDS, {"connector": "json", "settings": {"path": "in.ndjson"}})
    assert "line" in failure.value.message and "in.ndjson" in failure.value.message and str(box.folder) not in failure.value.message


def test_parquet(box):
    pq.write_table(pa.table({"id": pa.array([1, 2], pa.int64()), "name": ["a", None]}), box.sources / "p.parquet")
    table = box.ingest("t", IDS, {"connector": "parquet", "settings": {"path": "p.parquet"}})
    assert rows_of(box, table) == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "link.csv", "*/../../../../etc/passwd"])
def test_only_source_folders_are_read(box, path):
    (box.sources / "link.csv").symlink_to("/etc/passwd")
    with pytest.raises(JobError) as failure:
        box.ingest("t", IDS, {"connector": "csv", "settings": {"path": path}})
    assert failure.value.state in ("42501", "58P01"), failure.value


@pytest.mark.parametrize("connector", ["csv", "json", "parquet", "sqlite"])
@pytest.mark.parametrize("path", ["pipe", "pip*"])
def test_a_pipe_is_refused_at_once(box, connector, path):
    os.mkfifo(box.sources / "pipe")
    with pytest.raises(JobError) as failure:
        box.ingest("t", IDS, {"connector": connector, "settings": {"path": path}})
    assert failure.value.state == "58P01" and "pipe or a device" in str(failure.value), failure.value


def test_a_link_inside_the_folder_is_followed(box):
    csv(box, "id,name\n1,a\n")
    (box.sources / "link.csv").symlink_to("in.csv")
    assert box.ingest("t", IDS, {"connector": "csv", "settings": {"path": "link.csv"}})["rows"] == 1


def sqlite(box, *statements):
    db = sqlite3.connect(box.sources / "in.db")
    for statement in statements:
        db.execute(statement)
    db.commit()
    return db


SQLITE = {"connector": "sqlite", "settings": {"path": "in.db"}, "object": "people"}


def test_sqlite(box):
    sqlite(box, "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, price DECIMAL(10,2), born DATE, photo BLOB)",
           "INSERT INTO people VALUES (1, 'a', 12.5, '1990-01-02', x'00ff'), (2, NULL, NULL, NULL, NULL)").close()
    table = box.ingest("t", [*IDS, column("price", "DECIMAL(10,2)"), column("born", "DATE"), column("photo", "BLOB")], SQLITE)
    first = rows_of(box, table)[0]
    assert (str(first["price"]), str(first["born"]), first["photo"]) == ("12.50", "1990-01-02", b"\x00\xff")


def test_sqlite_value_that_does_not_fit(box):
    sqlite(box, "CREATE TABLE people (id INTEGER, name TEXT)", "INSERT INTO people VALUES (1, 'a'), ('many', 'b')").close()
    with pytest.raises(JobError) as failure:
        box.ingest("t", IDS, SQLITE)
    assert "column id" in failure.value.message and "row 2" in failure.value.message


def test_sqlite_in_use_with_a_write_ahead_log(box):
    db = sqlite(box, "PRAGMA journal_mode=WAL", "CREATE TABLE people (id INTEGER, name TEXT)", "INSERT INTO people VALUES (1, 'a')")
    table = box.ingest("t", IDS, SQLITE)
    db.close()
    assert table["rows"] == 1


def test_sqlite_closed_with_a_write_ahead_log(box):
    sqlite(box, "PRAGMA journal_mode=WAL", "CREATE TABLE people (id INTEGER, name TEXT)", "INSERT INTO people VALUES (1, 'a')").close()
    assert box.ingest("t", IDS, SQLITE)["rows"] == 1


AT = [column("id", "INTEGER", key=1), column("v", "VARCHAR"), column("at", "TIMESTAMP WITH TIME ZONE")]


def test_incremental_merges_by_key(box):
    def step(previous, value):
        return box.ingest("t", AT, SQLITE, mode="incremental", previous=previous, cursor={"column": "at", "value": value})

    db = sqlite(box, "CREATE TABLE people (id INTEGER PRIMARY KEY, v TEXT, at TEXT)",
                "INSERT INTO people VALUES (1, 'a', '2024-01-01T00:00:00Z'), (2, 'b', '2024-01-01T00:00:00Z')")
    first = step([], None)
    previous = box.move(first)
    # a row with the same cursor value arrives late, one changes
    db.execute("INSERT INTO people VALUES (3, 'late', '2024-01-01T00:00:00Z')")
    db.execute("UPDATE people SET v = 'b2', at = '2024-01-02T00:00:00Z' WHERE id = 2")
    db.commit()
    second = step(previous, first["cursor"])
    assert [(r["id"], r["v"]) for r in rows_of(box, second)] == [(1, "a"), (2, "b2"), (3, "late")]
    assert second["cursor"].startswith("2024-01-02")
    previous = box.move(second)
    third = step(previous, second["cursor"])
    assert [(r["id"], r["v"]) for r in rows_of(box, third)] == [(1, "a"), (2, "b2"), (3, "late")]
    db.close()


def test_partitions(box):
    csv(box, "id,name\n1,DE\n2,FR\n3,\n4,a b/ü=%\n")
    table = box.ingest("t", IDS, CSV, partition_by=["name"])
    assert sorted((f["partition"]["name"] or "", f["rows"]) for f in table["files"]) == [("", 1), ("DE", 1), ("FR", 1), ("a b/ü=%", 1)]
    assert len(rows_of(box, table)) == 4


def test_empty_partitioned_table_still_breaks_its_rules(box):
    csv(box, "id,name\n")
    rule = {"id": 0, "name": "some", "type": "library", "metric": "rowCount", "operator": "mustBeGreaterThan", "value": 0, "severity": "error"}
    table = box.ingest("t", IDS, CSV, partition_by=["name"], checks=[rule])
    assert [c["ok"] for c in table["checks"] if c["name"] == "some"] == [False]


CHECKS = [
    ({"metric": "rowCount", "operator": "mustBe", "value": 4}, True, 4),
    ({"metric": "rowCount", "operator": "mustNotBe", "value": 4}, False, 4),
    ({"metric": "rowCount", "operator": "mustBeGreaterThan", "value": 3}, True, 4),
    ({"metric": "rowCount", "operator": "mustBeGreaterOrEqualTo", "value": 5}, False, 4),
    ({"metric": "rowCount", "operator": "mustBeLessThan", "value": 4}, False, 4),
    ({"metric": "rowCount", "operator": "mustBeLessOrEqualTo", "value": 4}, True, 4),
    ({"metric": "rowCount", "operator": "mustBeBetween", "value": 1, "value_high": 9}, True, 4),
    ({"metric": "rowCount", "operator": "mustNotBeBetween", "value": 1, "value_high": 9}, False, 4),
    ({"metric": "nullValues", "column": "name", "operator": "mustBe", "value": 0}, False, 1),
    ({"metric": "nullValues", "column": "name", "operator": "mustBeLessThan", "value": 30, "percent": True}, True, 25),
    ({"metric": "missingValues", "column": "name", "arguments": {"missingValues": [None, "N/A"]}, "operator": "mustBe", "value": 0}, False, 2),
    ({"metric": "invalidValues", "column": "name", "arguments": {"validValues": ["a", "N/A"]}, "operator": "mustBe", "value": 0}, True, 0),
    ({"metric": "invalidValues", "column": "name", "arguments": {"pattern": "^[a-z]$"}, "operator": "mustBe", "value": 0}, False, 1),
    ({"metric": "duplicateValues", "column": "name", "operator": "mustBe", "value": 0}, False, 1),
    ({"metric": "duplicateValues", "arguments": {"properties": ["id", "name"]}, "operator": "mustBe", "value": 0}, True, 0),
    ({"type": "sql", "query": "SELECT count(*) FROM ${object} WHERE ${property} > 3", "column": "id", "operator": "mustBe", "value": 1}, True, 1),
    ({"type": "sql", "query": "SELECT count(*) FROM t WHERE id IS NULL", "operator": "mustBe", "value": 0}, True, 0),
]


@pytest.mark.parametrize("rule,ok,value", CHECKS)
def test_checks(box, rule, ok, value):
    csv(box, "id,name\n1,a\n2,a\n3,\n4,N/A\n")
    rule = {"id": 7, "name": "the rule", "type": "library", "severity": "warning", **rule}
    table = box.ingest("t", [column("id", "INTEGER"), column("name", "VARCHAR")], CSV, checks=[rule])
    [check] = table["checks"]
    assert (check["ok"], check["value"], check["severity"]) == (ok, value, "warning"), check
    if check["failing_file"]:
        assert pq.read_metadata(table["staging"] / check["failing_file"]).num_rows == check["failing_rows"] > 0


@pytest.mark.parametrize("query", [
    "SELECT count(*) FROM read_parquet('{other}')", "SELECT count(*) FROM '{other}'", "SELECT count(*) FROM other",
    "SELECT secret FROM read_csv('{other}') LIMIT 1", "COPY t TO '{staging}/x.csv'", "SELECT count(*) FROM t; DROP VIEW t",
    "SELECT count(*) FROM information_schema.tables", "SELECT count(*) FROM duckdb_tables()", "DELETE FROM t",
])
def test_a_sql_check_sees_its_own_table_only(box, query):
    csv(box, "id,name\n1,a\n")
    other = box.sources / "in.csv"
    rule = {"id": 0, "name": "r", "type": "sql", "query": query.format(other=other, staging=box.folder / "staging" / "1"),
            "operator": "mustBe", "value": 0, "severity": "error"}
    [check] = box.ingest("t", [column("id", "INTEGER"), column("name", "VARCHAR")], CSV, checks=[rule])["checks"]
    assert not check["ok"] and check["value"] is None and "could not be computed" in check["message"], check


def test_contract_promises_are_checked(box):
    csv(box, "id,name\n1,a\n1,\n")
    table = box.ingest("t", [column("id", "INTEGER", key=1), column("name", "VARCHAR", required=True)], CSV)
    assert [(c["name"], c["ok"]) for c in table["checks"]] == [
        ("required-id", True), ("required-name", False), ("primary-key-t", False)]


@pytest.fixture
def full_disk(box):
    staging = box.folder / "staging"
    staging.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", staging], capture_output=True).returncode:
        pytest.skip("a small file system needs the right to mount")
    yield box
    subprocess.run(["umount", "-l", staging], check=True)


def test_a_full_disk_is_named(full_disk):
    csv(full_disk, "id,name\n" + "".join(f"{i},{i * 7919 % 1000003}-{i * i * 104729 % 999983}\n" for i in range(200000)))
    with pytest.raises(JobError) as failure:
        full_disk.ingest("t", IDS, CSV)
    assert failure.value.state == "53100", failure.value


def test_source_that_is_not_there(box):
    with pytest.raises(JobError) as failure:
        box.ingest("t", IDS, CSV)
    assert failure.value.state == "58P01" and "in.csv" in failure.value.message


def test_transform_reads_its_relations_and_nothing_else(box):
    csv(box, "id,name\n1,a\n2,b\n")
    [file] = box.move(box.ingest("people", IDS, CSV))
    relation = {"schema": "crm", "name": "people", "files": [file["path"]],
                "columns": [{"name": "id", "type": "INTEGER"}, {"name": "name", "type": "VARCHAR"}], "filter": "id > 1", "barrier": True}

    def run(sql):
        table = {"name": "out", "columns": IDS, "partition_by": [], "previous": [], "sql": sql, "relations": [relation], "at": [], "checks": []}
        result = box.job("transform", [table])
        return result["tables"][0] | {"staging": result["staging"]}

    assert rows_of(box, run("SELECT id, upper(name) AS name, 1 AS more FROM crm.people")) == [{"id": 2, "name": "B"}]
    with pytest.raises(JobError):
        run("SELECT id, name FROM crm.nothing")
