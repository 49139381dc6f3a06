"""PostgreSQL clients against a real node: types in text and binary, catalogues, governance, snapshots, limits."""
import asyncio
import base64
import datetime
import decimal
import json
import pathlib
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
import uuid

import adbc_driver_postgresql.dbapi as adbc
import asyncpg
import psycopg
import pyarrow
import pyarrow.parquet
import pytest
import sqlalchemy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib.node import Node  # noqa: E402

CLIENTS = pathlib.Path(__file__).parent / "clients"
PASSWORD = "pw-" + "x" * 12
ROWS = 500
UTC = datetime.timezone.utc


def write_orders(folder, rows):
    folder.mkdir(parents=True, exist_ok=True)
    table = pyarrow.table({
        "id": pyarrow.array(range(rows), pyarrow.int64()),
        "region": pyarrow.array([["EU", "US"][i % 2] for i in range(rows)]),
        "amount": pyarrow.array([decimal.Decimal(i) + decimal.Decimal("0.25") for i in range(rows)], pyarrow.decimal128(12, 2)),
        "placed": pyarrow.array([datetime.date(2026, 1, 1) + datetime.timedelta(days=i % 28) for i in range(rows)]),
        "updated": pyarrow.array([datetime.datetime(2026, 1, 1, 12, 30, 0, i, tzinfo=UTC) for i in range(rows)], pyarrow.timestamp("us", "UTC")),
        "paid": pyarrow.array([None if i % 10 == 0 else i % 3 == 0 for i in range(rows)], pyarrow.bool_()),
        "weight": pyarrow.array([i / 8 for i in range(rows)], pyarrow.float64()),
        "units": pyarrow.array([i % 100 for i in range(rows)], pyarrow.int32()),
        "email": pyarrow.array([f"user{i}@example.org" for i in range(rows)]),
        "digest": pyarrow.array([bytes([i % 256, 0, 92]) for i in range(rows)], pyarrow.binary()),
    })
    pyarrow.parquet.write_table(table, folder / "orders.parquet")


