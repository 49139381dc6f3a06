"""The HTTP door, byte by byte: what documents say, clients that are odd, slow or hostile, ten million rows."""
import base64
import contextlib
import gzip
import io
import json
import random
import socket
import threading
import time
import zlib

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


def metric(node, name, *labels):
    """Its value in the node's metrics, by the administrator's socket."""
    text = control(node, b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").decode()
    found = [line for line in text.splitlines() if line.startswith(name) and all(label in line for label in labels)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


def control(node, sent):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(node.data / "run/weft.sock"))
        sock.sendall(sent)
        return b"".join(iter(lambda: sock.recv(1 << 16), b""))


def all_of(sock, seconds=5):
    sock.settimeout(seconds)
    got = b""
    with contextlib.suppress(OSError):
        while piece := sock.recv(1 << 16):
            got += piece
    return got


# bodies that nobody asked for

def send_slowly_big(node, head, total):
    """(answer, bytes that were taken) of a request with a body of total bytes."""
    sent = 0
    with open_socket(node) as sock:
        sock.sendall(head)
        block = b"x" * 65536
        with contextlib.suppress(OSError):
            while sent < total:
                sent += sock.send(block)
        return all_of(sock), sent


@pytest.mark.parametrize("who,status", [("", 401), ("Authorization: Bearer weft_nothing\r\n", 401), (EVE + "\r\n", 413)], ids=["nobody", "a wrong token", "too large"])
def test_a_large_body_is_not_taken(node, who, status):
    before = node.rss_bytes()
    for length in ("Content-Length: 200000000", "Expect: 100-continue\r\nContent-Length: 200000000", *(["Transfer-Encoding: chunked"] if status == 401 else [])):
        with open_socket(node) as sock:
            sock.sendall(f"POST /api/v1/query HTTP/1.1\r\nHost: x\r\n{who}Content-Type: application/json\r\n{length}\r\n\r\n".encode())
            code, headers, body = read_answer(sock.makefile("rb"))  # not one byte of the body was sent
            assert (code, headers["connection"], json.loads(body)["status"]) == (status, "close", status)
            assert headers["x-request-id"] and headers["date"] and "www-authenticate" in headers or status != 401
    _, taken = send_slowly_big(node, f"POST /api/v1/query HTTP/1.1\r\nHost: x\r\n{who}Content-Type: application/json\r\nContent-Length: 200000000\r\n\r\n".encode(), 200_000_000)
    assert taken < 16 << 20  # what lay in buffers
    assert node.rss_bytes() - before < 8 << 20 and alive(node)


def test_a_chunked_flood_ends(node):
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    sent = 0
    with open_socket(node) as sock:
        sock.sendall(f"POST /api/v1/query HTTP/1.1\r\nHost: x\r\n{EVE}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            for _ in range(200):
                sock.sendall(chunk)
                sent += len(chunk)
        answer = all_of(sock)
    assert sent < 64 << 20 and (answer == b"" or answer.startswith(b"HTTP/1.1 413 "))


def test_continue_is_said_to_who_may(node):
    body = json.dumps({"sql": "select 1 as a", "params": []}).encode()
    with open_socket(node) as sock:
        sock.sendall(f"POST /api/v1/query HTTP/1.1\r\nHost: x\r\n{EVE}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
        file = sock.makefile("rb")
        assert file.readline() == b"HTTP/1.1 100 Continue\r\n" and file.readline() == b"\r\n"
        sock.sendall(body)
        assert read_answer(file)[0] == 200


# one request, one meaning

ODD = {
    "length and chunks": "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
    "chunks and length": "POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
    "two lengths": "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 37\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
    "two equal lengths": "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 0\r\n\r\n",
    "a signed length": "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
    "a hexadecimal length": "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nhello",
    "another encoding": "POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "an encoding with a tab": "POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\tchunked\r\n\r\n0\r\n\r\n",
    "two encodings": "POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "two hosts": "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "a blank before the colon": "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello",
    "a name of blanks": "GET /healthz HTTP/1.1\r\nHost: x\r\nX Y: 5\r\n\r\n",
    "a negative chunk": "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n",
    "a huge chunk": "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "no version": "GET /healthz\r\n\r\n",
    "another version": "GET /healthz HTTP/3.7\r\nHost: x\r\n\r\n",
    "no request": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("name", ODD)
def test_a_request_with_two_meanings_is_refused(node, name):
    """A proxy may see its end elsewhere than we do: nothing behind it is served, and the connection ends."""
    with open_socket(node) as sock:
        sock.sendall(ODD[name].encode("latin-1"))
        answer = all_of(sock, 4)
    assert b"HTTP/1.1 2" not in answer and b'"status":"ok"' not in answer, answer
    assert answer == b"" or answer.split()[1] in (b"400", b"401", b"404", b"405", b"413", b"501", b"505"), answer
    assert alive(node)


@pytest.mark.parametrize("sent,status", [
    ("GET /healthz HTTP/1.1\nHost: x\n\n", 200),  # bare line feeds: RFC 9112 section 2.2 lets them be
    ("GET /healthz HTTP/1.0\r\n\r\n", 200), ("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200), ("GET /healthz?x=1&y HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    ("OPTIONS /api/v1/query HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n", 405), ("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    ("TRACE /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 405), ("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 404), ("get /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    ("GET /api/v1/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 404), ("GET /healthz/../metrics HTTP/1.1\r\nHost: x\r\n\r\n", 404), ("GET //healthz HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    ("GET /healthz%00 HTTP/1.1\r\nHost: x\r\n\r\n", 404), ("GET /api/v1/tables/lab/%00 HTTP/1.1\r\nHost: x\r\n\r\n", 404), ("GET /%2e%2e/healthz HTTP/1.1\r\nHost: x\r\n\r\n", 404), ("GET /HEALTHZ HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    (f"POST /api/v1/queries/q1/cancel HTTP/1.1\r\nHost: x\r\n{EVE}\r\nOrigin: https://evil.example\r\nContent-Length: 0\r\n\r\n", 403),
    (f"POST /api/v1/queries/q1/cancel HTTP/1.1\r\nHost: x:1\r\n{EVE}\r\nOrigin: https://x:1\r\nContent-Length: 0\r\n\r\n", 404),
], ids=range(18))
def test_odd_requests(node, sent, status):
    with open_socket(node) as sock:
        sock.sendall(sent.encode())
        code, headers, _ = read_answer(sock.makefile("rb")) if not sent.startswith("HEAD") else (int(all_of(sock, 1).split()[1]), {}, b"")
    assert code == status
    assert not [h for h in headers if h.startswith("access-control")]  # no other site's page reads an answer
    assert not headers or (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


def test_chunk_extensions_and_trailers(node):
    body = json.dumps({"sql": "select 42 as n"}).encode()
    head = f"POST /api/v1/query HTTP/1.1\r\nHost: x\r\n{EVE}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    status, _, text = ask(node, head + b"%x;name=value\r\n%s\r\n0\r\nX-Trailer: y\r\n\r\n" % (len(body), body))
    assert (status, json.loads(text)) == (200, [{"n": 42}])


def test_what_the_library_answers_is_counted(node):
    before = metric(node, "weft_http_requests_total", 'route="none"')
    with open_socket(node) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X%d: y\r\n" % i for i in range(20_000)) + b"\r\n")
        all_of(sock, 2)
    assert wait_for(lambda: metric(node, "weft_http_requests_total", 'route="none"') > before)


# slow clients

def test_a_byte_now_and_then_is_not_enough(node):
    """Slow loris, and its twin that takes its answer so: cut off although never idle."""
    cut = metric(node, "weft_sessions_cut_total", 'door="http"')
    begin = time.monotonic()
    slow_head, slow_body = open_socket(node), open_socket(node)
    slow_body.sendall(f"POST /api/v1/query HTTP/1.1\r\nHost: x\r\n{EVE}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n".encode())
    left = [slow_head, slow_body]
    while left and time.monotonic() - begin < 20:
        for sock in list(left):
            try:
                sock.sendall(b"G")
            except OSError:
                left.remove(sock)
                sock.close()
        time.sleep(0.1)
    assert not left and time.monotonic() - begin < 10
    assert wait_for(lambda: metric(node, "weft_sessions_cut_total", 'door="http"') >= cut + 2)


def test_too_many_connections_are_told_so(node):
    idle = [open_socket(node) for _ in range(40)]
    try:
        with open_socket(node) as sock:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            status, headers, body = read_answer(sock.makefile("rb"))
        assert (status, headers["retry-after"], json.loads(body)["code"]) == (503, "1", "53300")
        assert metric(node, "weft_sessions_refused_total", 'door="http"', 'reason="connections"') >= 1
    finally:
        for sock in idle:
            sock.close()
    assert wait_for(lambda: alive(node))


# packed answers

def test_answers_are_packed_for_who_takes_it(node):
    sql = {"sql": "select a.id, b.name from lab.people a, lab.people b where b.id < 200 order by a.id, b.id"}
    plain = ask(node, post_bytes(sql, "Accept: text/csv"))
    for accept, packed in (("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("gzip;q=0, *", False), ("br", False), ("", False), ("x-gzip", True)):
        status, headers, body = ask(node, post_bytes(sql, "Accept: text/csv", f"Accept-Encoding: {accept}"))
        assert (status, headers.get("content-encoding"), "Accept-Encoding" in headers["vary"]) == (200, "gzip" if packed else None, True), accept
        assert (gzip.decompress(body) if packed else body) == plain[2]
        assert not packed or len(body) * 3 < len(plain[2])
    assert "content-encoding" not in ask(node, post_bytes(sql, "Accept: application/vnd.apache.parquet", "Accept-Encoding: gzip"))[1]
    arrow = gzip.decompress(ask(node, post_bytes(sql, "Accept: application/vnd.apache.arrow.stream", "Accept-Encoding: gzip"))[2])
    assert pa.ipc.open_stream(arrow).read_all().num_rows == 100 * 1000
    status, headers, body = ask(node, f"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n".encode())
    assert headers["content-encoding"] == "gzip" and json.loads(gzip.decompress(body))["openapi"]
    assert "content-encoding" not in ask(node, b"GET /healthz HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")[1]


def test_a_packed_answer_that_breaks_off_is_no_whole_one(node):
    sql = "select cast(case when a.id = 1999 and b.id = 1999 then 'no' else '1' end as int) as y from lab.people a, lab.people b"
    with open_socket(node) as sock:
        sock.sendall(post_bytes({"sql": sql}, "Accept: text/csv", "Accept-Encoding: gzip", "Connection: close"))
        answer = all_of(sock, 30)
    assert answer.startswith(b"HTTP/1.1 400") or not answer.endswith(b"0\r\n\r\n")


def test_a_packed_stream_in_constant_memory(node):
    sql = "select a.id as n, b.id as m from lab.people a, lab.people b, (values (1), (2), (3)) v(i)"
    ask(node, post_bytes({"sql": "select 1"}))
    before, total, raw = node.rss_bytes(), 0, zlib.decompressobj(31)
    with open_socket(node) as sock:
        sock.sendall(post_bytes({"sql": sql}, "Accept: text/csv", "Accept-Encoding: gzip", "Connection: close"))
        file = sock.makefile("rb")
        while file.readline().strip():
            pass
        while size := int(file.readline(), 16):
            total += raw.decompress(file.read(size)).count(b"\n")
            file.readline()
        assert raw.eof and node.rss_bytes() - before < 8 << 20
    assert total == 3_000_001
