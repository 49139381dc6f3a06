"""The PostgreSQL door against malformed, hostile and unusual clients, byte by byte, over a fake node: no worker
is needed. Every case ends with a clean answer or a closed connection, and the door still serves afterwards."""
import pathlib
import socket
import sys
import ssl
import struct
import subprocess
import time

import psycopg
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib.fakedoor import Door  # noqa: E402
from lib.node import SANITIZED  # noqa: E402

@pytest.fixture(scope="module")
def door():
    door = Door()
    yield door
    door.stop()


@pytest.fixture(scope="module")
def tls_door(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    door = Door(folder / "cert.pem", folder / "key.pem")
    door.cert = folder / "cert.pem"
    yield door
    door.stop()


def message(kind, body=b""):
    return kind + struct.pack(">i", len(body) + 4) + body


def startup(body):
    return struct.pack(">i", len(body) + 4) + body


SESSION = startup(b"\0\3\0\0user\0alice\0database\0shop\0\0")
SSL_REQUEST = startup(struct.pack(">i", 80877103))
GSS_REQUEST = startup(struct.pack(">i", 80877104))


def raw(door):
    return socket.create_connection(("127.0.0.1", door.port), timeout=5)


def drain(sock):
    """Everything until the other side closes."""
    data = b""
    try:
        while chunk := sock.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def half_close(sock):
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the door was faster


def still_serves(door):
    with psycopg.connect(door.dsn()) as conn:
        assert conn.execute("select rows 1").fetchone() == (1, "name 1")


def token_session(door):
    """A signed-in raw socket: the token user needs no SCRAM."""
    sock = raw(door)
    sock.sendall(startup(b"\0\3\0\0user\0token\0database\0shop\0\0"))
    assert sock.recv(9) == message(b"R", struct.pack(">i", 3))
    sock.sendall(message(b"p", b"weft_good\0"))
    replies = read_until_ready(sock)
    assert [kind for kind, _ in replies][-2:] == [b"K", b"Z"]
    return sock


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        chunk = sock.recv(count - len(data))
        if not chunk:
            raise EOFError(data)
        data += chunk
    return data


def read_message(sock):
    kind, length = struct.unpack(">ci", read_exactly(sock, 5))
    return kind, read_exactly(sock, length - 4)


def read_until_ready(sock):
    replies = []
    while not replies or replies[-1][0] != b"Z":
        replies.append(read_message(sock))
    return replies


def fields(body):
    return {part[:1]: part[1:] for part in body.rstrip(b"\0").split(b"\0")}


def errors(replies):
    return [fields(body)[b"C"].decode() for kind, body in replies if kind == b"E"]


FIRST_BYTES = {
    "nothing": b"",
    "one byte": b"\0",
    "length zero": struct.pack(">i", 0),
    "length four": struct.pack(">i", 4),
    "negative length": struct.pack(">i", -1),
    "length 2^31-1": struct.pack(">I", 0x7FFFFFFF),
    "too long by one": struct.pack(">i", 10001) + b"\0\3\0\0" + b"x" * 9993,
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls without asking": bytes.fromhex("16030100c8010000c40303") + b"\0" * 40,
    "protocol 2": startup(b"\0\2\0\0" + b"\0" * 288),
    "protocol 4": startup(b"\0\4\0\0user\0alice\0\0"),
    "no end": startup(b"\0\3\0\0user\0alice\0"),
    "no user": startup(b"\0\3\0\0database\0shop\0\0"),
    "empty user": startup(b"\0\3\0\0user\0\0\0"),
    "not utf-8": startup(b"\0\3\0\0user\0\xff\xfe\0\0"),
    "many parameters": startup(b"\0\3\0\0user\0alice\0" + b"".join(b"p%d\0v\0" % i for i in range(200)) + b"\0"),
    "bytes after SSLRequest": SSL_REQUEST + SESSION,
    "SSLRequest with a body": startup(struct.pack(">i", 80877103) + b"x"),
    "GSSRequest then nothing": GSS_REQUEST,
    "bytes after GSSRequest": GSS_REQUEST + SESSION,
    "cancel of nobody": startup(struct.pack(">iii", 80877102, 1, 2)),
    "cancel too short": startup(struct.pack(">ii", 80877102, 1)),
    "cancel too long": startup(struct.pack(">ii", 80877102, 1) + b"k" * 300),
    "query before sign-in": SESSION + message(b"Q", b"select 1\0"),
    "md5 answer": SESSION + message(b"p", b"md5abc\0"),
    "huge answer": SESSION + b"p" + struct.pack(">i", 100000),
    "negative answer": SESSION + b"p" + struct.pack(">i", -5),
    "unknown mechanism": SESSION + message(b"p", b"PLAIN\0" + struct.pack(">i", 3) + b"n,,"),
    "plus without tls": SESSION + message(b"p", b"SCRAM-SHA-256-PLUS\0" + struct.pack(">i", 3) + b"n,,"),
    "cut scram": SESSION + message(b"p", b"SCRAM-SHA-256\0" + struct.pack(">i", 30) + b"n,,"),
    "empty scram": SESSION + message(b"p", b"SCRAM-SHA-256\0" + struct.pack(">i", -1)),
    "final first": SESSION + message(b"p", b"SCRAM-SHA-256\0" + struct.pack(">i", 6) + b"c=biws"),
    "terminate": SESSION + message(b"X"),
}


@pytest.mark.parametrize("name", FIRST_BYTES)
def test_bad_beginnings(door, name):
    with raw(door) as sock:
        sock.sendall(FIRST_BYTES[name])
        half_close(sock)
        data = drain(sock)
    assert b"R\0\0\0\x08\0\0\0\0" not in data, "signed in"
    still_serves(door)


def test_bytes_after_ssl_request_are_refused_with_tls(tls_door):
    with raw(tls_door) as sock:
        sock.sendall(SSL_REQUEST + SESSION)
        data = drain(sock)
    assert data[:1] == b"E" and b"08P01" in data


def test_tls_and_channel_binding(tls_door):
    for binding in ("disable", "require"):
        with psycopg.connect(tls_door.dsn(sslmode="require", channel_binding=binding)) as conn:
            assert conn.pgconn.ssl_in_use
            assert conn.execute("show ssl").fetchone() == ("on",)
    with psycopg.connect(tls_door.dsn(sslmode="verify-ca", sslrootcert=tls_door.cert)) as conn:
        assert len(conn.execute("select rows 50000").fetchall()) == 50000


def test_tls_twice(tls_door):
    with raw(tls_door) as sock:
        sock.sendall(SSL_REQUEST)
        assert sock.recv(1) == b"S"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with context.wrap_socket(sock) as tls:
            tls.sendall(SSL_REQUEST)
            assert drain(tls) == b""


def test_negotiates_version_and_options(door):
    with raw(door) as sock:
        sock.sendall(startup(b"\0\3\0\x09user\0alice\0_pq_.later\0x\0database\0shop\0\0"))
        kind, body = read_message(sock)
        assert (kind, body) == (b"v", struct.pack(">ii", 0x30002, 1) + b"_pq_.later\0")
        assert read_message(sock)[0] == b"R"


def test_long_cancel_key_of_protocol_3_2(door):
    with raw(door) as sock:
        sock.sendall(startup(b"\0\3\0\2user\0token\0\0"))
        assert read_message(sock)[0] == b"R"
        sock.sendall(message(b"p", b"weft_good\0"))
        keys = [body for kind, body in read_until_ready(sock) if kind == b"K"]
        assert len(keys[0]) == 4 + 32
        sock.sendall(message(b"Q", b"select rows 1 slow\0"))
        time.sleep(0.1)
        wrong = keys[0][:-1] + bytes([keys[0][-1] ^ 1])
        for key in (wrong, keys[0][:8]):
            with raw(door) as other:
                other.sendall(startup(struct.pack(">i", 80877102) + key))
                assert drain(other) == b""
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sock.recv(1, socket.MSG_PEEK) and read_until_error(sock)
        sock.settimeout(5)
        with raw(door) as other:
            other.sendall(startup(struct.pack(">i", 80877102) + keys[0]))
            drain(other)
        assert errors(read_until_ready(sock)) == ["57014"]


def read_until_error(sock):
    while read_message(sock)[0] != b"E":
        pass


def test_sign_in_must_end_in_time(door):
    began = time.monotonic()
    with raw(door) as sock:
        sock.sendall(SESSION)
        while time.monotonic() - began < 5:
            time.sleep(0.3)
            try:
                sock.sendall(b"p")  # a byte at a time does not buy more time
            except OSError:
                break
            sock.setblocking(False)
            try:
                while sock.recv(4096):
                    pass
                break
            except BlockingIOError:
                pass
            except ConnectionResetError:
                break
            sock.setblocking(True)
    assert time.monotonic() - began < 3
    still_serves(door)


PARSE = message(b"P", b"\0select rows 3\0\0\0")
BIND = message(b"B", b"\0\0\0\0\0\0\0\0")
EXECUTE = message(b"E", b"\0\0\0\0\0")
DESCRIBE = message(b"D", b"P\0")
SYNC = message(b"S")

# messages after sign-in -> the SQLSTATEs of the answers, in order; the session goes on
RECOVERABLE = {
    "execute nothing": (EXECUTE, ["34000"]),
    "bind nothing": (message(b"B", b"\0nix\0\0\0\0\0\0\0"), ["26000"]),
    "describe nothing": (message(b"D", b"Snix\0"), ["26000"]),
    "describe neither": (message(b"D", b"Xnix\0"), ["08P01"]),
    "close nothing": (message(b"C", b"Snix\0"), []),
    "short parse": (message(b"P", b"\0select 1"), ["08P01"]),
    "many oids": (message(b"P", b"\0select 1\0\xff\xff"), ["08P01"]),
    "parse two": (message(b"P", b"\0select 1; select 2\0\0\0"), ["42601"]),
    "parse writes": (message(b"P", b"\0delete from x\0\0\0"), ["25006"]),
    "bind with format 9": (PARSE + message(b"B", b"\0\0\0\1\0\x09\0\0\0\0"), ["22023"]),
    "bind with a parameter too many": (PARSE + message(b"B", b"\0\0\0\0\0\1\0\0\0\1x\0\0"), ["08P01"]),
    "bind with a negative length": (PARSE + message(b"B", b"\0\0\0\0\0\1\x80\0\0\0\0\0"), ["08P01"]),
    "bind with three formats for two columns":
        (PARSE + message(b"B", b"\0\0\0\0\0\0\0\3\0\0\0\0\0\0"), ["08P01"]),
    "execute with a short body": (PARSE + BIND + message(b"E", b"\0\0"), ["08P01"]),
    "skips to sync": (message(b"E", b"nix\0\0\0\0\0") + PARSE + BIND + EXECUTE, ["34000"]),
    "function call": (message(b"F", b"\0\0\0\1\0\0\0\0\0\0"), ["0A000"]),
    "copy data out of place": (message(b"d", b"x") + message(b"c") + message(b"f", b"\0"), []),
    "query without its end": (message(b"Q", b"select 1"), ["08P01"]),
    "query with bytes after its end": (message(b"Q", b"select 1\0x\0"), ["08P01"]),
    "query not utf-8": (message(b"Q", b"select '\xff'\0"), ["22021"]),
    "flush and flush": (message(b"H") + message(b"H"), []),
    "execute explain twice": (message(b"P", b"\0explain select rows 1\0\0\0") + BIND + EXECUTE + EXECUTE, ["55000"]),
    "execute copy twice": (message(b"P", b"\0copy (select rows 1) to stdout\0\0\0") + BIND + EXECUTE + EXECUTE,
                           ["55000"]),
}


@pytest.mark.parametrize("name", RECOVERABLE)
def test_recovers_at_sync(door, name):
    sent, states = RECOVERABLE[name]
    with token_session(door) as sock:
        sock.sendall(sent + SYNC + message(b"Q", b"select rows 2\0"))
        seen = []
        replies = []
        while replies.count(b"C") == 0 or seen[-1][0] != b"Z" or b"SELECT 2\0" not in [b for _, b in seen]:
            seen.append(read_message(sock))
            replies.append(seen[-1][0])
        assert errors(seen) == states
        assert (b"C", b"SELECT 2\0") in seen


FATAL = {
    "unknown type": message(b"z", b""),
    "length zero": b"Q" + struct.pack(">i", 0),
    "length three": b"Q" + struct.pack(">i", 3),
    "negative length": b"Q" + struct.pack(">i", -1),
    "longer than allowed": b"Q" + struct.pack(">i", (1 << 20) + 5),
    "length 2^31-1": b"P" + struct.pack(">i", 0x7FFFFFFF),
    "NUL type": b"\0" + struct.pack(">i", 4),
}


@pytest.mark.parametrize("name", FATAL)
def test_fatal(door, name):
    with token_session(door) as sock:
        sock.sendall(FATAL[name])
        assert b"08P01" in drain(sock)
    still_serves(door)


@pytest.mark.parametrize("cut", [1, 4, 5, 9, 30])
def test_closes_in_the_middle_of_a_message(door, cut):
    with token_session(door) as sock:
        sock.sendall((PARSE + BIND + EXECUTE)[:-cut])
        half_close(sock)
        drain(sock)
    still_serves(door)


def test_byte_by_byte(door):
    with token_session(door) as sock:
        for byte in PARSE + BIND + DESCRIBE + EXECUTE + SYNC:
            sock.sendall(bytes([byte]))
        kinds = [kind for kind, _ in read_until_ready(sock)]
        assert kinds == [b"1", b"2", b"T", b"D", b"D", b"D", b"C", b"Z"]


def test_row_limits_and_suspended_portals(door):
    with token_session(door) as sock:
        sock.sendall(message(b"Q", b"begin\0"))
        read_until_ready(sock)
        limited = message(b"E", b"p\0" + struct.pack(">i", 2))
        sock.sendall(PARSE + message(b"B", b"p\0\0\0\0\0\0\0\0") + limited + limited + limited + SYNC)
        kinds = b"".join(kind for kind, _ in read_until_ready(sock))
        assert kinds == b"12DDsDCCZ"
        sock.sendall(message(b"E", b"p\0\0\0\0\0") + SYNC)
        assert b"".join(kind for kind, _ in read_until_ready(sock)) == b"CZ"
        sock.sendall(message(b"Q", b"commit\0"))
        read_until_ready(sock)
        sock.sendall(message(b"E", b"p\0\0\0\0\0") + SYNC)
        assert errors(read_until_ready(sock)) == ["34000"]


def test_65535_parameters(door):
    with token_session(door) as sock:
        values = b"\0\0\0\1x" * 65535
        sock.sendall(PARSE + message(b"B", b"\0\0\0\0\xff\xff" + values + b"\0\0") + SYNC)
        assert errors(read_until_ready(sock)) == ["08P01"]


def test_limits_of_prepared_statements_and_portals(door):
    with token_session(door) as sock:
        for i in range(2001):
            sock.sendall(message(b"P", b"s%d\0select rows 1\0\0\0" % i))
        sock.sendall(SYNC)
        assert errors(read_until_ready(sock)) == ["53400"]
        sock.sendall(message(b"Q", b"deallocate all; begin\0"))
        read_until_ready(sock)
        for i in range(101):
            sock.sendall(PARSE + message(b"B", b"p%d\0\0\0\0\0\0\0\0" % i))
        sock.sendall(SYNC)
        assert errors(read_until_ready(sock)) == ["53400"]


def test_large_pipeline_is_answered_in_order(door):
    with psycopg.connect(door.dsn(), autocommit=True) as conn, conn.pipeline():
        cursors = [conn.execute(f"select rows {i % 7 + 1}") for i in range(3000)]
        for i, cursor in enumerate(cursors):
            assert len(cursor.fetchall()) == i % 7 + 1


def test_client_that_reads_nothing_is_not_served_for_ever(door):
    socks = [token_session(door) for _ in range(4)]
    for sock in socks:
        sock.sendall(message(b"Q", b"select rows 3000000\0"))
    time.sleep(0.3)
    still_serves(door)
    for sock in socks:
        sock.close()
    still_serves(door)


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's memory is not ours")
def test_memory_of_idle_sessions(door):
    still_serves(door)
    before = door.resident_kb()
    socks = [token_session(door) for _ in range(80)]
    each = (door.resident_kb() - before) / len(socks)
    for sock in socks:
        sock.close()
    # stack pages that were touched are in here as well
    assert each < 64, f"{each} KB"