def manifest(kind, name, spec):
    return json.dumps({"apiVersion": "weft/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}) + "\n"


def column(name, kind, **more):
    return {"name": name, "logicalType": kind, **more}


def product(domain, name, columns):
    base = f"domains/{domain}/{name}"
    return {
        f"{base}/product.yaml": json.dumps({
            "apiVersion": "v1.0.0", "kind": "DataProduct", "id": f"{domain}-{name}", "name": name, "version": "1.0.0", "status": "active",
            "domain": domain, "outputPorts": [{"name": name, "version": "1.0.0", "contractId": f"c-{name}"}]}),
        f"{base}/{name}.odcs.yaml": json.dumps({
            "apiVersion": "v3.1.0", "kind": "DataContract", "id": f"c-{name}", "version": "1.0.0", "status": "active",
            "schema": [{"name": name, "description": "Orders as they were placed", "properties": columns}]}),
        f"{base}/pipeline.yaml": manifest("Pipeline", name, {"ingest": [{"table": name, "source": name}]}),
        f"domains/{domain}/sources/{name}.yaml": manifest("Source", name, {"connector": "parquet", "path": "orders.parquet"}),
    }


def manifests():
    columns = [
        column("id", "integer", description="The order's number"), column("region", "string"),
        column("amount", "number", physicalType="DECIMAL(12,2)"), column("placed", "date"),
        column("updated", "date", physicalType="TIMESTAMP WITH TIME ZONE"), column("paid", "boolean"),
        column("weight", "number", physicalType="DOUBLE"), column("units", "integer", physicalType="INTEGER"),
        column("email", "string"), column("digest", "array", physicalType="BLOB")]
    return {
        "mesh.yaml": manifest("Mesh", "shop", {"owners": ["admins"]}),
        "governance/vocabulary.yaml": manifest("Vocabulary", "words", {"purposes": [{"name": "fraud"}]}),
        "governance/policies/eu.yaml": manifest("Policy", "eu-only", {
            "effect": "filter", "on": {"tables": ["sales.orders"]}, "filter": "region = 'EU'", "unless": {"groups": ["analysts"]}}),
        "governance/policies/contact.yaml": manifest("Policy", "contact-data", {
            "effect": "mask", "on": {"columns": ["sales.orders.email"]}, "mask": {"method": "partial", "keepAfter": "@"},
            "unless": {"groups": ["analysts"]}}),
        "domains/sales/policies/read.yaml": manifest("Policy", "read", {
            "effect": "allow", "on": {"products": ["orders"]}, "to": {"groups": ["analysts", "support"]}}),
        "domains/sales/domain.yaml": manifest("Domain", "sales", {"owners": ["sales-owners"]}),
        "domains/vault/domain.yaml": manifest("Domain", "vault", {"owners": ["vault-owners"], "hidden": True}),
        **product("sales", "orders", columns),
    }


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("protocol"))
    node.database_name = "shop"
    with node:
        node.add_user("ann", groups=["analysts"])
        node.add_user("sam", groups=["support"])
        write_orders(node.data / "sources", ROWS)
        node.apply(manifests())
        yield node


@pytest.fixture
def conn(node):
    with psycopg.connect(node.dsn("ann"), autocommit=True) as conn:
        yield conn


EXPECTED = (7, "US", decimal.Decimal("7.25"), datetime.date(2026, 1, 8), datetime.datetime(2026, 1, 1, 12, 30, 0, 7, tzinfo=UTC),
            False, 0.875, 7, "user7@example.org", b"\x07\x00\\")


@pytest.mark.parametrize("binary", [False, True])
def test_types(conn, binary):
    cursor = conn.cursor(binary=binary)
    assert cursor.execute("select * from sales.orders where id = %s", (7,)).fetchone() == EXPECTED
    assert cursor.execute("select paid from sales.orders where id = 10").fetchone() == (None,)


VALUES = [True, 5, -70000, 2**40, decimal.Decimal("12345678901234567890.123456789"), 1.5, float("inf"), "it's ä", "",
          datetime.date(2026, 2, 28), datetime.time(23, 59, 59, 5), datetime.datetime(2026, 2, 28, 1, 2, 3, 4),
          datetime.datetime(2026, 2, 28, 1, 2, 3, 4, tzinfo=UTC), datetime.timedelta(days=3, seconds=5), uuid.UUID(int=77), b"\0\xff"]


@pytest.mark.parametrize("value", ["{'a': 1}", "{'a': 'x'}", "{'a': NULL}", "{'a': [1, 2]}", "[{'a': 1}]", "[[1], [2, 3]]", "map{'k': 1}", "union_value(a := 1)", "[1, NULL]", "array_value(1, 2)"])
def test_nested_values_in_binary(conn, value):
    answers = []
    for binary in (False, True):
        with conn.cursor(binary=binary) as cursor:
            cursor.execute(f"SELECT {value} AS v")
            answers.append((cursor.pgresult.ftype(0), cursor.pgresult.get_value(0, 0)))
    (oid, text), (binary_oid, sent) = answers
    assert oid == binary_oid
    if oid not in (1007, 1016):  # int4[], int8[] have a form of their own
        assert sent == text or sent == b"\x01" + text  # jsonb begins with its version


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_parameters_come_back(conn, value, binary):
    with conn.cursor(binary=binary) as cursor:
        place = "%b" if binary else "%t"
        assert cursor.execute(f"select {place} as v", (value,)).fetchone() == (value,)


@pytest.mark.parametrize("binary", [False, True])
def test_arrays(conn, binary):
    cursor = conn.cursor(binary=binary)
    assert cursor.execute("select [1, 2, null]::int[], ['a', 'b,c']").fetchone() == ([1, 2, None], ["a", "b,c"])


def test_governance_is_told(node):
    notices = []
    with psycopg.connect(node.dsn("sam"), autocommit=True) as conn:
        conn.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        rows = conn.execute("select distinct region, split_part(email, '@', 2) from sales.orders").fetchall()
        assert rows == [("EU", "example.org")]
        assert any("eu-only" in text for text in notices) and any("contact-data" in text for text in notices), notices
        email = conn.execute("select email from sales.orders limit 1").fetchone()[0]
        assert "user" not in email
        notices.clear()
        conn.execute("set client_min_messages to warning")
        conn.execute("select count(*) from sales.orders")
        assert notices == []


def test_errors(conn):
    for text, state, position in [
            ("select nosuch from sales.orders", "42703", "8"), ("select 1 from sales.nosuch", "42P01", None),
            ("select 1 from vault.x", "42P01", None), ("select * frm x", "42601", None), ("delete from sales.orders", "25006", None),
            ("select read_text('/etc/passwd')", None, None), ("select 1/0 from", "42601", None)]:
        with pytest.raises(psycopg.Error) as caught:
            conn.execute(text)
        if state:
            assert caught.value.sqlstate == state, (text, caught.value)
        if position:
            assert caught.value.diag.statement_position == position, text
    assert conn.execute("select 1").fetchone() == (1,)


def test_explain(conn):
    text = "\n".join(row[0] for row in conn.execute("explain select id from sales.orders where id = 1"))
    assert "sales.orders" in text and ".parquet" not in text and "READ_PARQUET" not in text.upper()


def test_purpose(node):
    with psycopg.connect(node.dsn("ann"), options="-c weft.purpose=fraud") as conn:
        assert conn.execute("show weft.purpose").fetchone() == ("fraud",)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(node.dsn("ann"), options="-c weft.purpose=curiosity")


def test_copy(conn):
    with conn.cursor().copy("copy (select id, region, email from sales.orders where id < 2 order by id) to stdout (format csv, header)") as copy:
        assert b"".join(copy) == b"id,region,email\n0,EU,user0@example.org\n1,US,user1@example.org\n"
    with conn.cursor().copy("copy sales.orders (id, paid) to stdout") as copy:
        assert len(b"".join(copy).splitlines()) == ROWS
    with conn.cursor().copy("copy (select id, region from sales.orders where id = 1) to stdout (format binary)") as copy:
        copy.set_types(["int8", "text"])
        assert list(copy.rows()) == [(1, "US")]


def test_server_cursor(node):
    with psycopg.connect(node.dsn("ann")) as conn:
        with conn.cursor("c", binary=True) as cursor:
            cursor.itersize = 70
            cursor.execute("select id from sales.orders order by id")
            assert [row[0] for row in cursor] == list(range(ROWS))


def test_cancel_and_timeout(conn):
    slow = "select count(*) from range(100000000) a, range(100000) b where a.range + b.range < 0"
    timer = threading.Timer(0.5, conn.cancel_safe)
    timer.start()
    with pytest.raises(psycopg.errors.QueryCanceled):
        conn.execute(slow)
    timer.join()
    conn.execute("set statement_timeout to '300ms'")
    with pytest.raises(psycopg.errors.QueryCanceled):
        conn.execute(slow)
    assert conn.execute("select 1").fetchone() == (1,)


def test_time_zone(conn):
    conn.execute("set time zone 'Europe/Berlin'")
    assert conn.execute("select updated::varchar from sales.orders where id = 0").fetchone()[0].startswith("2026-01-01 13:30:00")


def test_search_path(conn):
    conn.execute("set search_path to sales")
    assert conn.execute("select count(*) from orders").fetchone() == (ROWS,)


META = ["l", "l+", "dn", "dn+", "dt", "dt *.*", "dt sales.*", "dt+ sales.*", "d", "d sales.orders", "d+ sales.orders", "dv", "dm", "di", "ds",
        "df", "du", "dg", "dT", "dx", "dp", "dp sales.*", "dy", "dD", "dC", "do", "da", "db", "dE", "det", "des", "dew", "dL", "dc",
        "z", "conninfo", "encoding", "drds", "dRp", "dAc"]


@pytest.mark.parametrize("command", META)
def test_psql_meta_commands(node, command):
    done = subprocess.run(["psql", node.dsn("ann"), "-X", "-c", "\\" + command], capture_output=True, text=True, timeout=60)
    assert "ERROR" not in done.stderr, done.stderr
    if command == "d sales.orders":
        assert "amount" in done.stdout and "numeric(12,2)" in done.stdout, done.stdout
    if command in ("dn", "dt *.*"):
        assert "sales" in done.stdout and "vault" not in done.stdout


def test_psql_completion_query(conn):
    """What psql sends for TAB after FROM."""
    rows = conn.execute("SELECT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'S', 'v', 'm', 'f', 'p') "
                        "AND (c.relname) LIKE 'ord%' AND pg_catalog.pg_table_is_visible(c.oid) LIMIT 1000").fetchall()
    assert isinstance(rows, list)


def test_sqlalchemy_names_and_queries(node):
    url = sqlalchemy.URL.create("postgresql+psycopg", "ann", PASSWORD, "127.0.0.1", node.settings["pg.port"], "shop")
    engine = sqlalchemy.create_engine(url)
    inspector = sqlalchemy.inspect(engine)
    assert "sales" in inspector.get_schema_names() and "vault" not in inspector.get_schema_names()
    names = inspector.get_table_names("sales") + inspector.get_view_names("sales")
    assert names == ["orders"]
    table = sqlalchemy.table("orders", sqlalchemy.column("id"), sqlalchemy.column("amount"), schema="sales")
    with engine.connect() as conn:
        assert conn.execute(sqlalchemy.select(sqlalchemy.func.count()).select_from(table)).scalar() == ROWS
        assert conn.execute(sqlalchemy.select(table.c.amount).where(table.c.id == 7)).scalar() == decimal.Decimal("7.25")
    engine.dispose()


def test_asyncpg(node):
    async def run():
        conn = await asyncpg.connect(host="127.0.0.1", port=node.settings["pg.port"], user="ann", password=PASSWORD, database="shop")
        row = await conn.fetchrow("select * from sales.orders where id = $1", 7)
        assert tuple(row) == EXPECTED
        async with conn.transaction():
            assert len([row async for row in conn.cursor("select id from sales.orders")]) == ROWS
        await conn.reset()
        await conn.close()

    asyncio.run(run())


def test_adbc(node):
    """It reads by COPY in binary, and knows a type by the name of its typreceive."""
    with adbc.connect(node.dsn("ann"), autocommit=True) as conn, conn.cursor() as cursor:
        cursor.execute("select * from sales.orders order by id")
        table = cursor.fetch_arrow_table()
        assert [str(kind) for kind in table.schema.types if not isinstance(kind, pyarrow.OpaqueType)] == [
            "int64", "string", "date32[day]", "timestamp[us, tz=UTC]", "bool", "double", "int32", "string", "binary"]
        row = {**table.to_pylist()[7], "amount": EXPECTED[2]}  # numeric is opaque to it, as with PostgreSQL
        assert table.num_rows == ROWS and tuple(row.values()) == EXPECTED
        cursor.execute("select [1, null]::int[] as a, interval 3 day as i, $1 + 1 as n, $2::text as t, 'NaN'::float8 as f", (41, "ä"))
        assert [str(kind) for kind in cursor.fetch_arrow_table().schema.types] == ["list<item: int32>", "month_day_nano_interval", "int64", "string", "double"]
        assert conn.adbc_get_table_schema("orders", db_schema_filter="sales").names == table.schema.names
        schemas = conn.adbc_get_objects(depth="tables").read_all().to_pylist()[0]["catalog_db_schemas"]
        assert {"orders"} == {t["table_name"] for s in schemas if s["db_schema_name"] == "sales" for t in s["db_schema_tables"]}


def test_jdbc_metadata(node):
    done = subprocess.run(["java", "-cp", "/usr/share/java/postgresql.jar", CLIENTS / "JdbcMetadata.java", str(node.settings["pg.port"]),
                           "ann", PASSWORD, "shop"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.strip().endswith("ok"), done.stdout + done.stderr


def test_large_answers(conn):
    assert sum(len(row[0]) for row in conn.execute("select repeat('x', 1000000) from range(100)")) == 100_000_000
    assert len(conn.execute("select repeat('x', 100000000)").fetchone()[0]) == 100_000_000
    assert len(conn.execute("select " + ", ".join(f"{i} as c{i}" for i in range(1664))).fetchone()) == 1664
    with pytest.raises(psycopg.errors.ConfigurationLimitExceeded, match="a row of the answer has"):
        conn.execute("select repeat('x', 70000000), repeat('y', 70000000)")
    with pytest.raises(psycopg.errors.StatementTooComplex, match="at most 4194304"):
        conn.execute("select 1 -- " + "x" * 5000000)
    assert conn.execute("select 1").fetchone() == (1,)


def quickly(seconds, work):
    """What it gives; the bound is generous, as all but linear work would take minutes."""
    began = time.monotonic()
    answer = work()
    assert time.monotonic() - began < seconds
    return answer


def ask_http(node, sql, params=()):
    request = urllib.request.Request(node.url("/api/v1/query"), data=json.dumps({"sql": sql, "params": list(params)}).encode(), headers={
        "Authorization": "Basic " + base64.b64encode(f"ann:{PASSWORD}".encode()).decode(), "Content-Type": "application/json"})
    with urllib.request.urlopen(request, context=ssl._create_unverified_context()) as answer:
        return json.load(answer)


def test_large_statements(node, conn):
    ids, raw = ",".join(map(str, range(20000))), psycopg.RawCursor(conn)
    inside = f"select count(*) from sales.orders where id in ({ids})"
    for prepare in False, True:
        assert quickly(20, lambda: conn.execute(inside, prepare=prepare).fetchone()) == (ROWS,)
        assert quickly(20, lambda: conn.execute(f"select '{'x' * 1_000_000}'", prepare=prepare).fetchone()) == ("x" * 1_000_000,)
    assert ask_http(node, inside) == [{"count": ROWS}]
    assert conn.execute("select length(statement) < 70000, statement like '%SHA-256%' from mesh.audit where statement like 'select count(*) %0,1,2,3,%'"
                        ).fetchall() == [(True, True)] * 3
    places = ",".join(f"${i + 1}" for i in range(65535))
    numbers, texts = list(range(65535)), [str(i) for i in range(65535)]
    inside = f"select count(*) from sales.orders where id in ({places})"
    assert quickly(60, lambda: raw.execute(inside, numbers).fetchone()) == (ROWS,)
    assert quickly(60, lambda: raw.execute("select count(*) from (values (" + places.replace(",", "),(") + "))", texts).fetchone()) == (65535,)
    assert quickly(60, lambda: ask_http(node, inside, numbers)) == [{"count": ROWS}]
    with pytest.raises(psycopg.errors.StatementTooComplex, match="at most 65535 parameters"):
        conn.execute(inside.replace("$65535", "$65536"))
    with pytest.raises((psycopg.errors.StatementTooComplex, psycopg.errors.OutOfMemory)):
        conn.execute("select count(*) from sales.orders where id in (" + "1," * 700_000 + "1)")
    assert conn.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("binary", [False, True])
def test_before_our_era(conn, binary):
    """psycopg has no such dates: they are compared by the server."""
    cursor = conn.cursor(binary=binary)
    assert cursor.execute("select date '0044-03-15 BC' < date '0001-01-01', timestamp '0044-03-15 12:00:00 BC' < timestamp '0001-01-01', "
                          "'0044-03-15 BC'::timestamp = '0044-03-15 00:00:00 BC'::timestamp").fetchone() == (True, True, True)
    assert cursor.execute("select %s::date - date '0001-01-01'", ("0001-01-01 BC",)).fetchone() == (-366,)


def test_values_without_a_form(conn):
    assert conn.execute("select row(1, 'x')").fetchone() == ({"f1": 1, "f2": "x"},)
    for value in ([[1, 2], [3, 4]], [[1, None]]):
        for place in ("%b", "%t"):
            with pytest.raises(psycopg.errors.FeatureNotSupported, match="several dimensions"):
                conn.execute(f"select {place}", (value,))
    assert conn.execute("select %s::text::json", ("[[1,2],[3,4]]",)).fetchone() == ([[1, 2], [3, 4]],)


@pytest.mark.parametrize("place", ["%b", "%t"])
def test_numbers_beyond_decimal(conn, place):
    nan, wide = decimal.Decimal("NaN"), decimal.Decimal("12345678901234567890123456789.5")
    below = f"select count(*) from sales.orders where amount < {place}"
    for value, count in (nan, ROWS), (decimal.Decimal("Infinity"), ROWS), (decimal.Decimal("-Infinity"), 0), (wide, ROWS), (decimal.Decimal("1e50"), ROWS):
        assert conn.execute(below, (value,)).fetchone() == (count,)
    assert repr(conn.execute(f"select {place}::float8", (nan,)).fetchone()[0]) == "nan"
    for text in f"select {place}", f"select {place}::numeric(10, 2)", f"select amount + {place} from sales.orders":
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="neither NaN nor Infinity") as caught:
            conn.execute(text, (nan,))
        assert "float8" in caught.value.diag.message_hint
    for text in "select 'nan'::numeric", "select '-Infinity'::numeric(10, 2)", "select 'NaN'::float8::numeric":
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="neither NaN nor Infinity"):
            conn.execute(text)
    with pytest.raises(psycopg.errors.NumericValueOutOfRange):
        conn.execute("select 100000::numeric(5, 2)")
    items = [decimal.Decimal("7.25"), decimal.Decimal("0.123456789012"), None]
    assert conn.execute(f"select count(*) from sales.orders where amount = any({place})", (items,)).fetchone() == (1,)
    assert conn.execute(f"select {place}::numeric(38, 12)[]", (items,)).fetchone() == (items,)
    assert conn.execute(f"select {place}::float8[]", ([decimal.Decimal("1e50")],)).fetchone() == ([1e50],)


@pytest.mark.parametrize("text", [
    "select shop.sales.orders.id from sales.orders where shop.sales.orders.id = 7", "select sales.orders.id from shop.sales.orders where sales.orders.id = 7",
    'select "shop"."sales"."orders"."id" from "shop"."sales"."orders" where "orders".id = 7', "select Shop.Sales.Orders.ID from Sales.Orders order by 1 offset 7"])
def test_names_of_many_parts(conn, text):
    assert conn.execute(text + " limit 1").fetchone() == (7,)


@pytest.mark.parametrize("star", ["orders.*", "sales.orders.*", "shop.sales.orders.*", '"shop"."sales"."orders".*', "orders.*, sales.orders.id * 2"])
def test_stars_of_many_parts(conn, star):
    assert conn.execute(f"select {star} from sales.orders where id = 7").fetchone()[:10] == EXPECTED


def test_transaction_pins_a_snapshot(node):
    """Last: it changes the table."""
    with psycopg.connect(node.dsn("ann")) as pinned, psycopg.connect(node.dsn("ann"), autocommit=True) as fresh:
        assert pinned.execute("select count(*) from sales.orders").fetchone() == (ROWS,)
        write_orders(node.data / "sources", ROWS + 100)
        node.cli("run", "sales.orders")
        assert fresh.execute("select count(*) from sales.orders").fetchone() == (ROWS + 100,)
        assert pinned.execute("select count(*) from sales.orders").fetchone() == (ROWS,)
        pinned.commit()
        assert pinned.execute("select count(*) from sales.orders").fetchone() == (ROWS + 100,)
