"""A statement about another node's tables travels there whole: that node decides, and the asking one sees what its caller may see."""
import io
import json
import signal
import ssl
import struct
import time
import urllib.error
import urllib.request

import psycopg
import pyarrow
import pytest
from conftest import PASSWORD, connect, in_background, query, wait_for
from lib import mesh, smallmesh
from lib.mesh import DATA, DONE, ERROR, PREPARED, Impostor, Key, frame, rows
from lib.mesh import post_query as post
from lib.pgraw import cstr, message


def start(folder, config=None):
    """desk asks and holds nothing; owner holds the domain lab. At desk ann reads (readers), wendy sees the whole world, zoe is in no group."""
    nodes = mesh.open_nodes(folder, ["desk", "owner"], config)
    desk, owner = nodes.values()
    desk.cli("mesh", "init", "lab")
    mesh.join(desk, owner, "lab")
    smallmesh.write_source(owner)
    owner.add_user("eve", PASSWORD, groups=["readers"])
    mesh.govern([desk, owner], smallmesh.MESH_WIDE)
    owner.apply(smallmesh.DOMAIN)
    desk.add_user("ann", PASSWORD, groups=["readers"])
    desk.add_user("wendy", PASSWORD, groups=["readers", "world"])
    desk.add_user("zoe", PASSWORD)
    owner.cli("node", "trust", "desk", "--group", "readers,world")
    wait_for(lambda: query(desk, "ann", "SELECT table_name FROM mesh.tables WHERE node = 'owner'"))
    return nodes


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    nodes = start(tmp_path_factory.mktemp("mesh"))
    yield nodes
    for node in nodes.values():
        node.stop()


def test_it_is_as_if_it_were_here(nodes):
    desk, owner = nodes["desk"], nodes["owner"]
    with connect(desk, "ann") as session:
        rows = session.execute("SELECT id, name, email, region FROM lab.people ORDER BY id").fetchall()
        assert rows == [(i, f"P{i}", None, "EU") for i in range(1, 2000, 2)]
        assert session.notices_seen == ["rows of lab.people filtered by eu-only", "lab.people.email masked by contact (null)"]
    assert query(desk, "wendy", "SELECT count(*), count(email) FROM lab.people") == [(2000, 0)]
    assert query(desk, "wendy", "SELECT count(*), count(email) FROM lab.people", weft__purpose="support") == [(2000, 2000)]
    assert query(owner, "eve", "SELECT count(*) FROM lab.people") == [(1000,)]


def test_every_form_over_http(nodes):
    desk = nodes["desk"]
    body = {"sql": "SELECT id, name FROM lab.people WHERE id < $1 ORDER BY id", "params": [4]}
    status, headers, text = post(desk, "ann", body)
    assert (status, json.loads(text)) == (200, [{"id": 1, "name": "P1"}, {"id": 3, "name": "P3"}])
    assert headers["X-Weft-Governance"] == "rows of lab.people filtered by eu-only"
    assert json.loads(headers["X-Weft-Columns"]) == [{"name": "id", "type": "INTEGER"}, {"name": "name", "type": "VARCHAR"}]
    assert headers["X-Weft-Snapshot"].endswith("Z")
    assert post(desk, "ann", body, "application/x-ndjson")[2] == b'{"id":1,"name":"P1"}\n{"id":3,"name":"P3"}\n'
    assert post(desk, "ann", body, "text/csv")[2] == b"id,name\r\n1,P1\r\n3,P3\r\n"
    arrow = pyarrow.ipc.open_stream(io.BytesIO(post(desk, "ann", body, "application/vnd.apache.arrow.stream")[2])).read_all()
    assert arrow.to_pylist() == [{"id": 1, "name": "P1"}, {"id": 3, "name": "P3"}]
    parquet = post(desk, "ann", body, "application/vnd.apache.parquet")[2]
    assert parquet[:4] == parquet[-4:] == b"PAR1"
    snapshot = {"sql": "SELECT count(*) AS n FROM lab.people", "snapshot": headers["X-Weft-Snapshot"]}
    assert json.loads(post(desk, "ann", snapshot)[2]) == [{"n": 1000}]


