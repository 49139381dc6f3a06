"""Limits and the queue, met through psql and HTTP: what one waits for is said and seen, who asks for too much is told, nothing is held for ever."""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import signal
import ssl
import subprocess
import threading
import time

import psycopg
import pytest
from conftest import PASSWORD, connect, query, wait_for
from lib import smallmesh
from lib.node import SANITIZED, Node

SLOW = "select sum(a.id * b.id % 7) from lab.people a, lab.people b, lab.people c, lab.people d"
BIG = "select a.id * 1000000 + b.id as n, repeat('x', 200) as t from lab.people a, lab.people b"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    running = Node(tmp_path_factory.mktemp("limits"))
    for name, value in {"query.workers": 3, "query.per_principal": 2, "query.max_waiting": 3, "query.wait_timeout": "30s", "pg.max_connections_per_address": 100,
                        "pg.idle_in_transaction_timeout": "1s", "pg.write_timeout": "1s", "http.timeout": "2s"}.items():
        assert running.cli_json("config", "set", name, value) == [{"name": name, "takes_effect": "start"}]
    smallmesh.open_node(running)
    running.add_user("root", admin=True)
    yield running
    running.stop()


def post(node, sql, user="eve", path="/api/v1/query", timeout=60, **more):
    context = ssl.create_default_context(cafile=str(node.data / "keys/tls.crt"))
    connection = http.client.HTTPSConnection("127.0.0.1", node.settings["http.port"], context=context, timeout=timeout)
    headers = {"Authorization": "Basic " + base64.b64encode(f"{user}:{PASSWORD}".encode()).decode(), "Content-Type": "application/json"}
    connection.request("POST", path, json.dumps({"sql": sql, **more}) if sql else None, headers)
    answer = connection.getresponse()
    answer.body = answer.read()
    return answer


def psql(node, sql, user="eve"):
    return subprocess.run(["psql", "-X", "-v", "VERBOSITY=verbose", node.dsn(user), "-c", sql], capture_output=True, text=True, timeout=120)


def queries(node, *args):
    return node.cli_json("get", "queries", *args)


class Background:
    """A statement that runs in a thread; .error is its SQLSTATE once it ended."""

    def __init__(self, node, user, sql=SLOW):
        self.session = connect(node, user)
        self.error = self.rows = None
        self.thread = threading.Thread(target=self.run, args=(sql,))
        self.thread.start()

    def run(self, sql):
        try:
            self.rows = self.session.execute(sql).fetchall()
            self.error = ""
        except psycopg.Error as e:
            self.error = e.sqlstate or "closed"

    def end(self):
        self.session.cancel_safe()
        self.thread.join(20)
        self.session.close()
        return self.error


@pytest.fixture(autouse=True)
def leave_nothing(node):
    yield
    for one in queries(node):
        node.cli("cancel", one["query"], status=None)


@pytest.fixture
def busy(node):
    """eve at her limit of two."""
    running = [Background(node, "eve") for _ in range(2)]
    wait_for(lambda: sum(q["state"] == "running" for q in queries(node)) == 2)
    yield running
    for one in running:
        one.end()
    wait_for(lambda: not queries(node))


# the queue

def test_the_queue_is_told_and_seen(node, busy):
    waiting = Background(node, "eve", "select 7")
    mine = wait_for(lambda: [q for q in queries(node) if q["state"] == "waiting"])[0]
    assert mine["principal"] == "eve" and mine["door"] == "pg" and mine["statement"] == "select 7"
    assert mine["waiting_for"] == "waiting: 2 statements of eve run already, which is the limit"
    assert query(node, "wendy", "select count(*) from mesh.queries")[0][0] == 1  # her own only
    assert query(node, "root", "select count(*) from mesh.queries where principal = 'eve'")[0][0] == 3
    seen = query(node, "root", "select state, pid is not null, statement from mesh.queries where query = '%s'" % mine["query"])
    assert seen == [("waiting", True, "select 7")]
    assert [q["principal"] for q in queries(node, "--as", "wendy")] == []
    assert len(queries(node, "--as", "eve")) == 3
    assert wait_for(lambda: waiting.session.notices_seen) == [mine["waiting_for"]]
    assert busy[0].end() == "57014"
    waiting.thread.join(10)
    assert (waiting.rows, waiting.error) == ([(7,)], "")


