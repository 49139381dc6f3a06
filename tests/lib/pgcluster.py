"""A private PostgreSQL server as a source for tests, and a relay that stands between it and its reader."""
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import psycopg

from .node import free_port

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/pg-private.sh"
PASSWORD = "s3cret-canary"


class Cluster:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-pg-"))
        self.folder.chmod(0o755)  # the server runs as another user
        self.port = free_port()
        self.start()

    def start(self):
        (self.folder / "pw").write_text(PASSWORD)
        subprocess.run([SCRIPT, "start", self.folder / "pg", str(self.port), self.folder / "pw"], check=True, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        subprocess.run([SCRIPT, "stop", self.folder / "pg"], timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, dbname="postgres", **more):
        return psycopg.connect(host="127.0.0.1", port=self.port, user="shop", password=PASSWORD, dbname=dbname, autocommit=True, **more)

    def run(self, *statements, dbname="postgres"):
        with self.connect(dbname) as connection:
            for statement in statements:
                connection.execute(statement)

    def value(self, statement, *values):
        with self.connect() as connection:
            return connection.execute(statement, values or None).fetchone()[0]

    def source(self, object_=None, query=None, password=PASSWORD, **settings):
        return {"connector": "postgres", "object": object_, "query": query, "secrets": {"password": password},
                "settings": {"host": "127.0.0.1", "port": str(self.port), "database": "postgres", "user": "shop", **settings}}

    def readers(self):
        """How many of our connections the server has."""
        return self.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weft'")


class Relay:
    """Passes bytes between a reader and a server. hold: what the server says is kept until it is silent for so many
    seconds, and passed on at once. cut_after: bytes of the server after which the line is cut."""

    def __init__(self, port, hold=None, cut_after=None):
        self.target, self.hold, self.cut_after = port, hold, cut_after
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    @staticmethod
    def _close(*sockets):
        for sock in sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _forward(self, client, server):
        try:
            while data := client.recv(65536):
                server.sendall(data)
        except OSError:
            pass
        self._close(server, client)

    def _answer(self, server, client):
        passed = 0
        try:
            while data := server.recv(65536):
                if self.hold:
                    time.sleep(self.hold)
                    server.setblocking(False)
                    try:
                        while more := server.recv(65536):
                            data += more
                    except BlockingIOError:
                        pass
                    server.setblocking(True)
                passed += len(data)
                if self.cut_after is not None and passed > self.cut_after:
                    break
                client.sendall(data)
        except OSError:
            pass
        self._close(server, client)