def test_every_way_over_postgresql(nodes):
    desk = nodes["desk"]
    with connect(desk, "ann") as session:
        for binary in (False, True):
            cursor = session.cursor(binary=binary)
            for _ in range(7):  # psycopg prepares after five
                assert cursor.execute("SELECT id, name FROM lab.people WHERE id = %s", [5]).fetchall() == [(5, "P5")]
        with session.transaction():
            named = session.cursor("pages", scrollable=True)
            named.execute("SELECT id FROM lab.people ORDER BY id")
            assert [r[0] for r in named.fetchmany(3)] == [1, 3, 5]
            assert [r[0] for r in named.fetchmany(3)] == [7, 9, 11]
            named.scroll(0, mode="absolute")
            assert named.fetchone() == (1,)
            assert session.execute("SELECT count(*) FROM lab.people").fetchone() == (1000,)  # beside an open cursor
        with session.cursor().copy("COPY (SELECT id, name FROM lab.people ORDER BY id LIMIT 2) TO STDOUT (FORMAT csv, HEADER)") as copy:
            assert b"".join(copy) == b"id,name\n1,P1\n3,P3\n"
        session.execute("SET search_path TO lab")
        assert session.execute("SELECT count(*) FROM people").fetchone() == (1000,)
        assert session.execute("SELECT count(*) FROM lab.lab.people AT (VERSION => 1)").fetchone() == (1000,)
        lines = [r[0] for r in session.execute("EXPLAIN SELECT count(*) FROM lab.people")]
        assert lines[0] == "node owner runs the whole statement; its answer travels"
        assert lines[1] == "  lab.people version 1: 1 file, rows filtered"
        assert "Rows: 1" in [r[0] for r in session.execute("EXPLAIN ANALYZE SELECT count(*) FROM lab.people")]


def test_a_cursor_keeps_its_form(nodes):
    with connect(nodes["desk"], "ann") as session, session.transaction():
        session.execute("DECLARE c CURSOR FOR SELECT id FROM lab.people ORDER BY id")
        assert session.execute("FETCH 2 FROM c").fetchall() == [(1,), (3,)]
        assert session.execute("FETCH 2 FROM c").fetchall() == [(5,), (7,)]
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            session.cursor(binary=True).execute("FETCH 2 FROM c", prepare=True)


def test_portals_with_row_limits(nodes):
    with nodes["desk"].raw("ann", PASSWORD) as raw:
        execute = [message(b"E", b"\0" + struct.pack(">i", rows)) for rows in (2, 2, 0)]
        raw.send(message(b"P", cstr("") + cstr("SELECT id FROM lab.people ORDER BY id") + b"\0\0") + message(b"B", b"\0" * 8) + b"".join(execute) + message(b"S"))
        kinds = b"".join(kind for kind, _ in raw.until_ready())
        assert kinds.replace(b"N", b"") == b"12DDsDDs" + b"D" * 996 + b"CZ"


@pytest.mark.parametrize(("sql", "code", "text", "position"), [
    ("SELECT nope FROM lab.people", "42703", 'Referenced column "nope" not found', 8),
    ("SELECT * FROM lab.nobody", "42P01", 'relation "lab.nobody" does not exist', 15),
    ("SELECT * FROM\n lab.people WHERE id = 'x'::int", "22P02", "Could not convert", None),
    ("SELECT * FROM lab.people, nowhere.products", "42P01", 'relation "nowhere.products" does not exist', 27),
    ("SELECT nope FROM lab.people, mesh.products", "42703", 'Referenced column "nope" not found', 8),
])
def test_errors_are_those_of_a_table_here(nodes, sql, code, text, position):
    with connect(nodes["desk"], "ann") as session, pytest.raises(psycopg.Error) as caught:
        session.execute(sql)
    assert caught.value.sqlstate == code
    assert text in caught.value.diag.message_primary
    if position:
        assert caught.value.diag.statement_position == str(position)