def test_http_says_what_it_waited_for(node, busy):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(post(node, "select 7 as n")))
    thread.start()
    wait_for(lambda: [q for q in queries(node) if q["state"] == "waiting" and q["door"] == "http"])
    busy[0].end()
    thread.join(10)
    assert answers[0].status == 200 and answers[0].getheader("X-Weft-Queued") == "waiting: 2 statements of eve run already, which is the limit"


def test_a_full_queue_refuses(node, busy):
    waiting = [Background(node, "eve", "select 7") for _ in range(3)]
    wait_for(lambda: sum(q["state"] == "waiting" for q in queries(node)) == 3)
    done = psql(node, "select 1")
    assert "53300" in done.stderr and "3 statements wait already" in done.stderr and "HINT" in done.stderr
    answer = post(node, "select 1")
    assert (answer.status, json.loads(answer.body)["code"]) == (503, "53300")
    assert query(node, "wendy", "select 1") == [(1,)]  # others have room
    for one in waiting:
        assert one.end() == "57014"


def test_waiting_ends_in_time(node, busy):
    node.cli("config", "set", "query.wait_timeout", "1s")
    try:
        done = psql(node, "select 1")
        assert "53300" in done.stderr and "waited 1 s" in done.stderr
        assert post(node, "select 1").status == 503
    finally:
        node.cli("config", "set", "query.wait_timeout", "30s")


def test_a_raised_limit_holds_at_once(node):
    node.cli("config", "set", "query.per_principal", "1")
    first = Background(node, "eve")
    wait_for(lambda: [q for q in queries(node) if q["state"] == "running"])
    second = Background(node, "eve", "select 7")
    wait_for(lambda: [q for q in queries(node) if q["state"] == "waiting"])
    node.cli("config", "set", "query.per_principal", "2")
    second.thread.join(5)
    assert second.rows == [(7,)]
    second.session.close()
    first.end()


def test_nobody_starves(node):
    """With every place taken, the principal that runs the fewest goes first."""
    running = [Background(node, "eve"), Background(node, "eve"), Background(node, "olaf")]
    wait_for(lambda: sum(q["state"] == "running" for q in queries(node)) == 3)
    late_olaf = Background(node, "olaf", SLOW + " -- second")
    wendy = Background(node, "wendy", SLOW + " -- wendy")
    wait_for(lambda: sum(q["state"] == "waiting" for q in queries(node)) == 2)
    reasons = {q["principal"]: q["waiting_for"] for q in queries(node) if q["state"] == "waiting"}
    assert reasons["wendy"].startswith("waiting: all 3 places for statements are taken")
    running[0].end()
    assert wait_for(lambda: [q for q in queries(node) if q["principal"] == "wendy" and q["state"] == "running"])
    for one in [*running[1:], late_olaf, wendy]:
        one.end()


# ending statements

def test_cancel_by_name(node, busy):
    name = queries(node)[0]["query"]
    assert post(node, None, "wendy", f"/api/v1/queries/{name}/cancel").status == 404
    node.cli("cancel", name)
    wait_for(lambda: len(queries(node)) == 1)
    assert sorted(str(one.error) for one in busy) == ["57014", "None"]
    node.cli("cancel", name, status=3)
    node.cli("cancel", "q", status=2)


def test_cancel_and_terminate_by_pid(node, busy):
    pid = query(node, "root", "select pid from mesh.queries where principal = 'eve' limit 1")[0][0]
    assert query(node, "wendy", f"select pg_cancel_backend({pid})") == [(False,)]
    assert query(node, "root", f"select pg_cancel_backend({pid})") == [(True,)]
    wait_for(lambda: len(queries(node)) == 1)
    with connect(node, "wendy") as idle:
        own = idle.info.backend_pid
        assert query(node, "wendy", f"select pg_terminate_backend({own})") == [(True,)]
        with pytest.raises(psycopg.OperationalError):
            idle.execute("select 1")
            idle.execute("select 1")


def test_a_waiting_client_that_leaves_is_forgotten(node, busy):
    raw = node.raw("eve")
    raw.send(b"Q" + (len(b"select 7\0") + 4).to_bytes(4, "big") + b"select 7\0")
    wait_for(lambda: [q for q in queries(node) if q["state"] == "waiting"])
    raw.sock.close()
    wait_for(lambda: not [q for q in queries(node) if q["state"] == "waiting"])


