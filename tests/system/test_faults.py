"""What breaks costs one statement or one run, and nothing that was promised is lost."""
import os
import signal
import time

import psycopg
import pytest
from conftest import connect, in_background, query, wait_for
from lib import smallmesh
from lib.node import SANITIZED

SLOW = "SELECT count(*) FROM lab.people a, lab.people b, lab.people c WHERE a.id + b.id + c.id > -1"


def children(pid):
    """Every process below pid."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parent = int(open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == pid:
                found += [int(entry), *children(int(entry))]
    return found


def busiest(node):
    """The worker that burns the most processor time."""
    times = {}
    for pid in children(node.process.pid):
        try:
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
            times[pid] = int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return max(times, key=times.get)


def test_a_killed_worker_costs_its_statement_only(lab):
    with connect(lab, "wendy") as session:
        thread, outcome = in_background(lambda: session.execute(SLOW).fetchall())
        time.sleep(1)
        os.kill(busiest(lab), signal.SIGKILL)
        thread.join(20)
        assert outcome["error"].sqlstate == "57P02", outcome
        assert session.execute("SELECT count(*) FROM lab.people").fetchall() == [(2000,)]


def test_a_killed_zygote_is_replaced(lab):
    zygotes = [p for p in children(lab.process.pid) if b"zygote" in open(f"/proc/{p}/cmdline", "rb").read()]
    for pid in zygotes:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def answered():
        try:
            return query(lab, "eve", "SELECT count(*) FROM lab.people") == [(1000,)]
        except psycopg.errors.CrashShutdown:  # it was just being given a worker
            return False

    wait_for(answered)


def peak_bytes(pid):
    """Most address space that the process ever had; 0 when it has ended."""
    try:
        lines = open(f"/proc/{pid}/status").read().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmPeak:"))


@pytest.mark.skipif(SANITIZED, reason="memory has no limit there")
def test_a_worker_out_of_memory_is_replaced(lab):
    """Its address space may be cut up for good: the next statement must not find it."""
    with connect(lab, "wendy") as session:
        for hungry in ("SELECT len(list(range)) FROM range(400000000)", "SELECT len(repeat('x', 4000000000))"):
            with pytest.raises(psycopg.errors.OutOfMemory):
                session.execute(hungry)
            session.rollback()
            assert session.execute("SELECT count(*) FROM lab.people").fetchall() == [(2000,)]
    wait_for(lambda: max(peak_bytes(pid) for pid in children(lab.process.pid)) < 1 << 30)


def test_statement_timeout(lab):
    with connect(lab, "wendy") as session:
        session.execute("SET statement_timeout = 500")
        begin = time.monotonic()
        with pytest.raises(psycopg.errors.QueryCanceled):
            session.execute(SLOW)
        assert time.monotonic() - begin < 3
        session.execute("SET statement_timeout = 0")
        assert session.execute("SELECT 1").fetchall() == [(1,)]


def test_cancel(lab):
    with connect(lab, "wendy") as session:
        thread, outcome = in_background(lambda: session.execute(SLOW).fetchall())
        time.sleep(0.7)
        begin = time.monotonic()
        session.cancel()
        thread.join(10)
        assert outcome["error"].sqlstate == "57014" and time.monotonic() - begin < 2
        assert session.execute("SELECT 1").fetchall() == [(1,)]


def test_revoking_ends_what_runs(lab):
    with connect(lab, "wendy") as session:
        thread, outcome = in_background(lambda: session.execute(SLOW).fetchall())
        time.sleep(0.7)
        begin = time.monotonic()
        lab.cli("user", "remove", "wendy", "--yes")
        thread.join(10)
        assert not thread.is_alive() and "error" in outcome
        assert time.monotonic() - begin < 3
        with pytest.raises(psycopg.Error):
            session.execute("SELECT count(*) FROM lab.people")


def test_a_source_that_is_gone_keeps_the_last_version(lab):
    (lab.data / "sources" / "people.csv").unlink()
    lab.cli("run", "lab.people", status=None)
    assert lab.last.returncode != 0
    assert query(lab, "wendy", "SELECT count(*) FROM lab.people") == [(2000,)]
    smallmesh.write_source(lab, 30)
    lab.cli("run", "lab.people")
    assert query(lab, "wendy", "SELECT count(*) FROM lab.people") == [(30,)]


def test_a_failing_check_keeps_the_last_version(lab):
    smallmesh.write_source(lab, 0)
    lab.cli("run", "lab.people", status=None)
    assert lab.last.returncode != 0
    assert query(lab, "wendy", "SELECT count(*) FROM lab.people") == [(2000,)]


def test_killed_while_runs_are_on_their_way(lab):
    for attempt in range(6):
        smallmesh.write_source(lab, 100 + attempt)
        lab.cli("run", "lab.people", "--no-wait")
        time.sleep(0.05 * (attempt + 1))
        lab.kill()
        lab.start()
        count = query(lab, "wendy", "SELECT count(*) FROM lab.people")[0][0]
        assert count in (2000, *range(100, 101 + attempt))
        assert query(lab, "wendy", "SELECT count(DISTINCT id) FROM lab.people") == [(count,)]
    wait_for(lambda: not list((lab.data / "staging").iterdir()), 20)


def test_many_at_once_wait_and_are_all_answered(lab):
    def ask():
        return query(lab, "eve", "SELECT count(*) FROM lab.people a JOIN lab.people b ON a.id <> b.id")

    threads = [in_background(ask) for _ in range(12)]
    for thread, _ in threads:
        thread.join(60)
    assert all(outcome.get("value") == [(999000,)] for _, outcome in threads), threads