def test_the_owner_believes_what_it_said_it_does(nodes):
    desk, owner = nodes["desk"], nodes["owner"]
    with connect(desk, "zoe") as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("SELECT * FROM lab.people")
    owner.cli("node", "trust", "desk", "--group", "readers", "--attribute", "country,region")
    assert [(n["trusted_groups"], n["trusted_attributes"]) for n in owner.cli_json("get", "nodes", "desk")] == [(["readers"], ["country", "region"])]
    assert query(desk, "wendy", "SELECT count(*) FROM lab.people") == [(1000,)]  # of the world no more
    owner.cli("node", "trust", "desk")
    with connect(desk, "wendy") as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("SELECT * FROM lab.people")
    owner.cli("node", "trust", "desk", "--group", "readers,world")
    assert query(desk, "wendy", "SELECT count(*) FROM lab.people") == [(2000,)]
    owner.cli("node", "trust", "nobody", "--group", "readers", status=3)
    assert "there is no other node" in owner.last.stderr
    owner.cli("node", "trust", "desk", "--group", "team:lab", status=2)
    assert "cannot be trusted by name" in owner.last.stderr


def test_clients_find_the_table_in_the_catalogue(nodes):
    desk, owner = nodes["desk"], nodes["owner"]
    for sql in ("SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema = 'lab'",
                "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'lab' AND c.relkind = 'r'"):
        assert query(desk, "ann", sql) == [("lab", "people")]
    sql = "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = 'people' ORDER BY ordinal_position"
    assert query(desk, "ann", sql) == query(owner, "eve", sql)


def test_both_nodes_keep_a_record(nodes):
    desk, owner = nodes["desk"], nodes["owner"]
    query(desk, "ann", "SELECT count(*) AS recorded FROM lab.people")
    asked = [r for r in desk.cli_json("get", "audit") if "recorded" in r["statement"]]
    decided = [r for r in owner.cli_json("get", "audit") if "recorded" in r["statement"]]
    assert [(r["principal"], r["door"], r["outcome"], r["row_count"]) for r in asked] == [("ann", "pg", "ok", 1)]
    assert [(r["principal"], r["door"], r["outcome"], r["row_count"]) for r in decided] == [("desk/ann", "node", "ok", 1)]
    assert decided[0]["session"] == asked[0]["session"]


SLOW = "SELECT count(*) FROM lab.people a, lab.people b, lab.people c, lab.people d WHERE a.id + b.id + c.id + d.id < 0"


def running(owner):
    return [q["principal"] for q in owner.cli_json("get", "queries")]


def test_cancel_and_time_limits_reach_the_owner(nodes):
    desk, owner = nodes["desk"], nodes["owner"]
    with connect(desk, "ann") as session:
        thread, outcome = in_background(lambda: session.execute(SLOW))
        wait_for(lambda: running(owner) == ["desk/ann"])
        session.cancel()
        thread.join(5)
        assert outcome["error"].sqlstate == "57014"
        wait_for(lambda: running(owner) == [], 3)
        session.execute("SET statement_timeout = 300")
        with pytest.raises(psycopg.errors.QueryCanceled):
            session.execute(SLOW)
        wait_for(lambda: running(owner) == [], 3)
        session.execute("SET statement_timeout = 0")
        assert session.execute("SELECT count(*) FROM lab.people").fetchone() == (1000,)


@pytest.mark.parametrize("how", ["trust", "account", "group"])
def test_a_right_taken_away_stops_what_runs(nodes, how):
    desk, owner = nodes["desk"], nodes["owner"]
    with connect(desk, "wendy") as session:
        thread, outcome = in_background(lambda: session.execute(SLOW))
        wait_for(lambda: running(owner) == ["desk/wendy"])
        began = time.monotonic()
        if how == "trust":
            owner.cli("node", "trust", "desk", "--group", "readers")
        elif how == "account":
            desk.cli("user", "set", "wendy", "--disabled", "yes")
        else:
            desk.cli("user", "set", "wendy", "--remove-group", "world")
        thread.join(5)
        assert time.monotonic() - began < 1.5
        assert outcome["error"].sqlstate in ("42501", "57014"), outcome
        wait_for(lambda: running(owner) == [], 3)
    desk.cli("user", "set", "wendy", "--disabled", "no", "--group", "readers", "--group", "world")
    owner.cli("node", "trust", "desk", "--group", "readers,world")
    assert query(desk, "wendy", "SELECT count(*) FROM lab.people") == [(2000,)]


