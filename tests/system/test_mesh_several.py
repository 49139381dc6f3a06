"""One statement over tables of several nodes: each node decides and gives its own, and the answer is as if all were in one."""
import contextlib
import decimal
import io
import pathlib
import re
import time

import psycopg
import pyarrow
import pytest
from conftest import PASSWORD, connect, in_background, query, wait_for
from lib import mesh

OWN = "apiVersion: weft/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{spec}\n"
PEOPLE = 3000
ORDERS = 20000


def domain(name, table, columns, select, allow="[readers]"):
    """A domain with one product of one table, made by a SELECT."""
    properties = "".join(f"      - {{name: {column}, physicalType: \"{kind}\"}}\n" for column, kind in columns.items())
    base = f"domains/{name}"
    return {
        "mesh.yaml": "apiVersion: weft/v1\nkind: Mesh\nmetadata: {name: shop}\nspec: {owners: [governance]}\n",
        f"{base}/domain.yaml": OWN.format(kind="Domain", name=name, spec=f"  owners: [{name}-owners]"),
        f"{base}/policies/{table}.yaml": OWN.format(kind="Policy", name=table, spec=f"  effect: allow\n  on: {{products: [{name}.{table}]}}\n  to: {{groups: {allow}}}"),
        f"{base}/{table}/pipeline.yaml": OWN.format(kind="Pipeline", name=table, spec="  retries: {max: 0}"),
        f"{base}/{table}/{table}.sql": select,
        f"{base}/{table}/product.yaml": f"apiVersion: v1.0.0\nkind: DataProduct\nid: {name}.{table}\nname: {table}\nversion: 1.0.0\nstatus: active\ndomain: {name}\n"
        f"description: {{purpose: All of it.}}\ncustomProperties:\n  - {{property: kind, value: source-aligned}}\noutputPorts:\n  - {{name: {table}, version: 1.0.0, contractId: {name}.{table}}}\n",
        f"{base}/{table}/{table}.odcs.yaml": f"apiVersion: v3.1.0\nkind: DataContract\nid: {name}.{table}\nversion: 1.0.0\nstatus: active\nschema:\n  - name: {table}\n    properties:\n{properties}",
    }


TABLES = {
    ("lab", "people"): ({"id": "INTEGER", "name": "VARCHAR", "email": "VARCHAR", "region": "VARCHAR", "born": "DATE"},
                        f"SELECT i::INTEGER AS id, 'P' || i AS name, 'p' || i || '@x.org' AS email, CASE WHEN i % 2 = 1 THEN 'EU' ELSE 'US' END AS region,"
                        f" DATE '1950-01-01' + (i % 20000)::INTEGER AS born FROM range({PEOPLE}) t(i)"),
    ("shop", "orders"): ({"id": "INTEGER", "person": "INTEGER", "amount": "DECIMAL(12,2)", "made": "TIMESTAMP", "note": "VARCHAR"},
                         f"SELECT i::INTEGER AS id, (i * 7 % {PEOPLE})::INTEGER AS person, (i % 1000 / 4)::DECIMAL(12,2) AS amount,"
                         f" TIMESTAMP '2026-01-01' + INTERVAL (i) MINUTE AS made, CASE WHEN i % 3 = 0 THEN NULL ELSE 'n' || i END AS note FROM range({ORDERS}) t(i)"),
    ("desk", "regions"): ({"region": "VARCHAR", "title": "VARCHAR"}, "SELECT * FROM (VALUES ('EU', 'Europe'), ('US', 'United States')) t(region, title)"),
}
GOVERNANCE = {
    "mesh.yaml": "apiVersion: weft/v1\nkind: Mesh\nmetadata: {name: shop}\nspec: {owners: [governance]}\n",
    "governance/policies/eu.yaml": OWN.format(kind="Policy", name="eu", spec="  effect: filter\n  on: {tables: [lab.people]}\n  unless: [{groups: [world]}]\n  filter: region = 'EU'"),
    "governance/policies/mail.yaml": OWN.format(kind="Policy", name="mail", spec="  effect: mask\n  on: {columns: ['*.*.email']}\n  mask: {method: \"null\"}"),
}


