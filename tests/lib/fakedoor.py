"""The PostgreSQL door alone, over a fake node (src/server/fake-node.h says what it answers): for protocol tests."""
import os
import pathlib
import subprocess

import psycopg

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", ROOT / "build"))


class Door:
    def __init__(self, *args):
        self.process = subprocess.Popen([BUILD / "src/server/fake-node", *args], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def dsn(self, **more):
        return psycopg.conninfo.make_conninfo(host="127.0.0.1", port=self.port, user="alice", password="secret",
                                              dbname="shop", connect_timeout=5, **more)

    def resident_kb(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1])

    def stop(self):
        """Fails when a query or a model was left open."""
        _, text = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, text
