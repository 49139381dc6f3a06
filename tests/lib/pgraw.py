"""A PostgreSQL client of bytes: signs in by SCRAM-SHA-256 and returns exactly what the server sent.

For tests that compare every byte (twin lakes), break the protocol on purpose, or look for canaries; drivers hide
too much. One statement at a time; no TLS unless asked for.
"""
import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct


class Closed(Exception):
    """The server ended the connection."""


def message(kind, payload=b""):
    return kind + struct.pack("!i", len(payload) + 4) + payload


def cstr(text):
    return (text.encode() if isinstance(text, str) else text) + b"\0"


class Raw:
    def __init__(self, host, port, user=None, password=None, database="weft", options=None, tls=False, timeout=60):
        self.sock = socket.create_connection((host, port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        if tls:
            self.sock.sendall(struct.pack("!ii", 8, 80877103))
            assert self.sock.recv(1) == b"S"
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.sock = context.wrap_socket(self.sock)
        if user is not None:
            self.sign_in(user, password, database, options or {})

    def close(self):
        try:
            self.sock.sendall(message(b"X"))
        except OSError:
            pass
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.sock.sendall(data)

    def _fill(self, need):
        while len(self.buffer) < need:
            piece = self.sock.recv(1 << 16)
            if not piece:
                raise Closed(self.buffer)
            self.buffer += piece

    def receive(self):
        """The next message: (kind, payload)."""
        self._fill(5)
        length = struct.unpack("!i", self.buffer[1:5])[0]
        self._fill(length + 1)
        kind, payload = self.buffer[:1], self.buffer[5 : length + 1]
        self.buffer = self.buffer[length + 1 :]
        return kind, payload

    def until_ready(self):
        """All messages up to and with ReadyForQuery."""
        messages = []
        while True:
            messages.append(self.receive())
            if messages[-1][0] == b"Z":
                return messages

    def startup(self, parameters, version=196608):
        body = struct.pack("!i", version) + b"".join(cstr(k) + cstr(v) for k, v in parameters.items()) + b"\0"
        self.send(struct.pack("!i", len(body) + 4) + body)

    def sign_in(self, user, password, database, options):
        self.startup({"user": user, "database": database, **options})
        nonce = base64.b64encode(os.urandom(18)).decode()
        kind, payload = self.receive()
        assert kind == b"R", (kind, payload)
        first_bare = f"n=,r={nonce}"
        first = ("n,," + first_bare).encode()
        self.send(message(b"p", cstr("SCRAM-SHA-256") + struct.pack("!i", len(first)) + first))
        kind, payload = self.receive()
        if kind == b"E":
            raise PermissionError(payload)
        server_first = payload[4:].decode()
        fields = dict(f.split("=", 1) for f in server_first.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={fields['r']}"
        auth = f"{first_bare},{server_first},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), auth, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
        self.send(message(b"p", f"{without_proof},p={proof}".encode()))
        kind, payload = self.receive()
        if kind == b"E":
            raise PermissionError(payload)
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        expected = base64.b64encode(hmac.digest(server_key, auth, "sha256")).decode()
        assert payload[4:].decode() == f"v={expected}", "the server does not know the password"
        self.until_ready()

    def simple(self, sql):
        """The simple protocol: every byte of the answer, as messages."""
        self.send(message(b"Q", cstr(sql)))
        return self.until_ready()

    def extended(self, sql, params=(), result_format=0, describe=True, rows=0):
        """Parse, Bind, Describe, Execute, Sync with text parameters; the answer as messages."""
        bind = cstr("") + cstr("") + struct.pack("!hh", 0, len(params))
        for value in params:
            if value is None:
                bind += struct.pack("!i", -1)
            else:
                data = value if isinstance(value, bytes) else str(value).encode()
                bind += struct.pack("!i", len(data)) + data
        bind += struct.pack("!hh", 1, result_format)
        self.send(
            message(b"P", cstr("") + cstr(sql) + struct.pack("!h", 0))
            + message(b"B", bind)
            + (message(b"D", b"P" + cstr("")) if describe else b"")
            + message(b"E", cstr("") + struct.pack("!i", rows))
            + message(b"S")
        )
        return self.until_ready()


def error_fields(messages):
    """The fields of the first ErrorResponse as a dict of one-letter codes, or None."""
    for kind, payload in messages:
        if kind == b"E":
            return {f[:1].decode(): f[1:].decode() for f in payload.split(b"\0") if f}
    return None


def rows_of(messages):
    """Text values of all DataRow messages."""
    rows = []
    for kind, payload in messages:
        if kind == b"D":
            at, row = 2, []
            for _ in range(struct.unpack("!h", payload[:2])[0]):
                length = struct.unpack("!i", payload[at : at + 4])[0]
                at += 4
                row.append(None if length < 0 else payload[at : at + length].decode())
                at += max(length, 0)
            rows.append(row)
    return rows
