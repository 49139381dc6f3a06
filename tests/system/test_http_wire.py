"""The HTTP door, byte by byte: what documents say, clients that are odd, slow or hostile, ten million rows."""
import base64
import contextlib
import io
import json
import random
import socket
import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import PASSWORD, wait_for
from lib import smallmesh
from lib.node import Node

EVE = "Authorization: Basic " + base64.b64encode(f"eve:{PASSWORD}".encode()).decode()


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with smallmesh.open_node(Node(tmp_path_factory.mktemp("wire"), {"http.tls": "false", "http.timeout": "2s", "http.max_connections": 40, "query.timeout": "1min"})) as running:
        yield running


def open_socket(node):
    sock = socket.create_connection(("127.0.0.1", node.settings["http.port"]), timeout=30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def post_bytes(body, *headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = ["POST /api/v1/query HTTP/1.1", "Host: x", EVE, "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read_answer(file):
    """(status, headers, body) of the next answer on a connection."""
    status = int(file.readline().split()[1])
    headers = {}
    while (line := file.readline().strip()):
        name, value = line.decode().split(":", 1)
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(file.readline(), 16):
            body += file.read(size)
            file.readline()
        file.readline()
    else:
        body = file.read(int(headers.get("content-length", 0)))
    return status, headers, body


def ask(node, sent):
    with open_socket(node) as sock:
        sock.sendall(sent)
        return read_answer(sock.makefile("rb"))


def alive(node):
    with contextlib.suppress(OSError, IndexError):
        return ask(node, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[0] == 200


# what documents say

@pytest.mark.parametrize("accept,kind", [
    ("text/csv", "text/csv; charset=utf-8; header=present"), ("application/json;q=0.3, text/csv;q=0.9", "text/csv; charset=utf-8; header=present"),
    ("text/*;q=0.1, application/x-ndjson", "application/x-ndjson"), ("application/vnd.apache.parquet;q=0, */*", "application/json"), ("", "application/json"),
    ("TEXT/CSV", "text/csv; charset=utf-8; header=present"), ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"),
])
def test_the_form_is_chosen(node, accept, kind):
    status, headers, _ = ask(node, post_bytes({"sql": "select 1 as a"}, f"Accept: {accept}"))
    assert (status, headers["content-type"]) == (200, kind)


def test_every_form_tells_the_same(node):
    sql = "select id, name, email, region, id * 1.5 as d, date '2026-01-31' + id as day, [id, null] as l, id % 2 = 0 as even from lab.people where id < 40 order by id"
    table = pa.ipc.open_stream(ask(node, post_bytes({"sql": sql}, "Accept: application/vnd.apache.arrow.stream"))[2]).read_all()
    parquet = pq.read_table(io.BytesIO(ask(node, post_bytes({"sql": sql}, "Accept: application/vnd.apache.parquet"))[2]))
    rows = json.loads(ask(node, post_bytes({"sql": sql}, "Accept: application/json"))[2])
    lines = [json.loads(line) for line in ask(node, post_bytes({"sql": sql}, "Accept: application/x-ndjson"))[2].splitlines()]
    assert rows == lines and len(rows) == 20
    assert table.to_pylist() == parquet.to_pylist()
    assert [(r["id"], r["name"], r["region"], r["l"], r["even"], r["day"]) for r in rows] == [(r["id"], r["name"], r["region"], r["l"], r["even"], str(r["day"])) for r in table.to_pylist()]


@pytest.mark.parametrize("kind,value,text", [
    ("integer", 7, "7"), ("bigint", 2**62, str(2**62)), ("bigint", -1, "-1"), ("double", 1.5, "1.5"), ("boolean", True, "true"), ("varchar", "ä\U0001f600'\"", "ä\U0001f600'\""),
    ("date", "2026-01-31", "2026-01-31"), ("timestamp", "2026-01-31 23:59:59.5", "2026-01-31 23:59:59.5"), ("numeric(20,9)", "123456789.123456789", "123456789.123456789"), ("decimal(4,2)", "1.5", "1.50"), ("timestamp with time zone", "2026-01-31 12:00:00+02", "2026-01-31 10:00:00+00"),
    ("double precision", "1e300", "1e+300"), ("bytea", "\\x00ff", "\\x00\\xFF"), ("integer[]", "{1,2}", "[1, 2]"),
    ("uuid", "6ecd8c99-4036-403d-bf84-cf8400f67836", "6ecd8c99-4036-403d-bf84-cf8400f67836"), ("time", "12:30:00", "12:30:00"), ("smallint", 3, "3"), ("varchar", None, None),
])
def test_typed_parameters(node, kind, value, text):
    status, _, body = ask(node, post_bytes({"sql": f"select $1::{kind}::varchar as v", "params": [{"type": kind, "value": value}]}))
    assert status == 200, body
    assert json.loads(body) == [{"v": text}]


@pytest.mark.parametrize("sent,status", [
    (b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    (b"GET /api/v1/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    (b"PATCH /api/v1/query HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    (b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\n\r\n", 401),
    (post_bytes(b"{"), 400), (post_bytes(b""), 400), (post_bytes(b"null"), 400), (post_bytes(b"\xff\xfe"), 400), (post_bytes({"sql": ""}), 400),
    (post_bytes({"sql": "select 1"}, "Accept: image/png"), 406),
    (post_bytes({"sql": "select 1", "limit": 0}), 400), (post_bytes({"sql": "select 1", "limit": 1e30}), 400), (post_bytes({"sql": "select 1", "params": {"a": 1}}), 400),
    (post_bytes({"sql": "select 1", "purpose": "nothing-known"}), 400), (post_bytes({"sql": "select 1", "time_zone": "Mars/Base"}), 400),
    (post_bytes({"sql": "insert into lab.people values (1)"}), 403), (post_bytes({"sql": "select * from lab.people where no_column = 1"}), 400),
], ids=range(17))
def test_errors_are_problem_details(node, sent, status):
    answered, headers, body = ask(node, sent)
    problem = json.loads(body)
    assert (answered, headers["content-type"], problem["status"]) == (status, "application/problem+json", status), problem
    assert problem["request_id"] == headers["x-request-id"] and problem["detail"] and problem["code"]


def test_keep_alive_and_pipelining(node):
    """Ten requests in one write: ten answers, in order, on one connection."""
    with open_socket(node) as sock:
        sock.sendall(b"".join(post_bytes({"sql": f"select {i} as n"}) if i % 2 else b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" for i in range(10)))
        file = sock.makefile("rb")
        for i in range(10):
            status, _, body = read_answer(file)
            assert status == 200 and json.loads(body) == ([{"n": i}] if i % 2 else {"status": "ok"})


def test_chunked_bodies(node):
    body = json.dumps({"sql": "select 42 as n"}).encode()
    head = f"POST /api/v1/query HTTP/1.1\r\nHost: x\r\n{EVE}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    status, _, text = ask(node, head + b"".join(b"1\r\n%c\r\n" % c for c in body) + b"0\r\n\r\n")
    assert status == 200 and json.loads(text) == [{"n": 42}]


# odd, slow and hostile clients

def test_huge_headers_and_lines(node):
    for sent in (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n", b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X%d: y\r\n" % i for i in range(20_000)) + b"\r\n"):
        with open_socket(node) as sock:
            try:
                sock.sendall(sent)
                assert sock.recv(1 << 16)[:12] in (b"HTTP/1.1 413", b"HTTP/1.1 414", b"HTTP/1.1 431", b"")
            except OSError:
                pass  # cut off before it was all read
    assert alive(node)


def test_smuggling_is_refused(node):
    """Two lengths, or a length and chunks: the second reading of a body must never be another request."""
    body = b"0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    for headers in (b"Content-Length: %d\r\nTransfer-Encoding: chunked" % len(body), b"Content-Length: 5\r\nContent-Length: %d" % len(body), b"Transfer-Encoding: identity, chunked", b"Content-Length: -1", b"Content-Length: 99999999999999999999"):
        with open_socket(node) as sock:
            sock.sendall(b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n" + body)
            sock.settimeout(5)
            got = b""
            try:
                while piece := sock.recv(1 << 16):
                    got += piece
            except OSError:
                pass
            assert b"# HELP" not in got and got.count(b"HTTP/1.1 2") == 0, got[:300]
    assert alive(node)


def test_slow_loris(node):
    """Forty clients that send a byte now and then take every place, but only until http.timeout."""
    slow = [open_socket(node) for _ in range(40)]
    for sock in slow:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    begin = time.monotonic()
    assert wait_for(lambda: alive(node), 15)
    assert time.monotonic() - begin < 12
    for sock in slow:
        sock.close()


def test_mutated_requests_do_no_harm(node):
    """Bytes flipped, cut, doubled: an answer or an end, never a crash, a hang or somebody's data."""
    chance = random.Random(7)
    seeds = [post_bytes({"sql": "select id from lab.people where id = $1", "params": [1]}, "Accept: text/csv"), b"GET /api/v1/tables/lab/people?limit=3 HTTP/1.1\r\nHost: x\r\n" + EVE.encode() + b"\r\n\r\n",
             b"GET /api/v1/runs/1/log?follow=false HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /api/v1/plan HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n5\r\n{\"a\":\r\n0\r\n\r\n"]
    pid, before = node.process.pid, node.rss_bytes()

    def attack(count, chance):
        for _ in range(count):
            data = bytearray(chance.choice(seeds))
            for _ in range(chance.randint(1, 6)):
                at = chance.randrange(len(data))
                kind = chance.randrange(4)
                if kind == 0:
                    data[at] = chance.randrange(256)
                elif kind == 1:
                    del data[at : at + chance.randint(1, 9)]
                elif kind == 2:
                    data[at:at] = data[at : at + chance.randint(1, 60)]
                else:
                    data[at:at] = bytes(chance.choice([b"\r\n", b"\0", b"%", b"\xff" * 3, b"9" * 30, b"[" * 50]))
                data = data or bytearray(b"\0")
            with open_socket(node) as sock:
                sock.settimeout(0.05)
                try:
                    sock.sendall(data)
                    got = sock.recv(1 << 16)
                    assert got == b"" or got.startswith(b"HTTP/1.") and b"@example.org" not in got, got[:200]
                except OSError:
                    pass

    threads = [threading.Thread(target=attack, args=(400, random.Random(chance.random()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert node.process.pid == pid and node.process.poll() is None
    assert wait_for(lambda: alive(node), 15)
    assert node.rss_bytes() - before < 32 << 20


def test_ten_million_rows_in_constant_memory(node):
    sql = "select a.id as n, b.id as m, 'row' as t from lab.people a, lab.people b, lab.people c where c.id < 20"  # 1000 * 1000 * 10
    ask(node, post_bytes({"sql": "select 1"}))
    before, peak, done = node.rss_bytes(), [0], threading.Event()

    def watch():
        while not done.is_set():
            peak[0] = max(peak[0], node.rss_bytes())
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    lines, head = 0, True
    with open_socket(node) as sock:
        sock.sendall(post_bytes({"sql": sql}, "Accept: text/csv", "Connection: close"))
        while piece := sock.recv(1 << 20):
            if head:
                piece, head = piece.partition(b"\r\n\r\n")[2], False
            lines += piece.count(b"w")  # once in each row, in no chunk's head
    done.set()
    watcher.join()
    assert lines == 10_000_000
    assert peak[0] - before < 16 << 20, (before, peak)
