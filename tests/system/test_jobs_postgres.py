"""PostgreSQL as a source: every type, one moment for all readers, incremental reads, and what goes wrong."""
import pathlib
import signal
import subprocess
import sys
import threading
import time

import psycopg
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib.job import JobError  # noqa: E402
from lib.jobbox import JobBox, column  # noqa: E402
from lib.pgcluster import Cluster, Relay  # noqa: E402


@pytest.fixture(scope="module")
def pg():
    cluster = Cluster()
    yield cluster
    cluster.remove()


@pytest.fixture
def box(tmp_path):
    return JobBox(tmp_path)


def rows_of(table):
    paths = [*table["keep"], *(table["staging"] / f["path"] for f in table["files"])]
    return [row for path in paths for row in pq.ParquetFile(path).read().to_pylist()]


# type, value in SQL, type in the contract, what other readers find in the files
TYPES = [
    ("boolean", "true", "BOOLEAN", True),
    ("smallint", "-32768", "SMALLINT", -32768),
    ("integer", "2147483647", "INTEGER", 2147483647),
    ("bigint", "-9223372036854775808", "BIGINT", -9223372036854775808),
    ("real", "1.5", "FLOAT", 1.5),
    ("double precision", "0.1", "DOUBLE", 0.1),
    ("numeric(20,5)", "-123456789012345.00007", "DECIMAL(20,5)", "-123456789012345.00007"),
    ("numeric", "10000", "DECIMAL(9,2)", "10000.00"),
    ("numeric", "0.00000001", "DECIMAL(20,10)", "1.00E-8"),
    ("text", "'é ''x'''", "VARCHAR", "é 'x'"),
    ("varchar(5)", "'ab'", "VARCHAR", "ab"),
    ("char(4)", "'ab'", "VARCHAR", "ab  "),
    ("\"char\"", "'x'", "VARCHAR", "x"),
    ("name", "'n'", "VARCHAR", "n"),
    ("bytea", r"'\x00ff'", "BLOB", b"\x00\xff"),
    ("date", "'1969-12-31'", "DATE", "1969-12-31"),
    ("date", "'0044-03-15 BC'", "VARCHAR", "0044-03-15 (BC)"),
    ("date", "'infinity'", "VARCHAR", "infinity"),
    ("time", "'23:59:59.999999'", "TIME", "23:59:59.999999"),
    ("timetz", "'23:59:59+02'", "VARCHAR", "23:59:59+02"),
    ("timestamp", "'2024-02-29 12:00:00.000001'", "TIMESTAMP", "2024-02-29 12:00:00.000001"),
    ("timestamptz", "'2024-02-29 12:00:00+02'", "TIMESTAMP WITH TIME ZONE", "2024-02-29 10:00:00+00:00"),
    ("interval", "'1 year 2 days 03:04:05.5'", "INTERVAL", "1 year 2 days 03:04:05.5"),
    ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "UUID", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("json", "'{\"a\": 1}'", "JSON", '{"a": 1}'),
    ("jsonb", "'{\"a\":[1,null]}'", "JSON", '{"a": [1, null]}'),
    ("xml", "'<a/>'", "VARCHAR", "<a/>"),
    ("oid", "4294967295", "BIGINT", 4294967295),
    ("integer[]", "'{1,NULL,3}'", "INTEGER[]", [1, None, 3]),
    ("integer[]", "'{{1,2},{3,4}}'", "INTEGER[][]", [[1, 2], [3, 4]]),
    ("text[]", "'{a,NULL,\"b\\\"c\"}'", "VARCHAR[]", ["a", None, 'b"c']),
    ("text[]", "'{}'", "VARCHAR[]", []),
    ("numeric[]", "'{1.50}'", "DECIMAL(10,2)[]", ["1.50"]),
    ("float8[]", "'{0.1,-2}'", "DOUBLE[]", [0.1, -2.0]),
    ("boolean[]", "'{t,f}'", "BOOLEAN[]", [True, False]),
    ("uuid[]", "'{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'", "VARCHAR[]", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("date[]", "'{2024-02-29}'", "DATE[]", ["2024-02-29"]),
    ("timestamptz[]", "'{2024-02-29 12:00:00+02}'", "TIMESTAMP WITH TIME ZONE[]", ["2024-02-29 10:00:00+00:00"]),
    ("jsonb[]", "ARRAY['{\"a\":1}'::jsonb]", "JSON", '[{"a": 1}]'),
    ("mood", "'ok'", "VARCHAR", "ok"),
    ("mood[]", "'{ok,bad}'", "VARCHAR[]", ["ok", "bad"]),
    ("positive", "7", "INTEGER", 7),
    ("pair", "ROW(1,'x')", "STRUCT(a INTEGER, b VARCHAR)", {"a": 1, "b": "x"}),
    ("inet", "'10.0.0.1/8'", "VARCHAR", "10.0.0.1/8"),
    ("money", "12.5", "VARCHAR", "$12.50"),
    ("int4range", "'[1,5)'", "VARCHAR", "[1,5)"),
    ("bit(3)", "B'101'", "VARCHAR", "101"),
    ("tsvector", "'a b'", "VARCHAR", "'a' 'b'"),
    ("point", "'(1,2)'", "VARCHAR", "(1,2)"),
    ("timetz", "'23:59:59.5-07:30'", "TIME WITH TIME ZONE", "23:59:59.5-07:30"),
    ("time", "'24:00:00'", "VARCHAR", "24:00:00"),
    ("timestamptz", "'infinity'", "VARCHAR", "infinity"),
    ("timestamptz", "'-infinity'", "VARCHAR", "-infinity"),
    ("timestamp", "'0044-03-15 12:00 BC'", "VARCHAR", "0044-03-15 (BC) 12:00:00"),
    ("interval", "'-1 mon -2 days +00:00:00.000001'", "INTERVAL", "-1 month -2 days 00:00:00.000001"),
    ("numeric", "'NaN'", "VARCHAR", "NaN"),
    ("numeric", "'-Infinity'", "VARCHAR", "-Infinity"),
    ("numeric", "1e-50::numeric", "VARCHAR", "0." + "0" * 49 + "1"),
    ("numeric", "1e60::numeric + 1", "VARCHAR", "1" + "0" * 59 + "1"),
    ("numeric", "-12345678901234567890123456789012345678", "DECIMAL(38,0)", "-12345678901234567890123456789012345678"),
    ("real", "'NaN'", "VARCHAR", "nan"),
    ("double precision", "'-Infinity'", "VARCHAR", "-inf"),
    ("money", "'-1234.5'", "DECIMAL(12,2)", "-1234.50"),
    ("bit(3)", "B'101'", "BIT", "101"),
    ("varbit", "B'0101'", "VARCHAR", "0101"),
    ("inet", "'2001:db8::1/64'", "VARCHAR", "2001:db8::1/64"),
    ("cidr", "'10.1.0.0/16'", "VARCHAR", "10.1.0.0/16"),
    ("macaddr", "'08:00:2b:01:02:03'", "VARCHAR", "08:00:2b:01:02:03"),
    ("macaddr8", "'08:00:2b:01:02:03:04:05'", "VARCHAR", "08:00:2b:01:02:03:04:05"),
    ("tstzrange", "'[2024-01-01 02:00+02,)'", "VARCHAR", '["2024-01-01 00:00:00+00",)'),
    ("int4multirange", "'{[1,2],[4,5]}'", "VARCHAR", "{[1,3),[4,6)}"),
    ("int8range[]", "'{\"[1,2)\",empty}'", "VARCHAR[]", ["[1,2)", "empty"]),
    ("tags", "'a=>1, \"b c\"=>NULL'", "JSON", '{"a": "1", "b c": null}'),
    ("tags", "'a=>1'", "MAP(VARCHAR, VARCHAR)", [("a", "1")]),
    ("nocase", "'ABC'", "VARCHAR", "ABC"),
    ("nocase[]", "'{A,b}'", "VARCHAR[]", ["A", "b"]),
    ("pair", "ROW(1,'x')", "VARCHAR", '{"a":1,"b":"x"}'),
    ("pair[]", "ARRAY[ROW(1,'x')::pair, NULL]", "STRUCT(a INTEGER, b VARCHAR)[]", [{"a": 1, "b": "x"}, None]),
    ("positives", "'{1,2}'", "INTEGER[]", [1, 2]),
    ("integer[]", "'[5:6]={7,8}'", "INTEGER[]", [7, 8]),
    ("integer[]", "'[0:1][-1:0]={{1,NULL},{3,4}}'", "INTEGER[][]", [[1, None], [3, 4]]),
    ("float8[]", "'{NaN,Infinity,0.1}'", "VARCHAR", '["NaN","Infinity",0.1]'),
    ("real[]", "'{0.1}'", "VARCHAR", "[0.1]"),
    ("interval[]", "'{1 day}'", "VARCHAR[]", ["1 day"]),
    ("bytea[]", "ARRAY['\\x00ff'::bytea]", "VARCHAR", '["\\\\x00ff"]'),
    ("json", "'{\"b\": 1, \"a\": \"\\u00e9\"}'", "VARCHAR", '{"b": 1, "a": "\\u00e9"}'),
    ("pg_lsn", "'16/B374D848'", "VARCHAR", "16/B374D848"),
    ("xid8", "'42'", "VARCHAR", "42"),
    ("regclass", "'pg_class'", "VARCHAR", "pg_class"),
    ("oidvector", "'1 2'", "BIGINT[]", [1, 2]),
    ("text", "''", "VARCHAR", ""),
    ("bytea", "''", "BLOB", b""),
    ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "VARCHAR", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("integer", "5", "DECIMAL(9,2)", "5.00"),
]

def plain(value):
    if isinstance(value, (bool, int, float, bytes)) or value is None:
        return value
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return str(value)


@pytest.fixture(scope="module")
def zoo(pg):
    columns = ", ".join(f"c{i} {t[0]}" for i, t in enumerate(TYPES))
    values = ", ".join(f"({t[1]})::{t[0]}" for t in TYPES)
    pg.run("CREATE TYPE mood AS ENUM ('bad', 'ok')", "CREATE DOMAIN positive AS integer CHECK (value > 0)",
           "CREATE DOMAIN positives AS positive[]", "CREATE TYPE pair AS (a integer, b text)", "CREATE EXTENSION hstore",
           "CREATE EXTENSION citext", "CREATE DOMAIN tags AS hstore", "CREATE DOMAIN nocase AS citext",
           f"CREATE TABLE zoo ({columns})", f"INSERT INTO zoo SELECT {values}", "INSERT INTO zoo DEFAULT VALUES")
    return pg


@pytest.fixture(scope="module")
def caught(zoo, tmp_path_factory):
    """The zoo, read once; the server's and its user's habits must not matter."""
    zoo.run("ALTER ROLE shop SET datestyle = 'SQL, DMY'", "ALTER ROLE shop SET timezone = 'Asia/Tokyo'",
            "ALTER ROLE shop SET intervalstyle = 'iso_8601'", "ALTER ROLE shop SET bytea_output = 'escape'")
    table = JobBox(tmp_path_factory.mktemp("zoo")).ingest(
        "t", [column(f"c{i}", t[2]) for i, t in enumerate(TYPES)], zoo.source("public.zoo"))
    zoo.run("ALTER ROLE shop RESET ALL")
    return rows_of(table)


@pytest.mark.parametrize("i", range(len(TYPES)), ids=[f"{t[0]}-{i}" for i, t in enumerate(TYPES)])
def test_every_type(caught, i):
    assert sorted((plain(row[f"c{i}"]) for row in caught), key=lambda v: v is None) == [TYPES[i][3], None]


# type, value, type in the contract, words that the run says beside the column's name
MISFITS = [
    ("numeric", "'NaN'", "DECIMAL(10,2)", ["NaN", "row 1", "DECIMAL(10,2)"]),
    ("numeric", "'Infinity'", "DECIMAL(10,2)", ["Infinity", "row 1"]),
    ("numeric", "1e40::numeric", "DECIMAL(38,0)", ["1000", "row 1"]),
    ("numeric", "0.123", "DECIMAL(10,2)", ["0.123", "row 1"]),
    ("bigint", "2147483648", "INTEGER", ["2147483648", "row 1", "INTEGER"]),
    ("timestamp", "'294276-12-31'", "TIMESTAMP", ["timestamp", "beyond", "row 1"]),
    ("point", "'(1,2)'", "DOUBLE", ["point"]),
    ("inet", "'10.0.0.1'", "INTEGER", ["inet"]),
    ("bit(3)", "B'101'", "INTEGER", ["bit"]),
    ("bytea[]", "ARRAY['x'::bytea]", "BLOB[]", ["_bytea"]),
    ("text", "'x'", "INTEGER", ['"x"', "row 1"]),
    ("text", "repeat('x', 64 << 20)", "VARCHAR", ["64 MiB", "row 1"]),
]


@pytest.mark.parametrize("type_,value,wanted,words", MISFITS)
def test_what_does_not_fit_is_named(pg, box, type_, value, wanted, words):
    with pytest.raises(JobError) as failure:
        box.ingest("t", [column("thing", wanted)], pg.source(query=f"SELECT ({value})::{type_} AS thing"))
    for word in ["thing", *words]:
        assert word in failure.value.message, failure.value
    assert failure.value.hint


def test_columns_that_drift_adds_keep_their_types(pg, box):
    query = "SELECT 1 AS id, 1.5::numeric(10,2) AS price, now() AS at, '{1}'::int[] AS list, '1.2.3.4'::inet AS ip"
    table = box.ingest("t", [column("id", "INTEGER")], pg.source(query=query), drift="add")
    assert [(c["name"], c["type"]) for c in table["columns"]] == [
        ("id", "INTEGER"), ("price", "DECIMAL(10,2)"), ("at", "TIMESTAMP WITH TIME ZONE"), ("list", "JSON"), ("ip", "VARCHAR")]


def test_rows_that_come_with_the_answer_to_copy(pg, box):
    """A small table may arrive in one piece with the start of the COPY; the reader must not wait for more then."""
    relay = Relay(pg.port, hold=0.05)
    table = box.ingest("t", [column("id", "INTEGER")], pg.source(query="SELECT 1 AS id", port=str(relay.port), sslmode="disable"))
    relay.close()
    assert table["rows"] == 1


BIG = "CREATE TABLE {0} AS SELECT g AS id, 1 AS generation, repeat('x', 200) AS pad FROM generate_series(1, 150000) g"


def test_readers_in_parallel_see_one_moment(pg, box):
    """Somebody changes every row again and again; what is read is of one moment."""
    pg.run(BIG.format("big"), "ANALYZE big")
    stop = threading.Event()

    def write():
        with pg.connect() as connection:
            while not stop.is_set():
                connection.execute("UPDATE big SET generation = generation + 1 WHERE id % 10 = 0")
                connection.execute("DELETE FROM big WHERE id > 140000")
                connection.execute("INSERT INTO big SELECT g, 1, 'new' FROM generate_series(140001, 150000) g")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            table = box.ingest("t", [column("id", "BIGINT", key=1), column("generation", "INTEGER")],
                               pg.source("big", parallel="4"), drift="ignore")
            rows = rows_of(table)
            tens = {row["generation"] for row in rows if row["id"] % 10 == 0 and row["id"] <= 140000}
            # a delete and its insert are two commits: all of the new rows or none
            assert len(rows) in (140000, 150000) and len(tens) == 1, (len(rows), tens)
            assert all(check["ok"] for check in table["checks"])
    finally:
        stop.set()
        writer.join(60)
    assert any(kind == 18 and body["total_rows"] for kind, body in box.frames)


def test_shapes_of_relations(pg, box):
    pg.run("CREATE TABLE part (id int, v text) PARTITION BY RANGE (id)", "CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (5)",
           "CREATE TABLE part2 PARTITION OF part DEFAULT", "INSERT INTO part SELECT g, 'v' FROM generate_series(1, 9) g",
           "CREATE VIEW seen AS SELECT id, v FROM part WHERE id > 7", "CREATE MATERIALIZED VIEW kept AS SELECT id, v FROM part WHERE id > 6",
           "CREATE TABLE parent (id int, v text)", "CREATE TABLE child () INHERITS (parent)",
           "INSERT INTO parent VALUES (1, 'p')", "INSERT INTO child VALUES (2, 'c')",
           "CREATE TABLE nothing (id int, v text)", 'CREATE SCHEMA "My S"', 'CREATE TABLE "My S"."T "" x" (id int, "v" text)',
           'INSERT INTO "My S"."T "" x" VALUES (1, NULL)')
    columns = [column("id", "INTEGER"), column("v", "VARCHAR")]
    for name, count in {"part": 9, "seen": 2, "kept": 3, "parent": 2, "nothing": 0, 'My S.T " x': 1}.items():
        assert box.ingest("t", columns, pg.source(name))["rows"] == count, name
    assert box.ingest("t", columns, pg.source('T " x', schema="My S"))["rows"] == 1


def test_many_columns_and_large_values(pg, box):
    pg.run("CREATE TABLE wide (" + ", ".join(f"c{i} text" for i in range(500)) + ")",
           "INSERT INTO wide SELECT " + ", ".join(f"'{i}'" for i in range(500)) + " FROM generate_series(1, 50)")
    table = box.ingest("t", [column(f"c{i}", "VARCHAR") for i in range(500)], pg.source("wide"))
    assert all(row == {f"c{i}": str(i) for i in range(500)} for row in rows_of(table)) and table["rows"] == 50
    large = box.ingest("t", [column("v", "VARCHAR")], pg.source(query="SELECT repeat('x', 20000000) AS v"))
    assert len(rows_of(large)[0]["v"]) == 20000000
    box.memory_bytes = 256 << 20
    with pytest.raises(JobError) as failure:  # more in one row than the process may hold
        box.ingest("t", [column("v", "VARCHAR")], pg.source(query="SELECT repeat('x', 540000000) AS v"))
    assert failure.value.state == "53400" and "too large" in failure.value.message, failure.value


def incremental(box, source, columns, cursor, previous=(), value=None, **more):
    return box.ingest("t", columns, source, mode="incremental", previous=list(previous), cursor={"column": cursor, "value": value}, **more)


# type of the cursor, its type in the contract, values: low, high, higher
CURSORS = [
    ("timestamptz", "TIMESTAMP WITH TIME ZONE", "2024-01-01 00:00+00", "2024-01-01 00:00:00.000001+00", "2025-01-01 00:00+00"),
    ("timestamp", "TIMESTAMP", "2024-01-01", "2024-01-01 00:00:00.000001", "2024-01-02"),
    ("date", "DATE", "1000-01-01", "2024-01-01", "2024-01-02"),
    ("integer", "INTEGER", "-9", "9", "10"),
    ("bigint", "VARCHAR", "9", "10", "100"),
    ("numeric", "DECIMAL(20,5)", "9.5", "10.25", "100"),
    ("text", "VARCHAR", "B", "a", "b"),
    ("mood", "VARCHAR", "bad", "ok", "ok"),
    ("uuid", "UUID", "00000000-0000-0000-0000-000000000001", "7fffffff-0000-0000-0000-000000000000", "ffffffff-0000-0000-0000-000000000000"),
    ("double precision", "DOUBLE", "0.1", "0.30000000000000004", "1e300"),
]


@pytest.mark.parametrize("type_,wanted,low,high,higher", CURSORS, ids=[f"{c[0]}-{c[1]}" for c in CURSORS])
def test_incremental_by_any_cursor(zoo, box, type_, wanted, low, high, higher):
    zoo.run("DROP TABLE IF EXISTS inc", f"CREATE TABLE inc (id int PRIMARY KEY, v text, at {type_})",
            f"INSERT INTO inc VALUES (1, 'low', '{low}'), (2, 'high', '{high}'), (3, 'none', NULL)")
    columns = [column("id", "INTEGER", key=1), column("v", "VARCHAR"), column("at", wanted)]
    first = incremental(box, zoo.source("inc"), columns, "at")
    previous = box.move(first)
    zoo.run(f"INSERT INTO inc VALUES (4, 'same as the highest, late', '{high}'), (5, 'none, late', NULL)",
            "UPDATE inc SET v = 'not seen: its cursor stays low' WHERE id = 1", "UPDATE inc SET v = 'none, changed' WHERE id = 3",
            "DELETE FROM inc WHERE id = 2")
    second = incremental(box, zoo.source("inc"), columns, "at", previous, first["cursor"])
    assert sorted((r["id"], r["v"]) for r in rows_of(second)) == [
        (1, "low"), (2, "high"), (3, "none, changed"), (4, "same as the highest, late"), (5, "none, late")]
    assert second["cursor"] == first["cursor"]
    zoo.run(f"INSERT INTO inc VALUES (6, 'higher', '{higher}')")
    third = incremental(box, zoo.source("inc"), columns, "at", box.move(second), second["cursor"])
    assert len(rows_of(third)) == 6 and (third["cursor"] != second["cursor"] or high == higher)


def test_a_cursor_at_infinity_does_not_end_all_reading(pg, box):
    pg.run("CREATE TABLE inf (id int PRIMARY KEY, at timestamptz)", "INSERT INTO inf VALUES (1, '2024-01-01+00'), (2, 'infinity')")
    columns = [column("id", "INTEGER", key=1), column("at", "TIMESTAMP WITH TIME ZONE")]
    first = incremental(box, pg.source("inf"), columns, "at")
    assert first["cursor"].startswith("2024-01-01")


def test_incremental_without_a_key_appends(pg, box):
    pg.run("CREATE TABLE events (id int, at int)", "INSERT INTO events VALUES (1, 1), (2, 2), (3, NULL)")
    columns = [column("id", "INTEGER"), column("at", "INTEGER")]
    first = incremental(box, pg.source("events"), columns, "at")
    assert any("no value" in body["message"] for kind, body in box.frames if kind == 19)
    pg.run("INSERT INTO events VALUES (4, 3)")
    second = incremental(box, pg.source("events"), columns, "at", box.move(first), first["cursor"])
    assert sorted(r["id"] for r in rows_of(second)) == [1, 2, 3, 4]


def test_a_query_with_a_cursor(pg, box):
    pg.run("CREATE TABLE q AS SELECT g AS id, g AS n FROM generate_series(1, 10) g")
    table = incremental(box, pg.source(query="SELECT id FROM q WHERE n > 2 -- a comment"), [column("id", "INTEGER")], "id", value="8")
    assert table["rows"] == 2


@pytest.mark.parametrize("cursor,query,words", [
    ("nope", "SELECT 1 AS id", "not there"), ("doc", "SELECT 1 AS id, '{}'::jsonb AS doc", "no order")])
def test_a_cursor_that_is_none(pg, box, cursor, query, words):
    columns = [column("id", "INTEGER"), *([column("doc", "JSON")] if "doc" in query else [])]
    with pytest.raises(JobError) as failure:
        incremental(box, pg.source(query=query), columns, cursor)
    assert cursor in failure.value.message and words in failure.value.message


FAILURES = [
    ({"object_": "no_table"}, "42P01", "no_table"),
    ({"query": "SELEC 1"}, "42601", "syntax"),
    ({"object_": "zoo", "password": "wrong-canary"}, "28", "password"),
    ({"object_": "zoo", "port": "1"}, "08001", "1"),
    ({"object_": "zoo", "host": "nowhere.invalid"}, "08001", "nowhere"),
    ({"object_": "zoo", "host": "/var/run/postgresql"}, "22023", "no host"),
    ({"object_": "zoo", "host": ""}, "22023", "no host"),
    ({"object_": "zoo", "database": "no_such"}, "", "no_such"),
    ({"object_": "zoo", "sslmode": "require"}, "08001", "SSL"),
    ({"query": "SELECT 1 AS id; DROP TABLE zoo"}, "42601", "syntax"),
    ({"query": "SELECT 1/(g-5) AS id FROM generate_series(1,10) g"}, "22012", "division"),
    ({"query": "SELECT 1 AS id, 2 AS id"}, "42702", "two columns id"),
    ({"query": 'SELECT 1 AS id, 2 AS "ID"'}, "42702", "upper case"),
    ({"query": "WITH gone AS (DELETE FROM zoo RETURNING 1 AS id) SELECT id FROM gone"}, "", "WITH"),
    ({"query": "SELECT set_config('x.y', '1', true)::int AS id, nextval('counter')"}, "25006", "read-only"),
]


@pytest.mark.parametrize("how,state,words", FAILURES, ids=range(len(FAILURES)))
def test_failures_say_why(zoo, box, how, state, words):
    zoo.run("CREATE SEQUENCE IF NOT EXISTS counter")
    with pytest.raises(JobError) as failure:
        box.ingest("t", [column("id", "INTEGER")], zoo.source(**how))
    assert failure.value.state.startswith(state) and words in failure.value.message, failure.value
    assert "canary" not in str(failure.value) + str(box.frames)


@pytest.fixture
def guest(pg):
    """A user of the server with few rights."""
    pg.run("CREATE ROLE guest LOGIN PASSWORD 'guest-canary'", "CREATE TABLE private AS SELECT 1 AS id", "CREATE TABLE public_one AS SELECT 1 AS id",
           "GRANT SELECT ON public_one TO guest")
    yield lambda **more: pg.source(password="guest-canary", user="guest", **more)
    pg.run("DROP OWNED BY guest", "DROP ROLE guest", "DROP TABLE private", "DROP TABLE public_one")


def test_rights_and_limits_of_the_sources_user(pg, box, guest):
    ids = [column("id", "INTEGER")]
    with pytest.raises(JobError) as failure:
        box.ingest("t", ids, guest(object_="private"))
    assert failure.value.state == "42501" and "private" in failure.value.message and "SELECT" in failure.value.hint
    pg.run("ALTER ROLE guest SET statement_timeout = '300ms'")
    with pytest.raises(JobError) as failure:
        box.ingest("t", ids, guest(query="SELECT id FROM public_one, pg_sleep(20)"))
    assert failure.value.state == "53400" and "statement_timeout" in failure.value.hint, failure.value
    pg.run("ALTER ROLE guest CONNECTION LIMIT 0")
    with pytest.raises(JobError) as failure:
        box.ingest("t", ids, guest(object_="public_one"))
    assert failure.value.state == "08001" and "too many connections" in failure.value.message, failure.value
    pg.run("ALTER ROLE guest NOLOGIN CONNECTION LIMIT -1")
    with pytest.raises(JobError) as failure:
        box.ingest("t", ids, guest(object_="public_one"))
    assert "log in" in failure.value.message


def test_a_column_that_is_gone(zoo, box):
    with pytest.raises(JobError) as failure:
        box.ingest("t", [column("gone", "INTEGER"), column("away", "INTEGER")], zoo.source("zoo"), drift="ignore")
    assert failure.value.state == "42703" and "gone, away" in failure.value.message


def test_somebody_who_changes_the_table_does_not_hang_the_run(pg, box):
    """One who wants the table for themselves stands between our first and our further readers: nobody would ever get on."""
    pg.run(BIG.format("altered"), "ANALYZE altered")
    ids = [column("id", "INTEGER")]
    with pg.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("ALTER TABLE altered ADD COLUMN more int")
        with pytest.raises(JobError) as failure:
            box.ingest("t", ids, pg.source("altered", parallel="2"), drift="ignore")
        holder.execute("ROLLBACK")
    assert failure.value.state == "08006" and "lock" in failure.value.message, failure.value
    assert box.ingest("t", ids, pg.source("altered", parallel="2"), drift="ignore")["rows"] == 150000


def test_a_server_that_goes_away(pg, box):
    query = "SELECT g AS id, CASE WHEN g = 500 THEN pg_terminate_backend(pg_backend_pid()) END AS x FROM generate_series(1, 1000) g"
    with pytest.raises(JobError) as failure:
        box.ingest("t", [column("id", "INTEGER")], pg.source(query=query), drift="ignore")
    assert failure.value.state == "08006", failure.value


@pytest.mark.parametrize("cut_after", [10, 2000, 100000])
def test_a_line_that_is_cut(pg, box, cut_after):
    relay = Relay(pg.port, cut_after=cut_after)
    query = "SELECT g AS id FROM generate_series(1, 100000) g"
    with pytest.raises(JobError) as failure:
        box.ingest("t", [column("id", "INTEGER")], pg.source(query=query, port=str(relay.port), sslmode="disable"))
    relay.close()
    assert failure.value.state[:2] == "08" and "closed the connection" in failure.value.message, failure.value


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_ends_leaves_no_connection(pg, box, how):
    """A statement that sends nothing is not stopped by a closed line, unless the server looks at it."""
    query = "SELECT 1 AS id FROM pg_sleep(600)"
    failure = []

    def run():
        try:
            box.ingest("t", [column("id", "INTEGER")], pg.source(query=query))
        except Exception as e:  # the process is killed: no frame comes
            failure.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait(lambda: pg.readers() == 1)
        box.process.send_signal(how)
    finally:
        thread.join(30)
    assert failure
    wait(lambda: pg.readers() == 0)


def wait(what, seconds=20):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.1)
