"""Every way around (tests/security/attacks.py) through every door, against a real node. Each byte that comes back is
searched for canaries."""
import base64
import http.client
import json
import pathlib
import ssl
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from lib.node import Node  # noqa: E402
from lib.pgraw import error_fields, rows_of  # noqa: E402
from security import lake  # noqa: E402
from security.attacks import ATTACKS, CANARY  # noqa: E402

PASSWORD = "pw-" + "x" * 12
NOTHING = {None, "", "0", "f", "false", "NULL", "null"}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("attacks"))
    with node:
        node.add_user("eve", groups=["analysts"])
        sources = node.data / "sources"
        lake.write_sources(sources, 1)
        node.apply(lake.manifests())
        lake.write_sources(sources, 2)
        node.cli("run", "lake.facts")
        yield node


@pytest.fixture(scope="module")
def pg(node):
    """One session for all, reopened when the server ends it."""
    session = Session(node)
    yield session
    session.close()


class Session:
    def __init__(self, node):
        self.node, self.raw = node, None

    def close(self):
        if self.raw:
            self.raw.close()
        self.raw = None

    def ask(self, how):
        self.raw = self.raw or self.node.raw("eve", PASSWORD)
        try:
            return how(self.raw)
        except Exception:
            self.close()
            raise


def one(sql):
    return sql.strip().rstrip(";")


# A door: (session, statement) -> messages of the answer.
PG_DOORS = {
    "simple": lambda raw, sql: raw.simple(sql),
    "extended": lambda raw, sql: raw.extended(sql),
    "binary": lambda raw, sql: raw.extended(sql, result_format=1),
    "copy": lambda raw, sql: raw.simple(f"COPY ({one(sql)}) TO STDOUT"),
    "cursor": lambda raw, sql: raw.simple("BEGIN") + raw.simple(f"DECLARE c CURSOR FOR {one(sql)}") + raw.simple("FETCH ALL FROM c") + raw.simple("ROLLBACK"),
    "prepare": lambda raw, sql: raw.simple(f"PREPARE p AS {one(sql)}") + raw.simple("EXECUTE p") + raw.simple("DEALLOCATE ALL"),
    "explain": lambda raw, sql: raw.simple(f"EXPLAIN {one(sql)}"),
}


def is_clean(attack, data):
    found = CANARY.search(data)
    # A name that the attack itself wrote may come back in an error text.
    if found and found[0].lower() not in attack.sql.lower().encode():
        pytest.fail(f"{attack.name}: {attack.sql}\n{data[max(0, found.start() - 200):found.end() + 200]!r}")


@pytest.mark.parametrize("door", PG_DOORS)
def test_postgresql(pg, door):
    answered = []
    for attack in ATTACKS:
        messages = pg.ask(lambda raw: PG_DOORS[door](raw, attack.sql))
        is_clean(attack, b"".join(kind + payload for kind, payload in messages))
        if attack.refused and not error_fields(messages):
            answered.append(attack.sql)
        if attack.blind and door in ("simple", "extended"):
            values = {value for row in rows_of(messages) for value in row}
            if not values <= NOTHING:
                answered.append(f"{attack.sql} -> {values}")
    assert not answered, "\n".join(answered)


ACCEPTS = ["application/json", "application/x-ndjson", "text/csv", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"]


class Http:
    """eve's connection, kept open and opened anew when the server closed it."""

    def __init__(self, node):
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        self.port = node.settings["http.port"]
        self.sign_in = "Basic " + base64.b64encode(f"eve:{PASSWORD}".encode()).decode()
        self.connection = None

    def ask(self, sql, accept):
        """(status, headers and body)"""
        for _ in range(2):
            try:
                self.connection = self.connection or http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=120)
                self.connection.request("POST", "/api/v1/query", json.dumps({"sql": sql}),
                                        {"Content-Type": "application/json", "Accept": accept, "Authorization": self.sign_in})
                answer = self.connection.getresponse()
                return answer.status, str(answer.headers).encode() + answer.read()
            except (http.client.RemoteDisconnected, ConnectionResetError):
                self.connection = None
        raise AssertionError(f"the server closed the connection twice: {sql}")


@pytest.mark.parametrize("accept", ACCEPTS)
def test_http(node, accept):
    client = Http(node)
    answered = []
    for attack in ATTACKS:
        status, data = client.ask(attack.sql, accept)
        is_clean(attack, data)
        if attack.refused and status < 400:
            answered.append(attack.sql)
    assert not answered, "\n".join(answered)


def test_a_hidden_table_looks_like_none(pg):
    """The same fields, apart from the name, for what is hidden and what does not exist."""
    for shape in ("SELECT * FROM {}.gold", "SELECT count(*) FROM {}.gold WHERE id = 1", "DESCRIBE {}.gold", "SELECT '{}.gold'::regclass", "COPY {}.gold TO STDOUT",
                  "SELECT id FROM {}.gold AT (VERSION => 1)", "EXPLAIN SELECT * FROM {}.gold", "SELECT nosuch FROM {}.gold"):
        hidden = error_fields(pg.ask(lambda raw: raw.simple(shape.format("vault"))))
        absent = error_fields(pg.ask(lambda raw: raw.simple(shape.format("vaulx"))))
        assert hidden and absent, shape
        assert {k: v.replace("vault", "vaulx") for k, v in hidden.items()} == absent, shape


def test_what_is_allowed_is_answered(pg):
    """The attacks fail for their own reasons, not because nothing works."""
    rows = rows_of(pg.ask(lambda raw: raw.simple("SELECT count(*), count(DISTINCT region), max(delta), count(email), count(card) FROM lake.facts")))
    assert [int(v) for v in rows[0]] == [lake.ROWS * 4 // 5, 2, 99, lake.ROWS * 4 // 5, lake.ROWS * 4 // 5]
    rows = rows_of(pg.ask(lambda raw: raw.simple("SELECT DISTINCT regexp_replace(email, '\\*+', '*') FROM lake.facts")))
    assert rows == [["*@example.org"]]


def test_nothing_in_the_log(node):
    assert not CANARY.search(node.log().encode()), "the server's log holds data"