def start(folder):
    nodes = mesh.open_nodes(folder, ["desk", "lab", "shop"])
    desk, lab, shop = nodes.values()
    desk.cli("mesh", "init", "shop")
    desk.cli("node", "set", "desk", "--domain", "desk")
    for node in (lab, shop):
        mesh.join(desk, node, node.name)
        node.cli("node", "trust", "desk", "--group", "readers,world")
    mesh.govern([desk, lab, shop], GOVERNANCE)
    for (name, table), (columns, select) in TABLES.items():
        nodes[name].apply(domain(name, table, columns, select), folder=table)
    desk.add_user("ann", PASSWORD, groups=["readers"])
    desk.add_user("wendy", PASSWORD, groups=["readers", "world"])
    desk.add_user("zoe", PASSWORD)
    wait_for(lambda: len(query(desk, "ann", "SELECT table_name FROM mesh.tables")) == 3)
    return nodes


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    nodes = start(tmp_path_factory.mktemp("several"))
    yield nodes
    for node in nodes.values():
        node.stop()


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """All of it in one node."""
    node = mesh.NamedNode(tmp_path_factory.mktemp("one"), "one", {})
    node.start()
    node.add_user("wendy", PASSWORD, groups=["readers", "world"])
    files = dict(GOVERNANCE)
    for (name, table), (columns, select) in TABLES.items():
        files.update(domain(name, table, columns, select))
    node.apply(files)
    yield node
    node.stop()


