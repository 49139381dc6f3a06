"""The suppression of small groups: what it answers, and tests/security/suppressed.py's ways around it, through every form of the protocol."""
import pathlib
import re
import sys

import psycopg
import pytest
from conftest import connect, query

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from lib.node import Node  # noqa: E402
from security import suppressed  # noqa: E402
from security.attacks import CANARY  # noqa: E402

PASSWORD = "pw-" + "x" * 12


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("suppressed"))
    with node:
        for user, group in (("ann", "analysts"), ("hal", "hr"), ("tom", "totals")):
            node.add_user(user, groups=[group])
        suppressed.write_sources(node.data / "sources")
        node.apply(suppressed.manifests())
        yield node


@pytest.fixture(scope="module")
def twins(node):
    """The two domains by their search_path: the same text in both."""
    sides = {twin: node.raw("ann", PASSWORD, options={"search_path": twin}) for twin in ("lhs", "rhs")}
    yield sides
    for side in sides.values():
        side.close()


@pytest.mark.parametrize("sql, expected", suppressed.ANSWERED)
def test_whole_cells_are_answered(node, sql, expected):
    for twin in ("lhs", "rhs"):
        assert query(node, "ann", sql, search_path=twin) == expected


DOORS = {
    "simple": lambda raw, sql: raw.simple(sql),
    "extended": lambda raw, sql: raw.extended(sql, result_format=1),
    "copy": lambda raw, sql: raw.simple(f"COPY ({sql}) TO STDOUT"),
    "cursor": lambda raw, sql: raw.simple("BEGIN") + raw.simple(f"DECLARE c CURSOR FOR {sql}") + raw.simple("FETCH ALL FROM c") + raw.simple("ROLLBACK"),
}


def unordered(answer):
    """Without what differs by right: the domain's name, and which of the visible rows an error met first."""
    return re.sub("lhs|rhs|'(north|south|west)'", "one", answer)


@pytest.mark.parametrize("door", DOORS)
def test_no_statement_tells_the_twins_apart(twins, door):
    """Refused, failed or answered: the same for both. Errors name the domain, which is no secret."""
    for sql in suppressed.ATTACKS + [sql for sql, _ in suppressed.ANSWERED]:
        answers = [repr(sorted(DOORS[door](side, sql))) for side in twins.values()]
        lhs, rhs = (unordered(answer) for answer in answers)
        assert lhs == rhs, sql
        assert not CANARY.search(answers[0].encode() + answers[1].encode()), sql


def test_the_twins_differ_for_those_who_see_them(node):
    """Otherwise the test above proves nothing: nearly each attack is one."""
    told = 0
    for sql in suppressed.ATTACKS:
        answers = []
        for twin in ("lhs", "rhs"):
            with connect(node, "hal", search_path=twin) as session:
                try:
                    answers.append(sorted(map(str, session.execute(sql).fetchall())))
                except psycopg.Error:
                    answers.append(None)
        told += answers[0] != answers[1]
    assert told > 80


def test_it_says_what_to_do(node):
    with connect(node, "ann") as session:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match='"pay" may only stand alone in sum, avg or count') as refused:
            session.execute("SELECT max(pay) FROM lhs.staff")
        assert "Group and filter by region, year" in refused.value.diag.message_hint
        session.execute("SELECT sum(pay) FROM lhs.staff")
        assert session.notices_seen == ["rows of lhs.staff are hidden in groups (region, year) of fewer than 5 id"]


def test_without_columns_in_common_only_totals_are_left(node):
    """Two rules: the larger size, the columns that both name."""
    assert query(node, "tom", "SELECT count(*), sum(pay) FROM lhs.staff") == [(124, 40 * 15000 + 777_000 * 4 + 6)]
    with connect(node, "tom") as session, pytest.raises(psycopg.errors.InsufficientPrivilege, match="region") as refused:
        session.execute("SELECT region FROM lhs.staff")
    assert "totals of the whole table" in refused.value.diag.message_hint


def test_explain_access_tells(node):
    told = node.cli("explain-access", "ann", "lhs.staff", "-o", "json")
    assert '"min_group"' in told and "small" in told and '"region"' in told
