"""The main path: files applied, products published, two people ask the same and get what each may see."""
import json

import psycopg
import pytest
from conftest import PASSWORD, connect, query


def test_rows_and_masks(shared_lab):
    assert query(shared_lab, "eve", "SELECT count(*), count(email), min(region) FROM lab.people") == [(1000, 0, "EU")]
    assert query(shared_lab, "wendy", "SELECT count(*), count(email) FROM lab.people") == [(2000, 0)]


def test_purpose_lifts_a_mask(shared_lab):
    asked = query(shared_lab, "eve", "SELECT count(email) FROM lab.people", weft__purpose="support")
    assert asked == [(1000,)]


def test_the_notice_says_what_governance_did(shared_lab):
    with connect(shared_lab, "eve") as session:
        session.execute("SELECT email FROM lab.people LIMIT 1").fetchall()
        assert any("eu-only" in n for n in session.notices_seen)
        assert any("email" in n and "contact" in n for n in session.notices_seen)


def test_owners_are_bound_by_policies_too(shared_lab):
    assert query(shared_lab, "olaf", "SELECT count(*), count(email) FROM lab.people") == [(1000, 0)]


def test_the_administrator_sees_no_data_by_being_one(shared_lab):
    done = shared_lab.cli("sql", "-c", "SELECT * FROM lab.people", status=None)
    assert "example.org" not in done and shared_lab.last.returncode != 0


@pytest.mark.parametrize("name", ["lab.nothing", "nothing.people", "people", "lab.people2"])
def test_unknown_tables(shared_lab, name):
    with connect(shared_lab, "eve") as session, pytest.raises(psycopg.errors.UndefinedTable):
        session.execute(f"SELECT * FROM {name}")


def test_the_database_may_stand_before_the_domain(shared_lab):
    """As dbt and BI tools write tables: "database"."schema"."table"."""
    database = query(shared_lab, "eve", "SELECT current_database()")[0][0]
    for sql in (f'SELECT count(*), count(email) FROM "{database}"."lab"."people"', f"SELECT count(*), count(p.email) FROM {database} . lab.people AS p",
                f"SELECT count(*), count(people.email) FROM {database}.lab.people AT (VERSION => 1) WHERE people.region = 'EU'"):
        assert query(shared_lab, "eve", sql) == [(1000, 0)], sql
    twice = f"SELECT (SELECT count(*) FROM {database}.lab.people), (SELECT count(*) FROM lab.people), count(*) > 0 FROM {database}.mesh.tables"
    assert query(shared_lab, "eve", twice) == [(1000, 1000, True)]
    with connect(shared_lab, "eve") as session, pytest.raises(psycopg.errors.FeatureNotSupported):
        session.execute("SELECT * FROM elsewhere.lab.people")


@pytest.mark.parametrize("sql, rows", [
    ("SELECT count(*), min(region) FROM lab.people", 1),
    ("SELECT id FROM lab.people ORDER BY id LIMIT 100", 100),
    ("SELECT id FROM lab.people ORDER BY id LIMIT 101", 101),
    ("SELECT a.id FROM lab.people a, lab.people b ORDER BY a.id, b.id LIMIT 100", 100),
    ("SELECT id FROM lab.people LIMIT 0", 0),
    ("SELECT 1 AS a; ", 1),
    ("SELECT ';' || min(region) AS a FROM lab.people", 1),
])
def test_small_answers_are_like_large_ones(shared_lab, sql, rows):
    """A statement that can only give few rows is run where others are prepared: nobody may see the difference."""
    with connect(shared_lab, "eve") as session:
        session.prepare_threshold = None
        first = session.execute(sql)
        answers = [first.fetchall(), session.execute(sql).fetchall(), session.execute(sql, binary=False, prepare=True).fetchall()]
        assert [len(a) for a in answers] == [rows] * 3
        assert answers[0] == answers[1] == answers[2]


