"""Drivers against the PostgreSQL door, over a fake node: what they send around the queries works, in text and
binary, with portals, cursors, pipelines, COPY and cancel. The same drivers against a real node: test_pg_protocol.py."""
import asyncio
import io
import pathlib
import subprocess
import sys
import threading

import asyncpg
import psycopg
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib.fakedoor import ROOT, Door  # noqa: E402

CLIENTS = pathlib.Path(__file__).parent / "clients"
ROWS = [(1, "name 1"), (2, "name 2"), (3, None)]


@pytest.fixture(scope="module")
def door():
    door = Door()
    yield door
    door.stop()


@pytest.mark.parametrize("binary", [False, True])
def test_psycopg_rows_and_parameters(door, binary):
    with psycopg.connect(door.dsn()) as conn:
        cursor = conn.cursor(binary=binary)
        assert cursor.execute("select rows 3").fetchall() == ROWS
        for i in range(8):  # prepared by name from the sixth on
            assert len(cursor.execute("select rows 2 %s", (i,)).fetchall()) == 2
        assert [row[0] for row in cursor.stream("select rows 4")] == [1, 2, 3, 4]


@pytest.mark.parametrize("binary", [False, True])
def test_psycopg_server_cursors(door, binary):
    with psycopg.connect(door.dsn()) as conn:
        with conn.cursor("one", binary=binary) as cursor:
            cursor.itersize = 4
            cursor.execute("select rows 10")
            assert [row[0] for row in cursor] == list(range(1, 11))
        with conn.cursor("two", binary=binary) as cursor:
            cursor.execute("select rows 10 %s", (3,))
            assert cursor.fetchone()[0] == 1
            cursor.scroll(3)
            assert [row[0] for row in cursor.fetchmany(2)] == [5, 6]
    with psycopg.connect(door.dsn(), autocommit=True) as conn:
        with conn.cursor("held", withhold=True) as cursor:
            cursor.execute("select rows 5")
            assert len(cursor.fetchall()) == 5


def test_psycopg_errors_and_transactions(door):
    with psycopg.connect(door.dsn()) as conn:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="weft apply"):
            conn.execute("insert into x values (1)")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            conn.execute("select rows 1")
        conn.rollback()
        with conn.transaction():
            with pytest.raises(psycopg.errors.UndefinedTable) as caught, conn.transaction():
                conn.execute("select missing")
            assert caught.value.diag.statement_position == "8"
            assert conn.execute("select rows 1").fetchone() == ROWS[0]


def test_psycopg_pipeline(door):
    with psycopg.connect(door.dsn()) as conn, conn.pipeline() as pipeline:
        first = conn.execute("select rows 2 %s", (1,))
        second = conn.execute("select rows 3")
        pipeline.sync()
        assert len(first.fetchall()) == 2 and second.fetchall() == ROWS
        bad = conn.execute("select missing")
        with pytest.raises(psycopg.errors.UndefinedTable):
            bad.fetchall()


def test_psycopg_copy(door):
    with psycopg.connect(door.dsn()) as conn, conn.cursor() as cursor:
        with cursor.copy("copy (select rows 3) to stdout") as copy:
            assert b"".join(copy) == b"1\tname 1\n2\tname 2\n3\t\n"
        assert cursor.rowcount == 3


def test_psycopg_cancel(door):
    with psycopg.connect(door.dsn(), autocommit=True) as conn:
        timer = threading.Timer(0.2, conn.cancel_safe)
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            conn.execute("select rows 1 slow")
        timer.join()
        assert conn.execute("select rows 1").fetchone() == ROWS[0]


def test_asyncpg(door):
    async def run():
        conn = await asyncpg.connect(host="127.0.0.1", port=door.port, user="alice", password="secret", database="shop")
        assert [tuple(row) for row in await conn.fetch("select rows 3")] == ROWS
        assert (await conn.fetchrow("select rows 2 $1", 5))["id"] == 1
        assert (await conn.fetchval("show server_version")).startswith("15.")
        async with conn.transaction(readonly=True, isolation="repeatable_read"):
            assert [row["id"] async for row in conn.cursor("select rows 120", prefetch=50)] == list(range(1, 121))
            cursor = await conn.cursor("select rows 20")
            assert len(await cursor.fetch(7)) == 7 and await cursor.forward(2) == 2
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await conn.execute("delete from x")
        with pytest.raises(asyncio.TimeoutError):
            await conn.fetch("select rows 1 slow", timeout=0.2)
        out = io.BytesIO()
        await conn.copy_from_query("select rows 3", output=out)
        assert out.getvalue().count(b"\n") == 3
        await conn.reset()
        await conn.close()

    asyncio.run(run())


def run_client(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.strip().endswith("ok"), done.stdout + done.stderr


def test_node_postgres(door):
    run_client("node", CLIENTS / "node_postgres.js", str(door.port), ROOT / ".deps/npm/node_modules")


def test_jdbc(door):
    run_client("java", "-cp", "/usr/share/java/postgresql.jar", CLIENTS / "Jdbc.java", str(door.port))


def test_psql(door):
    done = subprocess.run(["psql", door.dsn(), "-XAt", "-c", "select rows 2", "-c", r"\conninfo", "-c", "select missing"],
                          capture_output=True, text=True, timeout=30)
    assert done.stdout.startswith("1|name 1\n2|name 2\nYou are connected")
    assert "LINE 1: select missing\n               ^" in done.stderr
    fetch = subprocess.run(["psql", door.dsn(), "-XAt", "-v", "FETCH_COUNT=2", "-c", "select rows 5"],
                           capture_output=True, text=True, timeout=30)
    assert len(fetch.stdout.splitlines()) == 5, fetch.stderr
