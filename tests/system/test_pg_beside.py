"""The PostgreSQL door beside PostgreSQL: the same bytes to both, the same messages back. Only texts of errors and notices may differ,
and what docs/sql.md tells of."""
import asyncio
import socket
import struct

import asyncpg
import psycopg
import psycopg.types.json
import pytest

from lib.pgcluster import PASSWORD as THEIR_PASSWORD
from lib.pgraw import Closed, Raw, cstr, message

from conftest import PASSWORD


def parse(sql, name="", oids=()):
    return message(b"P", cstr(name) + cstr(sql) + struct.pack(f"!h{len(oids)}I", len(oids), *oids))


def bind(portal="", statement="", values=(), formats=(), results=(0,)):
    body = cstr(portal) + cstr(statement) + struct.pack(f"!h{len(formats)}h", len(formats), *formats) + struct.pack("!h", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return message(b"B", body + struct.pack(f"!h{len(results)}h", len(results), *results))


def describe(kind, name=""):
    return message(b"D", kind + cstr(name))


def execute(name="", rows=0):
    return message(b"E", cstr(name) + struct.pack("!i", rows))


def close(kind, name=""):
    return message(b"C", kind + cstr(name))


def query(text):
    return message(b"Q", cstr(text))


SYNC, FLUSH = message(b"S"), message(b"H")
ONE = parse("select 1") + bind() + execute()

SAME = {
    "describe unknown statement": describe(b"S", "no") + SYNC,
    "describe unknown portal": describe(b"P", "no") + SYNC,
    "execute unknown": execute("no") + SYNC,
    "close unknown": close(b"S", "no") + close(b"P", "no") + SYNC,
    "close of no kind": message(b"C", b"Xno\0") + SYNC,
    "describe of no kind": message(b"D", b"Xno\0") + SYNC,
    "bind unknown": bind("", "no") + SYNC,
    "bind too few": parse("select $1::int") + bind() + SYNC,
    "bind too many": parse("select 1") + bind(values=(b"1",)) + SYNC,
    "bind formats": parse("select $1::int,$2::int") + bind(values=(b"1", b"2"), formats=(0, 0, 0)) + SYNC,
    "bind format 7": parse("select $1::int") + bind(values=(b"1",), formats=(7,)) + SYNC,
    "bind result formats": parse("select 1::int") + bind(results=(0, 1)) + execute() + SYNC,
    "bind trailing": parse("select 1") + message(b"B", b"\0\0" + bytes(6) + b"junk") + SYNC,
    "bind short": parse("select 1") + message(b"B", b"\0\0\0") + SYNC,
    "bind length -2": parse("select $1::text") + message(b"B", b"\0\0" + struct.pack("!hhih", 0, 1, -2, 0)) + SYNC,
    "bind count -1": parse("select 1") + message(b"B", b"\0\0" + struct.pack("!hhh", 0, -1, 0)) + SYNC,
    "parse short": message(b"P", b"x") + SYNC,
    "parse without end": message(b"P", b"\0select 1") + SYNC,
    "parse count -1": message(b"P", b"\0select 1\0" + struct.pack("!h", -1)) + SYNC,
    "parse two statements": parse("select 1; select 2") + SYNC,
    "parse nothing": parse("") + bind() + describe(b"P") + execute() + SYNC,
    "parse a comment": parse("-- x") + bind() + execute() + SYNC,
    "parse a name twice": parse("select 1", "a") + parse("select 2", "a") + SYNC,
    "parse no name twice": parse("select 1") + ONE + SYNC,
    "portal twice": parse("select 1") + bind("p") + bind("p") + SYNC,
    "execute twice": parse("select 1 where true") + bind() + execute() + execute() + SYNC,
    "execute on": parse("values (1),(2)") + bind() + execute(rows=1) + execute(rows=5) + execute(rows=1) + SYNC,
    "execute to the row": parse("values (1),(2)") + bind() + execute(rows=2) + execute(rows=1) + SYNC,
    "execute negative": parse("values (1),(2)") + bind() + execute(rows=-1) + SYNC,
    "suspended, then Sync": parse("values (1),(2)") + bind("q") + execute("q", 1) + SYNC + execute("q", 1) + SYNC,
    "suspended in a block": query("begin") + parse("values (1),(2)") + bind("q") + execute("q", 1) + SYNC + execute("q") + SYNC + query("commit"),
    "error, then more": parse("selec") + bind() + execute() + ONE + SYNC + ONE + SYNC,
    "error in a block": query("begin") + parse("selec") + SYNC + ONE + SYNC + query("rollback"),
    "flushes": parse("select 1") + FLUSH + bind() + FLUSH + describe(b"P") + FLUSH + execute() + FLUSH + SYNC,
    "syncs": SYNC + SYNC + SYNC,
    "sync with a body": message(b"S", b"x") + ONE + SYNC,
    "flush with a body": message(b"H", b"x") + ONE + SYNC,
    "query in a pipeline": parse("select 1") + bind() + query("select 2") + execute() + SYNC,
    "query behind an error": parse("selec 1") + query("select 2") + SYNC,
    "copy data without COPY": message(b"d", b"x") + message(b"c") + message(b"f", b"x\0") + SYNC,
    "begin in a pipeline": parse("begin") + bind() + execute() + ONE + SYNC + query("rollback"),
    "query without end": message(b"Q", b"select 1"),
    "query with NUL": message(b"Q", b"select 1\0select 2\0"),
    "query of nothing": message(b"Q"),
    "query of no UTF-8": message(b"Q", b"select '\xff'\0"),
    "execute short": message(b"E") + SYNC,
    "terminate with a body": message(b"X", b"x"),
    "no such type": message(b"z"),
    "no such type in a pipeline": parse("select 1") + message(b"y") + SYNC,
    "type NUL": message(b"\0"),
    "password late": message(b"p", b"x\0") + SYNC,
    "copy": query("copy (values (1),(2)) to stdout"),
    "copy, extended": parse("copy (values (1),(2)) to stdout") + bind() + execute() + SYNC,
    "semicolons": query(";;;"),
    "set undone": parse("set application_name='zz'") + bind() + execute() + parse("selec") + SYNC + query("show application_name"),
    "describe a portal thrice": parse("select 1 as a") + bind() + describe(b"P") * 2 + execute() + describe(b"P") + SYNC,
    "closed portal": parse("select 1") + bind("x") + close(b"P", "x") + execute("x") + SYNC,
    "closed statement": parse("select 1", "s1") + bind("x", "s1") + close(b"S", "s1") + execute("x") + SYNC,
    "nothing with a limit": parse("") + bind() + execute(rows=1) + SYNC,
    "describe SET": parse("set application_name to 'x'") + describe(b"S") + bind() + describe(b"P") + execute() + SYNC,
    "describe SHOW": parse("show application_name") + describe(b"S") + bind(results=(1,)) + describe(b"P") + execute() + SYNC,
    "binary": parse("select true, 1::int2, 2::int8, 1.5::float4, 1.25::float8, 'x'::text, null::int") + bind(results=(1,)) + execute() + SYNC,
    "savepoint outside": parse("savepoint a") + bind() + execute() + SYNC,
    "begin twice": query("begin") + query("begin") + query("rollback") + query("rollback"),
    "begin, error": query("begin; select 1/nosuch") + query("select 1") + query("rollback"),
    "commit in the middle": query("begin; select 1; commit; select 2"),
    "prepared": query("prepare p as select $1::int") + query("execute p(3)") + query("deallocate p") + query("execute p(3)"),
    "prepared by the protocol": parse("select 7", "pp") + SYNC + query("execute pp") + query("deallocate all") + bind("", "pp") + SYNC,
    "savepoints": query("begin") + query("savepoint a") + query("selec") + query("release a") + query("rollback to a") + query("release a") * 2
                  + query("rollback"),
}
for value in (0, 3, -1, -2**31, 2**31 - 1):
    SAME[f"length {value}"] = b"Q" + struct.pack("!i", value)
SAME["length of Sync"] = b"S" + struct.pack("!i", 2**30)


def simple(kind, body):
    """What is compared of a message: of errors the severity and the SQLSTATE."""
    if kind == b"E":
        fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
        return kind, fields[b"S"], fields[b"C"]
    return kind, body


def talk(port, user, password, database, data):
    client = Raw("127.0.0.1", port, user, password, database, timeout=10)
    said = []
    try:
        client.send(data)
        client.sock.shutdown(socket.SHUT_WR)
        while True:
            kind, body = client.receive()
            if kind not in (b"N", b"T"):
                said.append(simple(kind, body))
            elif kind == b"T":  # names and types; PostgreSQL's tables have numbers of their own
                said.append((kind, body[:2], body[2:].split(b"\0")[0]))
    except (Closed, ConnectionError):
        return said
    finally:
        client.sock.close()


@pytest.fixture(scope="module")
def beside(cluster, shared_lab):
    with cluster.connect() as session:
        session.execute("CREATE SCHEMA beside; CREATE TABLE beside.people (id integer, name text, email text, region text)")

    def both(data):
        theirs = talk(cluster.port, "shop", THEIR_PASSWORD, "postgres", data("beside.people"))
        return theirs, talk(shared_lab.settings["pg.port"], "wendy", PASSWORD, "lab", data("lab.people"))

    yield both
    with cluster.connect() as session:
        session.execute("DROP SCHEMA beside CASCADE")


@pytest.mark.parametrize("case", SAME)
def test_same_messages(beside, case):
    theirs, ours = beside(lambda _: SAME[case])
    if case.startswith("length"):  # PostgreSQL says nothing and hangs up
        assert theirs == [] and ours == [(b"E", b"FATAL", b"08P01")]
    else:
        assert ours == theirs


@pytest.mark.parametrize("text", [
    "select $1", "select $1::int", "select $1::int + $2::bigint", "select $1::int::text", "select $1::int2 = 3::int8", "select $1 + 1",
    "select $1::float8 + $2::int", "select cast($1 as int) + cast($2 as bigint)", "select cast($1 as numeric(10, 2))", "select $1::int[]",
    "select 1 from {t} where id = $1", "select 1 from {t} where id = any($1)", "select 1 from {t} where name = any($1)",
    "select 1 from {t} where id <> all($1)", "select 1 from {t} where id = any($1) and name = $2", "select 1 from {t} where id = any($1) and $2 > date '2026-01-01'",
    "select 1 from {t} where id = any($1) and id > $2", "select 1 from {t} where id = any('{1,2}') and name = $1", "select $1 = any(array[1, 2])",
    "select 1 from {t} where id = any($1::bigint[])", "select 1 from {t} where id = $1::bigint", "select 1 from {t} where id in ($1, $2)",
    "select 1 from {t} where id between $1 and $2", "select 1 from {t} where id = $1 or $1 is null", "select id + $1 from {t}",
    "select $1 + id from {t}", "select p.id - $1 from {t} p", "select 1 from {t} where id % $1 = 0", "select abs($1)", "select current_date - $1::int",
    "select interval '1 day' * $1", "select case when id > $1 then $2 else $3 end from {t}", "select coalesce($1, 5)", "select coalesce(name, $1) from {t}",
    "select $1 || 'a'", "select upper($1)", "select nullif($1, '')", "select array[$1, $2]", "values ($1, $2)", "select name || $1 from {t}",
    "select 1 from {t} limit $1 offset $2", "select count(*) from {t} group by region having count(*) > $1", "select to_char(now(), $1)",
    "select $1::json", "select cast($1 as json)", "select $1::json ->> 'a'", "select $1::json[]", "select $1::uuid, $2::json, $3::bytea, $4::text",
    "select 1 from {t} where $1::json ->> 'a' = name and id = $2", "select $1::text::json"])
def test_same_types_of_parameters(beside, text):
    theirs, ours = beside(lambda table: parse(text.replace("{t}", table)) + describe(b"S") + SYNC)
    assert [said for said in ours if said[0] in b"tE"] == [said for said in theirs if said[0] in b"tE"]


BESIDE = "select x from (values (1), (2), (3)) v(x) where x = any($1) and $2 > date '2026-01-01' order by x"
BINARY = struct.pack("!7i", 1, 0, 23, 2, 1, 4, 1) + struct.pack("!2i", 4, 3), struct.pack("!i", 9999)


@pytest.mark.parametrize("data", [
    parse(BESIDE) + bind(values=(b"{1,3}", b"2026-02-01")) + execute() + SYNC,
    parse(BESIDE) + bind(values=(b"{}", b"2026-02-01")) + execute() + bind(values=(b"{NULL,2}", b"2026-02-01")) + execute() + SYNC,
    parse(BESIDE) + bind(values=(None, b"2026-02-01")) + execute() + bind(values=(b"{1}", None)) + execute() + SYNC,
    parse(BESIDE) + bind(values=BINARY, formats=(1,)) + execute() + SYNC,
    parse(BESIDE, oids=(1007, 1082)) + bind(values=BINARY, formats=(1, 1)) + execute() + SYNC,
    parse(BESIDE.replace("$1", "'{1,3}'").replace("$2", "$1")) + bind(values=(b"2026-02-01",)) + execute() + SYNC,
], ids=["text", "empty and NULL within", "NULL", "binary", "declared", "literal"])
def test_same_rows_with_a_date_beside_a_list(beside, data):
    theirs, ours = beside(lambda _: data)
    assert ours == theirs and b"E" not in {kind for kind, *_ in ours}


JSON = b'{"a": "b"}'
JSONS = struct.pack("!6i", 1, 0, 114, 1, 1, len(JSON)) + JSON


@pytest.mark.parametrize("data", [
    parse("select $1::json ->> 'a', $1::json is null") + bind(values=(JSON,)) + execute() + bind(values=(JSON,), formats=(1,)) + execute()
    + bind(values=(None,)) + execute() + SYNC,
    parse("select $1::json ->> 'a'", oids=(114,)) + bind(values=(JSON,), formats=(1,)) + execute() + SYNC,
    parse("select ($1::json[])[1] ->> 'a'") + bind(values=(JSONS,), formats=(1,)) + execute() + SYNC,
    parse("select ($1::json[])[1] ->> 'a'") + bind(values=(b'{"{\\"a\\": \\"b\\"}"}',)) + execute() + SYNC,
], ids=["both", "declared", "array, binary", "array, text"])
def test_same_rows_of_json_parameters(beside, data):
    theirs, ours = beside(lambda _: data)
    assert ours == theirs and b"E" not in {kind for kind, *_ in ours}


@pytest.mark.parametrize("type_", ["json", "jsonb"])
def test_drivers_send_json(shared_lab, type_):
    """asyncpg sends what the description asks for, in binary."""
    async def ask():
        session = await asyncpg.connect(host="127.0.0.1", port=shared_lab.settings["pg.port"], user="wendy", password=PASSWORD, database="lab", ssl=False)
        try:
            return await session.fetchrow(f"select $1::{type_} ->> 'a', $2::text", '{"a": "b"}', "c")
        finally:
            await session.close()

    assert tuple(asyncio.run(ask())) == ("b", "c")
    for json_ in psycopg.types.json.Json, psycopg.types.json.Jsonb:
        with psycopg.connect(shared_lab.dsn("wendy", PASSWORD)) as session:
            for mark in "%s", "%b", "%t":
                assert session.execute(f"select {mark}::{type_} ->> 'a'", [json_({"a": "b"})]).fetchone() == ("b",)


LOAD_TYPE = [
    ("select $1::text::regtype::oid;", ["int4", "_int4", "integer[]", "INTEGER", "pg_catalog.int4", '"char"', "char", "character varying(10)", "double precision",
                                        "timestamp(3) with time zone", "time without time zone[]", "int4range", "1007", "nope", "public.nope"]),
    ("select typtype::text, typbasetype from pg_type where oid=$1", ["1007", "3904", "4451", "0"]),
    ("select typelem from pg_type where oid=$1", ["1007"]),
    ("select rngsubtype from pg_range where rngtypid=$1", ["3904"]),
    ("select rngtypid from pg_range where rngmultitypid=$1", ["4451"]),
    ("select typrelid from pg_type where oid=$1", ["1007"]),
    ("select attname, atttypid\nfrom pg_attribute\nwhere attrelid=$1\n\tand not attisdropped\n\tand attnum > 0\norder by attnum", ["0"]),
]


@pytest.mark.parametrize("text, values", LOAD_TYPE, ids=range(len(LOAD_TYPE)))
def test_same_answers_to_pgx_load_type(beside, text, values):
    """What pgx's Conn.LoadType sends, described, with binary rows."""
    for value in values:
        theirs, ours = beside(lambda _: parse(text) + describe(b"S") + bind(values=(value.encode(),), results=(1,)) + execute() + SYNC)
        assert ours == theirs, value


@pytest.mark.parametrize("text", [
    "select typname from pg_type where oid = 'double precision'::regtype", "select to_regtype('int4[]')::oid, to_regtype('nope')::oid",
    "select typname::text::regtype::oid from pg_type where typname in ('int4', 'text') order by 1", "select 'pg_class'::text::regclass::oid",
    "select oid::regtype::oid from pg_type where typname = 'int4'"])
def test_same_names_of_types(beside, text):
    theirs, ours = beside(lambda _: query(text))
    assert ours == theirs


def test_same_functions_of_types(cluster, shared_lab):
    """Each of our types has the functions it has there; as regproc they are numbers that print as names."""
    columns = "typinput, typoutput, typreceive, typsend"
    text = f"select typname, {columns}, typreceive::text, typsend::regproc from pg_type where typtype in ('b', 'r', 'm') and typreceive <> 0"
    with cluster.connect() as theirs, psycopg.connect(shared_lab.dsn("wendy", PASSWORD)) as ours:
        there = {row[0]: row for row in theirs.execute(text)}
        here = ours.execute(text).fetchall()
        assert len(here) > 100 and here == [there[row[0]] for row in here]
        for session in theirs, ours:
            assert session.execute("select typmodin, typmodin::text from pg_type where typname = 'int4'").fetchone() == ("-", "-")
            assert session.execute("select count(*) from pg_type t join pg_proc p on p.oid = t.typreceive where p.proname = 'int4recv'").fetchone() == (1,)
            assert session.execute("select typname from pg_type where typinput = 'int4in'::regproc").fetchall() == [("int4",)]
            number = session.cursor(binary=True).execute("select typreceive from pg_type where typname = 'int4'").fetchone()[0]
            assert int.from_bytes(number, "big") == session.execute("select typreceive::oid from pg_type where typname = 'int4'").fetchone()[0]


ARRAYS = ["{}", " { } ", "{1}", "{1,2,NULL}", " { 1 , 2 } ", '{"a", "b c" , "NULL",null}', '{"p", "f"}', r'{a\,b, \ c\ ,"d\"e"}', "{a b , c}", "[2:3]={4,5}", "[-1:0]={x,y}",
          "{,}", "{1,}", "{1", "1}", "", "{1}x", "{1}}", '{"a"b}', "{ä,€}", r'{"\\", n\ull}', "[x]={1}"]


@pytest.mark.parametrize("text", ARRAYS, ids=repr)
def test_same_arrays_from_text(cluster, shared_lab, text):
    with cluster.connect() as theirs, psycopg.connect(shared_lab.dsn("wendy", PASSWORD)) as ours:
        for oids in ([1009], None):  # text[], and no type told
            said = [session.pgconn.exec_params(b"select unnest($1::text[])", [text.encode()], oids) for session in (theirs, ours)]
            rows = [[answer.get_value(i, 0) for i in range(answer.ntuples)] for answer in said]
            assert rows[0] == rows[1]
            assert said[0].error_field(67) == said[1].error_field(67), said[1].error_message  # 67: the SQLSTATE