STATEMENTS = [
    "SELECT p.name, count(*), sum(o.amount) FROM lab.people p JOIN shop.orders o ON o.person = p.id GROUP BY p.name ORDER BY 3 DESC, 1 LIMIT 10",
    "SELECT r.title, count(*), avg(o.amount) FROM shop.orders o JOIN lab.people p ON p.id = o.person JOIN desk.regions r USING (region) GROUP BY 1 ORDER BY 1",
    "SELECT count(*) FROM lab.people, desk.regions",
    "SELECT * FROM lab.people p JOIN shop.orders o ON o.person = p.id WHERE o.id < 20 AND p.id BETWEEN 3 AND 50 ORDER BY o.id",
    "SELECT count(*) FROM shop.orders o WHERE made >= TIMESTAMP '2026-01-03' AND made < '2026-01-05' AND EXISTS (SELECT 1 FROM lab.people p WHERE p.id = o.person AND p.region = 'EU')",
    "SELECT p.id, (SELECT max(o.amount) FROM shop.orders o WHERE o.person = p.id) AS most FROM lab.people p WHERE p.born < DATE '1950-02-01' ORDER BY 1",
    "SELECT a.name, b.name FROM lab.people a JOIN lab.people b ON b.id = a.id + 1 JOIN shop.orders o ON o.id = a.id WHERE a.id < 10 ORDER BY 1",
    "WITH big AS (SELECT person, sum(amount) AS total FROM shop.orders WHERE amount > 100.5 GROUP BY person) SELECT region, count(*), sum(total) FROM big JOIN lab.people ON id = person GROUP BY 1 ORDER BY 1",
    "SELECT id FROM lab.people WHERE id < 5 UNION ALL SELECT id FROM shop.orders WHERE id IN (7, 8, 9) ORDER BY 1",
    "SELECT p.name, o.note FROM lab.people p LEFT JOIN shop.orders o ON o.person = p.id AND o.note IS NOT NULL WHERE p.id < 30 ORDER BY 1, 2",
    "SELECT region, rank() OVER (ORDER BY count(*) DESC, region), list(DISTINCT o.id % 3 ORDER BY o.id % 3) FROM lab.people p JOIN shop.orders o ON p.id = o.person GROUP BY region ORDER BY 1",
    "SELECT count(*) FROM lab.people p WHERE p.id NOT IN (SELECT person FROM shop.orders WHERE amount > 10)",
    "SELECT DISTINCT title FROM desk.regions r WHERE r.region = ANY (SELECT region FROM lab.people WHERE id = 4)",
    "SELECT count(*) FROM (SELECT 1 FROM shop.orders) x, (SELECT 2 FROM desk.regions) y",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_answer_is_that_of_one_node(nodes, one, statement):
    assert query(nodes["desk"], "wendy", statement) == query(one, "wendy", statement)


def test_each_owner_decides(nodes):
    desk = nodes["desk"]
    statement = "SELECT count(*), count(DISTINCT p.region), count(p.email) FROM lab.people p JOIN shop.orders o ON o.person = p.id"
    with connect(desk, "ann") as session:
        assert session.execute(statement).fetchall() == [(ORDERS // 2, 1, 0)]
        assert session.notices_seen == ["rows of lab.people filtered by eu", "lab.people.email masked by mail (null)"]
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
        query(desk, "zoe", statement)
    table = refused.value.diag.message_primary.removeprefix("permission denied for table ")
    assert int(refused.value.diag.statement_position) == statement.index({"lab.people": "lab.people", "shop.orders": "shop.orders"}[table]) + 1
    with pytest.raises(psycopg.errors.UndefinedTable, match="lab.nothing"):
        query(desk, "ann", "SELECT * FROM lab.nothing, shop.orders")
    with pytest.raises(psycopg.errors.UndefinedTable, match="nowhere.x"):
        query(desk, "ann", "SELECT * FROM nowhere.x, shop.orders")


def test_what_is_not_needed_does_not_travel(nodes):
    desk, lab, shop = nodes.values()
    statement = "SELECT p.name, o.amount FROM lab.people p JOIN shop.orders o ON o.person = p.id WHERE o.id = 8 AND p.born > DATE '1950-01-01'"
    lines = [row[0] for row in query(desk, "ann", f"EXPLAIN {statement}")]
    assert lines == ["node lab runs SELECT \"id\", \"name\", \"born\" FROM \"lab\".\"people\" WHERE (\"born\" > CAST('1950-01-01' AS DATE))",
                     "node shop runs SELECT \"id\", \"person\", \"amount\" FROM \"shop\".\"orders\" WHERE (\"id\" = 8)"]
    more = [row[0] for row in query(desk, "ann", f"EXPLAIN ANALYZE {statement}")]
    assert more[:2] == lines
    assert re.fullmatch(r"node lab gave \d+ rows, \d+ bytes in [0-9.]+ ms", more[2])
    assert more[3] == "  lab.people version 1: 1 file, rows filtered"
    assert re.fullmatch(r"node shop gave 1 rows, \d+ bytes in [0-9.]+ ms", more[4])
    assert shop.cli_json("get", "audit", "--limit", "1")[0]["row_count"] == 1
    record = lab.cli_json("get", "audit", "--limit", "1")[0]
    assert (record["principal"], record["door"]) == ("desk/ann", "node")
    assert "email" not in record["statement"]


def test_every_way_to_ask(nodes):
    desk = nodes["desk"]
    with connect(desk, "ann") as session:
        statement = "SELECT p.id, o.amount FROM lab.people p JOIN shop.orders o ON o.person = p.id WHERE p.id = %s ORDER BY o.id"
        for binary in (False, True):
            cursor = session.cursor(binary=binary)
            for _ in range(7):
                rows = cursor.execute(statement, [7]).fetchall()
                assert len(rows) == 7 and rows[0][0] == 7 and isinstance(rows[0][1], decimal.Decimal)
        with session.transaction():
            named = session.cursor("pages", scrollable=True)
            named.execute("SELECT o.id FROM lab.people p JOIN shop.orders o ON o.person = p.id ORDER BY o.id")
            first = named.fetchmany(3)
            assert len(first) == 3 and named.fetchmany(3) != first
            named.scroll(0, mode="absolute")
            assert named.fetchmany(3) == first
            assert session.execute("SELECT count(*) FROM lab.people, desk.regions").fetchone() == (PEOPLE,)
        with session.cursor().copy("COPY (SELECT title, count(*) FROM desk.regions JOIN lab.people USING (region) GROUP BY 1) TO STDOUT (FORMAT csv)") as copy:
            assert b"".join(copy) == f"Europe,{PEOPLE // 2}\n".encode()
        session.execute("SET search_path TO lab, shop")
        assert session.execute("SELECT count(*) FROM people JOIN orders ON person = people.id").fetchone() == (ORDERS // 2,)
        assert session.execute("SELECT count(*) FROM lab.people AT (VERSION => 1), desk.regions").fetchone() == (PEOPLE,)
        assert session.execute("SELECT count(*) FROM mesh.tables t JOIN lab.people p ON p.id = 1").fetchone() == (3,)


def test_a_node_that_is_down(nodes):
    desk, lab, _ = nodes.values()
    lab.stop()
    try:
        with pytest.raises(psycopg.OperationalError) as refused:
            query(desk, "ann", "SELECT count(*) FROM lab.people, shop.orders")
        assert refused.value.diag.message_primary.startswith("the node lab, which holds lab.people, cannot be asked")
        assert query(desk, "ann", "SELECT count(*) FROM shop.orders, desk.regions") == [(2 * ORDERS,)]
        with pytest.raises(psycopg.errors.UndefinedTable):
            query(desk, "ann", "SELECT count(*) FROM lab.nothing, shop.orders")
    finally:
        lab.start()
        wait_for(lambda: mesh.states(desk)["lab"] == "up")
    assert query(desk, "ann", "SELECT count(*) FROM lab.people, desk.regions") == [(PEOPLE,)]


SLOW = "SELECT sum(sqrt(a.id::double + b.id + c.id)) FROM lab.people a, lab.people b, shop.orders c"


def test_it_can_be_cancelled(nodes):
    desk = nodes["desk"]
    with connect(desk, "ann") as session:
        thread, outcome = in_background(lambda: session.execute(SLOW).fetchall())
        wait_for(lambda: query(desk, "ann", "SELECT 1 FROM mesh.queries WHERE statement LIKE 'SELECT sum(sqrt%' AND state = 'running'"))
        time.sleep(0.3)
        session.cancel_safe()
        thread.join(5)
        assert not thread.is_alive() and isinstance(outcome["error"], psycopg.errors.QueryCanceled)
        session.execute("SET statement_timeout = '500ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            session.execute(SLOW)
        assert session.execute("SELECT count(*) FROM lab.people, desk.regions").fetchone() == (PEOPLE,)


def test_rights_that_go_end_it(nodes):
    desk = nodes["desk"]
    desk.add_user("tim", PASSWORD, groups=["readers"])
    with connect(desk, "tim") as session:
        thread, outcome = in_background(lambda: session.execute(SLOW).fetchall())
        wait_for(lambda: query(desk, "tim", "SELECT 1 FROM mesh.queries WHERE statement LIKE 'SELECT sum(sqrt%' AND state = 'running'"))
        time.sleep(0.3)
        desk.cli("user", "set", "tim", "--remove-group", "readers")
        thread.join(2)
        assert not thread.is_alive() and isinstance(outcome["error"], psycopg.errors.InsufficientPrivilege)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("SELECT count(*) FROM lab.people, desk.regions")


def test_a_transaction_reads_each_node_as_it_was(nodes, tmp_path):
    desk, lab, shop = nodes.values()
    with connect(desk, "wendy") as session, session.transaction():
        before = session.execute("SELECT count(*) FROM lab.people, desk.regions").fetchone()
        columns, select = TABLES["lab", "people"]
        lab.apply(domain("lab", "people", columns, select + " LIMIT 100"), folder="fewer")
        assert session.execute("SELECT count(*) FROM lab.people, desk.regions").fetchone() == before
        assert session.execute("SELECT count(*) * 2 FROM lab.people").fetchone() == before
    try:
        assert query(desk, "wendy", "SELECT count(*) FROM lab.people, desk.regions") == [(200,)]
    finally:
        lab.apply(domain("lab", "people", columns, select), folder="people")


def test_it_is_on_record_where_it_is_asked(nodes):
    desk = nodes["desk"]
    query(desk, "ann", "SELECT count(*) AS recorded FROM lab.people, shop.orders WHERE shop.orders.id = 1")
    record = next(r for r in desk.cli_json("get", "audit", "--limit", "5") if "recorded" in r["statement"])
    assert (record["principal"], record["outcome"], record["row_count"]) == ("ann", "ok", 1)


TYPES = {
    "i1": ("TINYINT", "(i % 127)::TINYINT"), "i8": ("BIGINT", "i * 10000000000"), "huge": ("HUGEINT", "i::HUGEINT * 10000000000000000000000"),
    "u4": ("UINTEGER", "i::UINTEGER"), "f4": ("FLOAT", "i / 3"), "f8": ("DOUBLE", "CASE i WHEN 1 THEN 'NaN'::DOUBLE WHEN 2 THEN 'inf'::DOUBLE ELSE i / 7 END"),
    "d": ("DECIMAL(38,10)", "(i / 3)::DECIMAL(38,10)"), "t": ("VARCHAR", "CASE i WHEN 3 THEN '' ELSE 'ž🦆' || i END"), "b": ("BLOB", "'\\x00\\xFF'::BLOB"),
    "day": ("DATE", "CASE i WHEN 4 THEN 'infinity'::DATE ELSE DATE '0001-01-01' + i::INTEGER END"), "tm": ("TIME", "TIME '23:59:59.999999'"),
    "ts": ("TIMESTAMP", "TIMESTAMP '1901-02-03 04:05:06.000007'"), "tz": ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ '2026-03-29 01:30:00+00' + INTERVAL (i) HOUR"),
    "iv": ("INTERVAL", "INTERVAL '1 year 2 days 3 seconds'"),
    "u": ("UUID", "'00000000-0000-0000-0000-00000000000a'::UUID"), "truth": ("BOOLEAN", "i % 2 = 0"), "j": ("JSON", "'{\"a\": [1, null]}'::JSON"),
    "l": ("INTEGER[]", "[i, NULL, 3]::INTEGER[]"), "s": ("STRUCT(a INTEGER, b VARCHAR[])", "{'a': i::INTEGER, 'b': ['x', NULL]}"),
    "m": ("MAP(VARCHAR, INTEGER)", "MAP {'k': i::INTEGER}"),
}


def test_types_survive(nodes):
    desk, lab = nodes["desk"], nodes["lab"]
    select = "SELECT i::INTEGER AS id, " + ", ".join(f"CASE WHEN i = 0 THEN NULL ELSE {e} END AS {c}" for c, (_, e) in TYPES.items()) + " FROM range(6) t(i)"
    columns = {"id": "INTEGER", **{c: kind for c, (kind, _) in TYPES.items()}}
    lab.apply(domain("lab", "kinds", columns, select), folder="kinds")
    wait_for(lambda: query(desk, "wendy", "SELECT 1 FROM mesh.tables WHERE table_name = 'kinds'"))
    names = ", ".join(f"k.{c}" for c in TYPES)
    for form in ("application/json", "text/csv"):
        whole = desk_answer(desk, f"SELECT {names} FROM lab.kinds k ORDER BY id", form)
        joined = desk_answer(desk, f"SELECT {names} FROM lab.kinds k, desk.regions r WHERE r.region = 'EU' ORDER BY k.id", form)
        assert joined == whole
    kinds = [f"typeof(k.{c})" for c in TYPES]
    assert query(desk, "wendy", f"SELECT DISTINCT {', '.join(kinds)} FROM lab.kinds k, desk.regions") == query(desk, "wendy", f"SELECT DISTINCT {', '.join(kinds)} FROM lab.kinds k")


def desk_answer(desk, statement, form):
    status, _, body = mesh.post_query(desk, "wendy", {"sql": statement}, form)
    assert status == 200, body
    return body


def test_nothing_stays_behind(nodes):
    desk = nodes["desk"]

    def fds():
        return len(list(pathlib.Path(f"/proc/{desk.process.pid}/fd").iterdir()))

    query(desk, "ann", STATEMENTS[0])
    before = fds()
    for _ in range(20):
        query(desk, "ann", STATEMENTS[0])
        with contextlib.suppress(psycopg.Error):
            query(desk, "zoe", STATEMENTS[0])
    wait_for(lambda: fds() <= before + 4)
    assert [path for path in (desk.data / "spill").iterdir() if path.is_file()] == []


def arrow(table):
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def answer(columns, data, **done):
    """What a node says: its columns, rows as Arrow, and the end."""
    head = {"columns": [{"name": name, "type": kind, "oid": 23, "typmod": -1, "size": 4} for name, kind in columns], "params": [], "notices": [], "explain": []}
    return mesh.frame(mesh.PREPARED, head) + mesh.rows(data) + mesh.frame(mesh.DONE, {"rows": 1, "bytes": len(data), **done})


IDS = arrow(pyarrow.table({"id": pyarrow.array([7], pyarrow.int32())}))
RIGHT = answer([("id", "INTEGER")], IDS)
LIES = {
    "SQL for a type": answer([("id", "INTEGER); ATTACH 'x' AS y; --")], IDS),
    "a default for a type": answer([("id", "INTEGER DEFAULT (1)")], IDS),
    "another column": answer([("email", "INTEGER")], IDS),
    "more columns": answer([("id", "INTEGER"), ("email", "INTEGER")], IDS),
    "no column": answer([], IDS),
    "more columns in the rows": answer([("id", "INTEGER")], arrow(pyarrow.table({"id": [7], "x": [8]}))),
    "fewer columns in the rows": answer([("id", "INTEGER")], arrow(pyarrow.table({"id": [7]}).select([]))),
    "another type in the rows": answer([("id", "INTEGER")], arrow(pyarrow.table({"id": ["seven"]}))),
    "half of the rows": answer([("id", "INTEGER")], IDS[:len(IDS) // 2]),
    "rows that are none": answer([("id", "INTEGER")], b"\xff" * 4096),
    "nothing": answer([("id", "INTEGER")], b""),
    "other counts": answer([("id", "INTEGER")], IDS, rows=2),
    "no end": RIGHT[:-40],
    "no frames": b"<html>",
    "an answer without end": None,
    "flipped bytes": answer([("id", "INTEGER")], bytes(b ^ 0x55 if 40 < i < 400 else b for i, b in enumerate(IDS))),
}


@pytest.fixture(scope="module")
def captured(tmp_path_factory):
    """The node sales in hostile hands; the hub has a table of its own."""
    nodes = mesh.open_nodes(tmp_path_factory.mktemp("captured"), ["hub", "sales"], {"query.timeout": "10s"})
    hub, sales = nodes.values()
    hub.cli("mesh", "init", "shop")
    mesh.join(hub, sales, "sales")
    sales.apply(mesh.manifests("sales", ["orders"]), flags=("--yes", "--no-run"))
    hub.apply(domain("desk", "regions", *TABLES["desk", "regions"]))
    hub.add_user("ann", PASSWORD, groups=["readers"])
    wait_for(lambda: query(hub, "ann", "SELECT 1 FROM mesh.tables WHERE table_name = 'orders'"))
    sales.stop()
    said = {}
    impostor = mesh.Impostor(sales, hub, lambda _, body: said["next"] if "statement" in body else {})
    wait_for(lambda: mesh.states(hub)["sales"] == "up")
    yield hub, said
    impostor.close()
    hub.stop()


def test_an_honest_answer_of_a_stranger(captured):
    hub, said = captured
    said["next"] = RIGHT
    assert query(hub, "ann", "SELECT o.id, r.region FROM sales.orders o, desk.regions r ORDER BY 2") == [(7, "EU"), (7, "US")]


@pytest.mark.parametrize("lie", LIES)
def test_no_lie_becomes_a_row(captured, lie):
    hub, said = captured
    said["next"] = LIES[lie]
    with connect(hub, "ann") as session:
        with pytest.raises(psycopg.Error) as caught:
            rows = session.execute("SELECT o.id, r.region FROM sales.orders o, desk.regions r").fetchall()
            raise AssertionError(rows)
        assert caught.value.sqlstate != "57P01", (lie, caught.value)
        assert session.execute("SELECT 1").fetchone() == (1,)
    assert hub.process.poll() is None
