"""SQL cursors of a node beside PostgreSQL's: the same random walks over the same rows, tags, rows, formats, SQLSTATEs and texts."""
import random
import time

import psycopg
import pytest

FIELD = psycopg.pq.DiagnosticField
OPTIONS = [("SCROLL", ""), ("NO SCROLL", ""), ("SCROLL", "WITH HOLD"), ("NO SCROLL", "WITH HOLD"), ("BINARY SCROLL", ""), ("", "WITH HOLD")]


@pytest.fixture(scope="module")
def sessions(cluster, shared_lab):
    with cluster.connect() as theirs, psycopg.connect(shared_lab.dsn("wendy"), autocommit=True) as ours:
        yield theirs, ours


def ask(session, text):
    session.pgconn.send_query(text.encode())
    answers = []
    while result := session.pgconn.get_result():
        state = result.error_field(FIELD.SQLSTATE)
        if state:
            answers.append((state, result.error_field(FIELD.MESSAGE_PRIMARY)))
        else:
            answers.append((result.command_status, [result.fformat(k) for k in range(result.nfields)],
                            [[result.get_value(i, k) for k in range(result.nfields)] for i in range(result.ntuples)]))
    return answers, session.pgconn.transaction_status


def walk(rng):
    before, behind = rng.choice(OPTIONS)
    yield "BEGIN"
    yield f"DECLARE c {before} CURSOR {behind} FOR SELECT g::int AS g, 'x' || g FROM generate_series(1, {rng.choice([0, 1, 2, 10, 300, 1000])}) AS t(g) ORDER BY g"
    for _ in range(12):
        count = rng.choice(["1", "2", "3", "7", "0", "-1", "-3", "-20", "300", "-300"])
        where = rng.choice(["NEXT", "PRIOR", "FIRST", "LAST", "ALL", "FORWARD", "BACKWARD", "FORWARD ALL", "BACKWARD ALL", count,
                            *(f"{word} {count}" for word in ("ABSOLUTE", "RELATIVE", "FORWARD", "BACKWARD"))])
        yield f"{rng.choice(['FETCH', 'FETCH', 'MOVE'])} {where} FROM c"
    if behind and rng.random() < 0.7:
        yield rng.choice(["COMMIT", "COMMIT", "ROLLBACK"])
        yield from ["FETCH RELATIVE 0 FROM c", "FETCH PRIOR FROM c", "FETCH ALL FROM c", "CLOSE c", "CLOSE c"]
    yield from ["ROLLBACK", "CLOSE ALL"]


@pytest.mark.parametrize("seed", range(60))
def test_walks(sessions, seed):
    theirs, ours = sessions
    said = []
    try:
        for text in walk(random.Random(seed)):
            said.append(text)
            assert ask(ours, text) == ask(theirs, text), said
    finally:
        for text in ("ROLLBACK", "CLOSE ALL"):
            ask(theirs, text), ask(ours, text)


@pytest.mark.parametrize("script", [
    ["DECLARE c CURSOR FOR SELECT 1", "FETCH c"],
    ["DECLARE c CURSOR FOR VALUES (1), (2); FETCH ALL FROM c; CLOSE c"],
    ["DECLARE c CURSOR WITH HOLD FOR VALUES (1), (2)", "FETCH ALL FROM c", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "CLOSE c", "FETCH c"],
    ["BEGIN", "DECLARE c SCROLL NO SCROLL CURSOR FOR SELECT 1", "ROLLBACK"],
    ["BEGIN", "DECLARE c ASENSITIVE INSENSITIVE CURSOR FOR SELECT 1", "ROLLBACK"],
    ["BEGIN", "SAVEPOINT s", "DECLARE c SCROLL CURSOR FOR SELECT 1", "ROLLBACK TO s", "FETCH c", "ROLLBACK"],
    ["BEGIN", "DECLARE c SCROLL CURSOR FOR SELECT 1", "SAVEPOINT s", "FETCH c", "FETCH nosuch", "ROLLBACK TO s", "FETCH c", "FETCH PRIOR FROM c", "ROLLBACK"],
    ["BEGIN", "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 1", "FETCH nosuch", "COMMIT", "FETCH c"],
    ["CLOSE nosuch", "CLOSE ALL", "MOVE nosuch", "DISCARD ALL"],
    ["BEGIN", 'DECLARE "Mixed" SCROLL CURSOR FOR SELECT 1', "FETCH mixed", "ROLLBACK"],
])
def test_scripts(sessions, script):
    theirs, ours = sessions
    for text in script:
        assert ask(ours, text) == ask(theirs, text), text


def test_a_large_result_is_kept_on_disk(shared_lab):
    """Two million rows of 100 bytes: read to the end, then backwards, in the memory of one block."""
    with psycopg.connect(shared_lab.dsn("wendy"), autocommit=True) as session:
        session.execute("SELECT 1")
        before = shared_lab.rss_bytes()
        session.execute("DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT g, repeat('x', 100) FROM generate_series(1, 2000000) AS t(g)")
        assert shared_lab.rss_bytes() < before + (32 << 20)
        session.execute("MOVE ABSOLUTE 1000001 FROM c")
        assert [row[0] for row in session.execute("FETCH BACKWARD 3 FROM c")] == [1000000, 999999, 999998]
        assert session.execute("FETCH LAST FROM c").fetchone()[0] == 2000000
        assert session.execute("FETCH BACKWARD ALL FROM c").fetchone()[0] == 1999999
        assert shared_lab.rss_bytes() < before + (32 << 20)
        assert not list((shared_lab.data / "spill").glob("cursor*"))


def test_a_kept_cursor_holds_no_worker_and_ends_with_the_right_to_read(lab):
    with psycopg.connect(lab.dsn("eve"), autocommit=True) as session:
        session.execute("DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT id FROM lab.people ORDER BY id")
        assert session.execute("FETCH 2 FROM c").fetchall() == [(1,), (3,)]
        lab.cli("user", "set", "eve", "--remove-group", "readers")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            for _ in range(50):
                session.execute("FETCH RELATIVE 0 FROM c")
                time.sleep(0.1)


def test_formats_may_change_between_fetches(shared_lab):
    """As pgjdbc does: text at first, binary once the statement is prepared."""
    for scroll in ("", "SCROLL"):
        with psycopg.connect(shared_lab.dsn("wendy")) as session:
            session.execute(f"DECLARE c {scroll} CURSOR FOR SELECT g::int, g::text, [g] FROM generate_series(1, 5000) AS t(g)")
            seen = [session.cursor(binary=i % 2 == 1).execute(f"FETCH {n} FROM c").fetchall() for i, n in enumerate([3, 3000, 1, 0 if scroll else 5, 5000])]
            rows = [row for part in (seen if not scroll else [*seen[:3], seen[4]]) for row in part]
            assert rows == [(i, str(i), [i]) for i in range(1, 5001)]