# limits of one statement

def both(node, sql, code, status, text):
    done = psql(node, sql)
    assert code in done.stderr and text in done.stderr, done.stderr
    answer = post(node, sql)
    assert (answer.status, json.loads(answer.body)["code"]) == (status, code), answer.body
    assert text in json.loads(answer.body)["detail"] and json.loads(answer.body).get("hint")


def test_time(node):
    node.cli("config", "set", "query.timeout", "1s")
    try:
        begin = time.monotonic()
        both(node, SLOW, "57014", 504, "statement timeout")
        assert time.monotonic() - begin < 8
        with connect(node, "eve") as session:  # the planner computes what is constant
            begin = time.monotonic()
            with pytest.raises(psycopg.errors.QueryCanceled):
                session.execute("SELECT length(translate(repeat('ab', 900000000), 'a', 'b'))")
            assert time.monotonic() - begin < 10
        with connect(node, "eve", statement_timeout="200ms") as session, pytest.raises(psycopg.errors.QueryCanceled):
            session.execute(SLOW)
    finally:
        node.cli("config", "set", "query.timeout", "5min")


@pytest.mark.skipif(SANITIZED, reason="memory has no limit there")
def test_memory(node):
    hungry = "select list(a.id || 'x' || b.id || repeat('y', 200)) from lab.people a, lab.people b"
    node.cli("config", "set", "query.memory", "512MiB")
    try:
        both(node, hungry, "53200", 507, "memory")
        assert query(node, "eve", "select count(*) from lab.people") == [(1000,)]
    finally:
        node.cli("config", "set", "query.memory", "1536MiB")


def test_rows_and_bytes(node):
    for name, value, text in (("query.max_rows", "10", "10 rows"), ("query.max_bytes", "64KiB", "bytes")):
        node.cli("config", "set", name, value)
        try:
            both(node, BIG, "53400", 429, text)
            assert query(node, "eve", "select id from lab.people order by id limit 5") == [(1,), (3,), (5,), (7,), (9,)]
        finally:
            node.cli("config", "set", name, "0")


# clients that are slow, many, or gone

def test_a_slow_client_holds_no_worker_for_ever(node):
    raw = node.raw("eve")
    raw.send(b"Q" + (len(BIG) + 5).to_bytes(4, "big") + BIG.encode() + b"\0")
    wait_for(lambda: queries(node))
    wait_for(lambda: not queries(node), 10)  # pg.write_timeout is one second
    raw.sock.close()
    context = ssl.create_default_context(cafile=str(node.data / "keys/tls.crt"))
    connection = http.client.HTTPSConnection("127.0.0.1", node.settings["http.port"], context=context, timeout=60)
    headers = {"Authorization": "Basic " + base64.b64encode(f"eve:{PASSWORD}".encode()).decode(), "Content-Type": "application/json", "Accept": "text/csv"}
    connection.request("POST", "/api/v1/query", json.dumps({"sql": BIG}), headers)
    wait_for(lambda: queries(node))
    wait_for(lambda: not queries(node), 10)  # http.timeout is two seconds
    connection.close()


def test_idle_in_transaction_ends(node):
    with connect(node, "eve") as session:
        session.execute("begin")
        session.execute("select 1")
        time.sleep(2)
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            session.execute("select 1")


def test_a_killed_worker_costs_its_statement_only(node):
    for _ in range(3):
        slow = Background(node, "eve")
        wait_for(lambda: [q for q in queries(node) if q["state"] == "running"])
        for pid in workers(node)[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        slow.thread.join(10)
        assert slow.error == "57P02", slow.error
        assert query(node, "eve", "select count(*) from lab.people") == [(1000,)]
        slow.session.close()


def workers(node):
    """The zygote first, then the workers that it forked: those of this node's session."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, rest = stat.read_text().split(" (", 1)
            name, fields = rest.rsplit(") ", 1)
            if name.startswith("weft-worker") and int(fields.split()[3]) == node.process.pid:
                found.append(int(pid))
    return sorted(found)


def test_the_zygote_is_replaced(node):
    os.kill(workers(node)[0], signal.SIGKILL)
    for _ in range(3):
        assert query(node, "wendy", "select count(*) from lab.people") == [(2000,)]
    assert post(node, "select 1 as a").status == 200
