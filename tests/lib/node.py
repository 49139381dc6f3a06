"""A real node for tests and benchmarks: `weft init`, `weft serve` on free ports in a folder of its own, users, manifests.

Nothing is left behind: stop() ends the server, and the folder belongs to the caller (a temporary one). Everything that
clients of this class receive can be searched for canaries with `node.received`.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

from .pgraw import Raw

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", ROOT / "build"))
SANITIZED = (BUILD / "sanitizer").is_dir()  # memory is then not ours, limits of it are off, and all is slow


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Failed(Exception):
    """A command ended with another status than asked for."""


RUNNING = set()  # of this process: what a failing set-up leaves is ended by stop_all


def stop_all():
    for node in list(RUNNING):
        node.stop()


class Node:
    def __init__(self, folder, config=None, env=None, programs=BUILD):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "node"
        self.weft = programs / "weft"
        self.env = {**{k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}, "XDG_CONFIG_HOME": str(self.folder / "xdg"), **(env or {})}
        self.settings = {"pg.port": free_port(), "http.port": free_port(), **(config or {})}
        self.process = None
        self.ready_ms = None
        self.database_name = "weft"
        if not self.data.exists():  # else the node of somebody else's run
            self.cli("init", str(self.data))

    # the command line
    def cli(self, *args, status=0, text=None, env=None):
        """Runs weft; returns its standard output. status None takes any."""
        done = subprocess.run([str(self.weft), "--data", str(self.data), *map(str, args)], input=text, text=True, capture_output=True,
                              env={**self.env, **(env or {})}, timeout=600)
        self.last = done
        if status is not None and done.returncode != status:
            raise Failed(f"weft {' '.join(map(str, args))}: status {done.returncode}, wanted {status}\n{done.stdout}\n{done.stderr}\n--- log\n{self.log()[-4000:]}")
        return done.stdout

    def cli_json(self, *args, status=0, **more):
        return json.loads(self.cli(*args, "-o", "json", status=status, **more))

    # the server
    def start(self, extra_env=None):
        worker = os.environ.get("WEFT_WORKER")  # where the one of the build cannot run
        flags = ["--worker", worker] if worker else []
        flags += [f for name, value in self.settings.items() for f in ("--set", f"{name}={value}")]
        out = open(self.folder / "serve.log", "ab")
        begin = time.monotonic()
        self.process = subprocess.Popen([str(self.weft), "--data", str(self.data), "serve", *flags], stdout=out, stderr=out,
                                        env={**self.env, **(extra_env or {})}, start_new_session=True)
        RUNNING.add(self)
        out.close()
        while True:
            if self.process.poll() is not None:
                raise Failed(f"weft serve ended with {self.process.returncode}\n{self.log()[-4000:]}")
            try:
                with socket.create_connection(("127.0.0.1", self.settings["pg.port"]), timeout=1):
                    pass
                with socket.socket(socket.AF_UNIX) as control:  # the doors open one after the other
                    control.connect(str(self.data / "run/weft.sock"))
                break
            except OSError:
                if time.monotonic() - begin > 30:
                    self.stop()
                    raise Failed(f"weft serve is not ready after 30 s\n{self.log()[-4000:]}") from None
                time.sleep(0.002)
        self.ready_ms = (time.monotonic() - begin) * 1000
        return self

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.process = None
        RUNNING.discard(self)

    def kill(self):
        """As power loss for processes: the server and all it started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def __enter__(self):
        return self.start() if self.process is None else self

    def __exit__(self, *_):
        self.stop()

    def log(self):
        path = self.folder / "serve.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def rss_bytes(self):
        if SANITIZED:
            import pytest

            pytest.skip("a sanitizer's memory is not ours")
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024

    # accounts and manifests
    def add_user(self, name, password="pw-" + "x" * 12, groups=(), attributes=None, admin=False):
        args = ["user", "add", name, "--password-file", "-"]
        for group in groups:
            args += ["--group", group]
        for key, values in (attributes or {}).items():
            args += ["--attribute", f"{key}={','.join(map(str, values if isinstance(values, (list, tuple)) else [values]))}"]
        if admin:
            args.append("--admin")
        self.cli(*args, text=password + "\n")
        return name

    def token(self, user, scope="query,read"):
        path = self.folder / f"{user}-{scope.replace(',', '-')}.token"
        self.cli("token", "create", "--user", user, "--scope", scope, "--token-out", path)
        return path.read_text().strip()

    def write(self, files, folder="mesh"):
        """Writes {path: text} as the whole of a manifest folder."""
        base = self.folder / folder
        for path, text in files.items():
            target = base / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return base

    def apply(self, files=None, folder="mesh", status=0, flags=("--yes",)):
        """Applies {path: text} (or a folder that is there) and waits for its runs."""
        base = self.write(files, folder) if files else pathlib.Path(folder)
        named = re.search(r"name:\s*([\w-]+)", (base / "mesh.yaml").read_text())
        self.database_name = named[1] if named else self.database_name
        return self.cli("apply", "-f", base, *flags, status=status)

    # clients
    def raw(self, user, password="pw-" + "x" * 12, options=None, **more):
        return Raw("127.0.0.1", self.settings["pg.port"], user, password, database=self.database(), options=options, **more)

    def database(self):
        """The mesh's name: sessions may ask for this one only."""
        return self.database_name

    def dsn(self, user, password="pw-" + "x" * 12):
        return f"host=127.0.0.1 port={self.settings['pg.port']} user={user} password={password} dbname={self.database()}"

    def url(self, path=""):
        return f"https://127.0.0.1:{self.settings['http.port']}{path}"


def strip_colour(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
