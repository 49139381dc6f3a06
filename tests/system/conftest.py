"""Fixtures of the system tests: a real node over a small mesh, and helpers that every test may use. Nothing is left
behind: the node ends with its fixture, the folder is pytest's."""
import pathlib
import signal
import sys
import threading
import time

import psycopg
import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from lib import smallmesh  # noqa: E402
from lib.pgcluster import Cluster  # noqa: E402
from lib.node import BUILD, Node, stop_all  # noqa: E402

# Who runs the tests in the background may ignore Ctrl-C, and every program that a test starts would do so, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

PASSWORD = "pw-" + "x" * 12


def connect(node, user, **options):
    """A psycopg session that commits by itself and keeps its notices in .notices_seen."""
    settings = " ".join(f"-c {k.replace('__', '.')}={v}" for k, v in options.items())
    session = psycopg.connect(node.dsn(user, PASSWORD), autocommit=True, options=settings or None)
    session.notices_seen = []
    session.add_notice_handler(lambda diag: session.notices_seen.append(diag.message_primary))
    return session


def query(node, user, sql, **options):
    with connect(node, user, **options) as session:
        return session.execute(sql).fetchall()


def wait_for(what, seconds=10):
    """The first true answer of what(), or an assertion."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = what()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for nothing: {what}")


def in_background(work):
    outcome = {}

    def run():
        try:
            outcome["value"] = work()
        except psycopg.Error as error:
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, outcome


def open_lab(folder, config=None):
    node = Node(folder, config)
    node._database = "lab"
    return smallmesh.open_node(node)


@pytest.fixture(scope="session", autouse=True)
def no_node_is_left():
    yield
    stop_all()


@pytest.fixture(autouse=True)
def sanitizer_reports():
    """A build with sanitizers writes what it finds into this folder (src/base/measure.c); scripts/test.sh looks there in the end, too."""
    folder = BUILD / "sanitizer"
    before = set(folder.glob("*"))
    yield
    new = sorted(set(folder.glob("*")) - before)
    assert not new, "\n".join(path.read_text(errors="replace")[:5000] for path in new)


@pytest.fixture
def lab(tmp_path):
    """A node of its own for tests that break or change something."""
    node = open_lab(tmp_path / "lab")
    yield node
    node.stop()


@pytest.fixture(scope="session")
def cluster():
    """A private PostgreSQL to compare with."""
    server = Cluster()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory):
    """One node for the tests of a module that only read."""
    node = open_lab(tmp_path_factory.mktemp("lab"))
    yield node
    node.stop()