def test_a_transaction_reads_one_version_of_each_node(nodes):
    desk, owner = nodes["desk"], nodes["owner"]
    with connect(desk, "wendy") as session:
        session.execute("BEGIN")
        before = session.execute("SELECT count(*) FROM lab.people").fetchone()
        smallmesh.write_source(owner, 2100)
        owner.cli("run", "lab.people")
        assert query(desk, "wendy", "SELECT count(*) FROM lab.people") == [(2100,)]
        assert session.execute("SELECT count(*) AS again FROM lab.people").fetchone() == before == (2000,)
        session.execute("COMMIT")
        assert session.execute("SELECT count(*) AS again FROM lab.people").fetchone() == (2100,)
    smallmesh.write_source(owner, 2000)
    owner.cli("run", "lab.people")


def said(text, **more):
    return json.dumps({"statement": text, "principal": "ann", "groups": ["readers"], "execute": {"format": "json"}, **more}).encode()


def ask(owner, key, body, path="/mesh/v1/query"):
    token = key.token("desk", "owner", "POST", path, body)
    request = urllib.request.Request(owner.url(path), body, {"Content-Type": "application/json", "Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=20) as answer:
        return answer.read()


def frames(data):
    at, found = 0, []
    while at < len(data):
        size, kind = struct.unpack_from("<IB", data, at)
        found.append((kind, data[at + 8:at + 8 + size]))
        at += 8 + size
    return found


def test_a_hostile_node_gets_no_more_than_its_people_may(nodes):
    """With the right key it may say whatever it likes of who asks."""
    desk, owner = nodes["desk"], nodes["owner"]
    key = Key(desk.data / "keys" / "node.key")

    def outcome(*args, **more):
        answer = frames(ask(owner, key, said(*args, **more)))
        return json.loads(answer[-1][1]) if answer[-1][0] == ERROR else b"".join(body[4:] for kind, body in answer if kind == DATA)

    assert json.loads(outcome("SELECT count(*) n FROM lab.people")) == [{"n": 1000}]
    assert json.loads(outcome("SELECT count(*) n, count(email) e FROM lab.people", groups=["readers", "lab-owners", "team:lab"])) == [{"n": 1000, "e": 0}]
    assert outcome("SELECT * FROM lab.people", groups=["lab-owners", "admin"])["state"] == "42501"
    assert outcome("SELECT * FROM lab.people", principal="../olaf", groups=[])["state"] == "42501"
    for bad in ({"principal": ""}, {"principal": "a\nb"}, {"principal": None}, {"groups": "readers"}, {"groups": [1]}, {"attributes": [{"name": "x"}]},
                {"execute": {"format": "exe"}}, {"execute": {"format": "pg", "params": {}}}, {"execute": {"format": "pg", "column_formats": "x"}}, {"attributes": {}}, {"search_path": [None]}, {"param_oids": {}}, {"statement": 7}):
        body = json.dumps({**json.loads(said("SELECT 1")), **bad}).encode()
        with pytest.raises(urllib.error.HTTPError) as caught:
            ask(owner, key, body)
        assert caught.value.code == 400, bad
        caught.value.close()
    assert outcome("SELECT 1", purpose="theft")["state"] == "22023"
    assert outcome("SELECT id FROM lab.people", execute={"format": "pg", "column_formats": [1, 1, 1]})["state"] == "0A000"
    assert json.loads(outcome("SELECT count(*) n FROM mesh.audit")) != [{"n": 0}]  # its own records only
    assert outcome("SELECT * FROM mesh.audit WHERE principal NOT LIKE 'desk/ann'") in (b"[\n]\n", b"[]\n")
    assert outcome("DELETE FROM lab.people")["state"] == "25006"


def test_a_node_that_is_down_is_named(tmp_path):
    nodes = start(tmp_path)
    desk, owner = nodes["desk"], nodes["owner"]
    asked = "SELECT count(*) FROM lab.people"
    try:
        with connect(desk, "ann") as session:
            assert session.execute(asked).fetchone() == (1000,)
            owner.kill()
            for attempt in range(5):
                began = time.monotonic()
                with pytest.raises(psycopg.OperationalError) as caught:
                    session.execute(asked)
                assert caught.value.diag.message_primary.startswith("the node owner, which holds lab.people, cannot be asked: ")
                assert "Try again when it is up" in caught.value.diag.message_hint
                assert caught.value.sqlstate in ("08001", "08006")
                assert time.monotonic() - began < 1
                assert session.execute("SELECT 1").fetchone() == (1,)
            with pytest.raises(psycopg.errors.UndefinedTable):  # no more than is known of its products
                session.execute("SELECT * FROM lab.nobody")
            owner.start()
            assert wait_for(lambda: outcome_of(session, asked), 5) == (1000,)
    finally:
        for node in nodes.values():
            node.stop()


def outcome_of(session, sql):
    try:
        return session.execute(sql).fetchone()
    except psycopg.OperationalError:
        return None


def test_a_node_that_stands_still_does_not_hold_a_statement_for_ever(tmp_path):
    nodes = start(tmp_path)
    desk, owner = nodes["desk"], nodes["owner"]
    try:
        with connect(desk, "ann") as session:
            thread, outcome = in_background(lambda: session.execute(SLOW))
            wait_for(lambda: running(owner) == ["desk/ann"])
            owner.process.send_signal(signal.SIGSTOP)
            assert query(desk, "ann", "SELECT 1") == [(1,)]
            thread.join(30)
            assert outcome["error"].sqlstate == "08006", outcome
            assert "the node owner, which holds lab.people, cannot be asked" in outcome["error"].diag.message_primary
            owner.process.send_signal(signal.SIGCONT)
            wait_for(lambda: running(owner) == [], 10)
            assert wait_for(lambda: outcome_of(session, "SELECT count(*) FROM lab.people"), 10) == (1000,)
    finally:
        owner.process.send_signal(signal.SIGCONT)
        for node in nodes.values():
            node.stop()


def test_what_is_hidden_at_the_owner_looks_absent(tmp_path):
    """Its node is asked, since some may know of it; to the others it says what it says of names that do not exist."""
    nodes = mesh.open_nodes(tmp_path, ["desk", "owner"])
    desk, owner = nodes.values()
    try:
        desk.cli("mesh", "init", "shop")
        mesh.join(desk, owner, "sales", "vault")
        owner.apply({**mesh.manifests("sales", ["orders"], hidden=["margins"]), **mesh.manifests("vault", ["ledger"], hidden_domain=True)}, flags=("--yes", "--no-run"))
        desk.apply({k: v for k, v in mesh.manifests("sales", []).items() if not k.startswith("domains")})
        desk.add_user("ann", PASSWORD, groups=["sales-owners"])
        wait_for(lambda: query(desk, "ann", "SELECT 1 FROM mesh.tables WHERE table_name = 'orders'"))

        def answer(sql, user="ann"):
            with connect(desk, user) as session, pytest.raises(psycopg.Error) as caught:
                session.execute(sql)
            d = caught.value.diag
            return caught.value.sqlstate, d.message_primary, d.message_hint, d.statement_position

        def of(table):
            return [tuple(str(part).replace(table, "?") for part in answer(f"SELECT * FROM {table}{more}")) for more in ("", ", mesh.products", ", sales.orders")]

        assert of("sales.margins") == of("sales.marvels")
        assert of("vault.ledger") == of("vault.lodger")
        owner.kill()
        wait_for(lambda: mesh.states(desk)["owner"] == "down")
        assert of("sales.margins") == of("sales.marvels")
        assert of("vault.ledger") == of("vault.lodger") == of("nothing.lodger")
    finally:
        for node in nodes.values():
            node.stop()


def row(*values):
    return message(b"D", struct.pack(">H", len(values)) + b"".join(struct.pack(">i", len(v)) + v for v in values))


COLUMNS = {"columns": [{"name": "id", "type": "INTEGER", "oid": 23, "typmod": -1, "size": 4}], "params": [], "notices": [], "explain": []}
HEAD = frame(PREPARED, COLUMNS)
GOOD = HEAD + rows(row(b"7")) + frame(DONE, {"rows": 1, "bytes": len(row(b"7"))})
LIES = {
    "another message": HEAD + rows(message(b"E", b"SFATAL\0C57P01\0Mowned\0\0")) + frame(DONE, {"rows": 1, "bytes": 24}),
    "a message behind a row": HEAD + rows(row(b"7") + message(b"Z", b"I")) + frame(DONE, {"rows": 1, "bytes": 18}),
    "more columns than it said": HEAD + rows(row(b"7", b"8")) + frame(DONE, {"rows": 1, "bytes": len(row(b"7", b"8"))}),
    "a length beyond the row": HEAD + rows(b"D" + struct.pack(">iHi", 10, 1, 1 << 30)) + frame(DONE, {"rows": 1, "bytes": 11}),
    "fewer rows than it said": HEAD + rows(row(b"7")) + frame(DONE, {"rows": 2, "bytes": len(row(b"7"))}),
    "other bytes than it said": HEAD + rows(row(b"7")) + frame(DONE, {"rows": 1, "bytes": 1}),
    "more behind the end": GOOD + rows(row(b"8")),
    "no end": HEAD + rows(row(b"7")),
    "half a frame": GOOD[:-5],
    "a frame of 4 GB": HEAD + b"\xff\xff\xff\xff\x0c\0\0\0",
    "rows before columns": rows(row(b"7")),
    "no columns": frame(PREPARED, {"params": []}),
    "columns that are none": frame(PREPARED, {**COLUMNS, "columns": 7}),
    "no JSON": frame(PREPARED, b"\xff{"),
    "notices that are none": frame(PREPARED, {**COLUMNS, "notices": [7]}),
    "an error that is none": frame(ERROR, {"state": "00000", "message": "all is well"}),
    "an error without a state": frame(ERROR, []),
    "a frame of no kind": HEAD + frame(99, b""),
    "nothing": b"",
    "no frames": b"<html>404</html>",
    "an answer without end": None,
}


@pytest.fixture(scope="module")
def captured(tmp_path_factory):
    """The node sales, whose keys somebody hostile has, as desk sees it."""
    nodes = mesh.open_nodes(tmp_path_factory.mktemp("hostile"), ["hub", "sales"])
    hub, sales = nodes.values()
    hub.cli("mesh", "init", "shop")
    mesh.join(hub, sales, "sales")
    sales.apply(mesh.manifests("sales", ["orders"]), flags=("--yes", "--no-run"))
    hub.apply({k: v for k, v in mesh.manifests("sales", []).items() if not k.startswith("domains")})
    hub.add_user("ann", PASSWORD)
    wait_for(lambda: query(hub, "ann", "SELECT 1 FROM mesh.tables WHERE table_name = 'orders'"))
    sales.stop()
    answer = {}
    impostor = Impostor(sales, hub, lambda _, body: answer["next"] if "statement" in body else {})
    wait_for(lambda: mesh.states(hub)["sales"] == "up")
    yield hub, answer
    impostor.close()
    hub.stop()


def test_an_honest_answer_of_a_stranger(captured):
    """The lies below are told apart from this one."""
    hub, answer = captured
    answer["next"] = GOOD
    assert query(hub, "ann", "SELECT id FROM sales.orders") == [(7,)]


@pytest.mark.parametrize("lie", LIES)
def test_no_lie_reaches_the_client(captured, lie):
    hub, answer = captured
    answer["next"] = LIES[lie]
    with connect(hub, "ann") as session:
        with pytest.raises(psycopg.Error) as caught:
            session.execute("SELECT id FROM sales.orders")
        assert caught.value.sqlstate in ("08P01", "08006"), (lie, caught.value)
        assert session.execute("SELECT 1").fetchone() == (1,)
    assert hub.process.poll() is None


@pytest.mark.parametrize("form", ["pg", "pg-both", "copy-text", "copy-csv", "copy-binary", "json", "ndjson", "csv", "arrow", "parquet"])
def test_nothing_hidden_crosses_the_wire(nodes, form):
    """What the owner sends, byte by byte, for people who may see half of the rows and no address."""
    desk, owner = nodes["desk"], nodes["owner"]
    key = Key(desk.data / "keys" / "node.key")
    for sql in ("SELECT * FROM lab.people", "SELECT email, region FROM lab.people WHERE region = 'US'", "SELECT email::int FROM lab.people",
                "SELECT max(email), min(name) FROM lab.people", "SELECT list(p) FROM lab.people p", "SELECT * FROM lab.people WHERE email LIKE 'p0@%'"):
        answer = ask(owner, key, said(sql, execute={"format": form}))
        assert b"@example.org" not in answer and b"US" not in answer.replace(b"US'", b""), sql
        assert b"P1" in answer or "FROM lab.people WHERE" in sql or "::int" in sql or form == "parquet" or "max(" in sql
