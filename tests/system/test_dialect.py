"""The SQL of a node beside PostgreSQL's: the same statements over the same rows, names of columns, texts of values, types,
SQLSTATEs. What differs is listed here and told in docs/sql.md."""
import json
import pathlib
import sys

import psycopg
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.system.dialect_statements import DIFFERENT, ERRORS, OTHER_ERRORS, SAME  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS = 2000
# PostgreSQL's type, ours: counts and lengths are bigint, sums and quotients have the engine's types, json is jsonb.
TYPES = {("int4", "int8"), ("int8", "numeric"), ("numeric", "float8"), ("varchar", "text"), ("jsonb", "json"), ("regtype", "text"), ("float8", "int2"), ("text", "int4")}
OIDS = {"int4": 23, "int8": 20, "numeric": 1700, "float8": 701, "varchar": 1043, "text": 25, "jsonb": 3802, "json": 114, "regtype": 2206, "int2": 21}
PAIRS = {(OIDS[a], OIDS[b]) for a, b in TYPES}


@pytest.fixture(scope="module")
def postgres(cluster):
    with cluster.connect(options="-c TimeZone=UTC") as session:
        session.execute("CREATE SCHEMA lab")
        session.execute("CREATE TABLE lab.people (id integer NOT NULL, name text, email text, region text)")
        session.execute(f"INSERT INTO lab.people SELECT i, 'P' || i, NULL, CASE WHEN i % 2 = 1 THEN 'EU' ELSE 'US' END FROM generate_series(0, {ROWS - 1}) i")
        yield session
        session.execute("DROP SCHEMA lab CASCADE")


@pytest.fixture(scope="module")
def weft(shared_lab):
    with psycopg.connect(shared_lab.dsn("wendy"), autocommit=True, options="-c TimeZone=UTC") as session:
        yield session


def ask(session, statement):
    """(names, oids, rows as texts), or the SQLSTATE."""
    result = session.pgconn.exec_(statement.replace("{t}", "lab.people").encode())
    if result.status not in (psycopg.pq.ExecStatus.TUPLES_OK, psycopg.pq.ExecStatus.COMMAND_OK):
        return result.error_field(psycopg.pq.DiagnosticField.SQLSTATE).decode()
    columns = range(result.nfields)
    rows = [[None if result.get_value(row, i) is None else result.get_value(row, i).decode() for i in columns] for row in range(result.ntuples)]
    return [result.fname(i).decode() for i in columns], [result.ftype(i) for i in columns], rows


def normal(text, oid, other):
    """Numbers without the zeros behind them, floats to 15 digits, JSON without blanks."""
    if text is None:
        return None
    if 1700 in (oid, other):
        return f"{float(text):.12g}"
    if oid == 701 and text not in ("NaN", "Infinity", "-Infinity"):
        return f"{float(text):.14g}"
    return json.dumps(json.loads(text)) if oid in (114, 3802) else text


@pytest.mark.parametrize("statement", SAME)
def test_same_answer(postgres, weft, statement):
    theirs, ours = ask(postgres, statement), ask(weft, statement)
    assert not isinstance(ours, str), ours
    assert ours[0] == theirs[0]
    for theirs_oid, ours_oid in zip(theirs[1], ours[1], strict=True):
        assert theirs_oid == ours_oid or (theirs_oid, ours_oid) in PAIRS
    for theirs_row, ours_row in zip(theirs[2], ours[2], strict=True):
        assert [normal(v, a, b) for v, a, b in zip(ours_row, ours[1], theirs[1])] == [normal(v, b, a) for v, a, b in zip(theirs_row, ours[1], theirs[1])]


@pytest.mark.parametrize("statement", ERRORS)
def test_same_error(postgres, weft, statement):
    theirs = ask(postgres, statement)
    assert isinstance(theirs, str) and ask(weft, statement) == theirs


@pytest.mark.parametrize("statement", [*DIFFERENT, *OTHER_ERRORS])
def test_known_difference_is_one(postgres, weft, statement):
    """A difference that is none any more is to be taken from the lists, and from docs/sql.md."""
    told = DIFFERENT.get(statement) or OTHER_ERRORS[statement]
    assert told in (ROOT / "docs/sql.md").read_text()
    theirs, ours = ask(postgres, statement), ask(weft, statement)
    if not isinstance(theirs, str) and not isinstance(ours, str):
        theirs, ours = (theirs[0], theirs[2]), (ours[0], ours[2])
    assert theirs != ours
