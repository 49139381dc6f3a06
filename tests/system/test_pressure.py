"""The node under pressure: many clients, no descriptors, a full disk, orderly and disorderly ends."""
import contextlib
import os
import pathlib
import resource
import signal
import subprocess
import time

import psycopg
import pytest
from conftest import connect, in_background, query, wait_for
from lib import smallmesh
from lib.node import SANITIZED, Failed, Node

SLOW = "select sum(a.id * b.id % 7) from lab.people a, lab.people b, lab.people c, lab.people d"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with smallmesh.open_node(Node(tmp_path_factory.mktemp("many"), {"pg.max_connections": 200, "pg.max_connections_per_address": 200, "server.drain": "3s"})) as running:
        yield running


def of_session(sid):
    """Processes of the node's session, whoever is their parent now."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, rest = stat.read_text().split(" (", 1)
            fields = rest.rsplit(") ", 1)[1].split()
            if int(fields[3]) == sid and fields[0] != "Z":
                found.append(int(pid))
    return found


def test_two_hundred_sessions_at_once(node):
    before = node.rss_bytes()
    sessions = [connect(node, "eve") for _ in range(200)]
    try:
        use_all(node, sessions, before)
    finally:
        for session in sessions:
            session.close()
    assert wait_for(lambda: query(node, "eve", "select 1") == [(1,)])


def use_all(node, sessions, before):
    with pytest.raises(psycopg.OperationalError, match="too many clients"):
        connect(node, "eve")
    threads = [in_background(lambda s=s: s.execute("select count(*) from lab.people").fetchall()) for s in sessions]
    for thread, _ in threads:
        thread.join(60)
    assert [o.get("value") for _, o in threads] == [[(1000,)]] * 200, [o for _, o in threads if "value" not in o][:1]
    assert node.rss_bytes() - before < 64 << 20


def test_out_of_descriptors(node):
    """No new sessions or workers then, and all is well again afterwards."""
    pid = node.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 6, hard))
    sessions = []
    try:
        for _ in range(12):
            with contextlib.suppress(psycopg.Error):
                sessions.append(psycopg.connect(node.dsn("eve"), connect_timeout=2))
        for session in sessions:
            with contextlib.suppress(psycopg.Error):
                session.execute("select count(*) from lab.people")
        assert node.process.poll() is None
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        for session in sessions:
            session.close()
    assert wait_for(lambda: answers(node), 15)


def answers(node):
    with contextlib.suppress(psycopg.Error):
        return query(node, "eve", "select count(*) from lab.people") == [(1000,)]
    return False


def test_a_stopping_node_lets_work_end(node):
    """Within server.drain a statement ends as ever; what takes longer is cancelled; new ones are refused."""
    short, answer = in_background(lambda: query(node, "eve", "select sum(a.id * b.id % 7) from lab.people a, lab.people b, lab.people c where c.id < 40"))
    long, cut = in_background(lambda: query(node, "wendy", SLOW))
    idle = connect(node, "eve")
    wait_for(lambda: len(node.cli_json("get", "queries")) == 2)
    sid, begin = node.process.pid, time.monotonic()
    node.process.send_signal(signal.SIGTERM)
    assert node.process.wait(60) == 0
    assert time.monotonic() - begin < (40 if SANITIZED else 8)
    short.join(5)
    long.join(5)
    assert "value" in answer, answer
    assert cut["error"].sqlstate in ("57014", "57P01") or isinstance(cut["error"], psycopg.OperationalError)
    with pytest.raises(psycopg.OperationalError):
        idle.execute("select 1")
    wait_for(lambda: not of_session(sid))
    node.start()
    assert answers(node)


def test_kill_9_leaves_no_orphans(node):
    smallmesh.write_source(node, 400_000)
    node.cli("run", "lab.people", "--no-wait")
    slow, cut = in_background(lambda: query(node, "wendy", SLOW))
    wait_for(lambda: any(q["state"] == "running" for q in node.cli_json("get", "queries")))
    sid = node.process.pid
    assert len(of_session(sid)) > 2
    node.process.kill()
    node.process.wait()
    slow.join(10)
    assert "error" in cut
    wait_for(lambda: not of_session(sid), 10)
    node.start()
    wait_for(lambda: query(node, "wendy", "select count(*) from lab.people")[0][0] in (2000, 400_000))
    assert not list((node.data / "spill").glob("*/*"))
    states = {r[0] for r in query(node, "olaf", "select state from mesh.runs")}
    assert states <= {"succeeded", "failed"}, states


def test_a_full_disk_refuses_statements(tmp_path):
    """The audit cannot be written, so nothing may be read; with room again all goes on."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no right to mount")
    node = Node(disk, {"log.file": str(tmp_path / "log"), "lake.min_free": "0"})
    try:
        smallmesh.open_node(node)
        assert answers(node)
        filler = os.open(disk / "filler", os.O_CREAT | os.O_WRONLY)
        with contextlib.suppress(OSError):
            while os.write(filler, b"x" * 4096):
                pass
        os.close(filler)
        with connect(node, "eve") as session:
            for _ in range(400):
                try:
                    session.execute("select count(*) from lab.people").fetchall()
                except psycopg.Error as error:
                    refused = error
                    break
            else:
                raise AssertionError("statements run though their audit cannot be written")
            assert refused.sqlstate == "53100" and refused.diag.message_hint, refused
            with pytest.raises(psycopg.errors.DiskFull):
                session.execute("select count(*) from lab.people")
        with pytest.raises(Failed):
            node.cli("run", "lab.people")
        (disk / "filler").unlink()
        assert wait_for(lambda: answers(node))
        node.cli("run", "lab.people")
        assert node.cli("doctor", status=None)
    finally:
        node.stop()
        subprocess.run(["umount", disk], check=True)