def test_a_small_statement_fails_alone(shared_lab):
    with connect(shared_lab, "eve") as session:
        for _ in range(3):
            with pytest.raises(psycopg.errors.InvalidTextRepresentation):
                session.execute("SELECT CAST(min(region) AS integer) FROM lab.people")
            with pytest.raises(psycopg.errors.UndefinedColumn):
                session.execute("SELECT nothing FROM lab.people LIMIT 3")
            assert session.execute("SELECT count(*) FROM lab.people").fetchall() == [(1000,)]


def test_the_size_of_what_a_mask_covers_decides_nothing(lab):
    """A small table is run before it is described, which shows in the order of an error; but not by files whose size tells of masked values."""
    from lib import smallmesh

    smallmesh.write_source(lab, 10)
    lab.cli("run", "lab.people")
    session = lab.raw("wendy", PASSWORD)
    messages = [kind for kind, _ in session.simple("SELECT CAST(region AS integer) FROM lab.people")]
    assert b"E" in messages and messages.index(b"T") < messages.index(b"E"), messages


def test_versions(lab):
    from lib import smallmesh

    smallmesh.write_source(lab, 10)
    lab.cli("run", "lab.people")
    assert query(lab, "wendy", "SELECT count(*) FROM lab.people") == [(10,)]
    assert query(lab, "wendy", "SELECT count(*) FROM lab.people AT (VERSION => 1)") == [(2000,)]
    assert query(lab, "eve", "SELECT count(*) FROM lab.people AT (VERSION => 1)") == [(1000,)]
    both = "SELECT (SELECT count(*) FROM lab.people), (SELECT count(*) FROM lab.people AT (VERSION => 1))"
    assert query(lab, "wendy", both) == [(10, 2000)]
    with connect(lab, "wendy") as session, pytest.raises(psycopg.errors.UndefinedObject):
        session.execute("SELECT * FROM lab.people AT (VERSION => 99)")


def test_a_transaction_keeps_its_snapshot(lab):
    from lib import smallmesh

    with psycopg.connect(lab.dsn("wendy")) as session:
        assert session.execute("SELECT count(*) FROM lab.people").fetchall() == [(2000,)]
        smallmesh.write_source(lab, 10)
        lab.cli("run", "lab.people")
        assert session.execute("SELECT count(*) FROM lab.people").fetchall() == [(2000,)]
        session.rollback()
        assert session.execute("SELECT count(*) FROM lab.people").fetchall() == [(10,)]


def test_every_statement_is_in_the_audit(shared_lab):
    marker = "SELECT 4711 FROM lab.people LIMIT 1"
    query(shared_lab, "eve", marker)
    rows = json.loads(shared_lab.cli("sql", "-o", "json", "-c", "SELECT * FROM mesh.audit"))
    found = [r for r in rows if r["statement"] == marker]
    assert len(found) == 1 and found[0]["principal"] == "eve"
    assert "lab.people" in json.dumps(found[0]) and "eu-only" in json.dumps(found[0])


def test_it_is_all_there_after_a_restart(lab):
    before = query(lab, "eve", "SELECT * FROM lab.people ORDER BY id")
    lab.restart()
    assert query(lab, "eve", "SELECT * FROM lab.people ORDER BY id") == before


def test_a_statement_without_its_parameters_ends_on_record(shared_lab):
    """It was on its way to the worker when its parameters were missed: the record has an end all the same."""
    session = shared_lab.raw("eve")
    text = "SELECT count(*) FROM lab.people WHERE id = $1 AND 'no parameters came' <> ''"
    assert any(kind == b"E" or kind == "E" for kind, *_ in session.simple(text))
    recorded = query(shared_lab, "eve", "SELECT outcome, error_code FROM mesh.audit WHERE statement LIKE '%no parameters came%' AND door = 'pg' AND statement NOT LIKE '%mesh.audit%'")
    assert recorded == [("error", "08P01")]
