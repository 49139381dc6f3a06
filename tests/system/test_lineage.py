"""Where columns come from (mesh.lineage), and that nobody learns by it of what they may not know."""
import pytest
from conftest import PASSWORD, query
from lib import smallmesh
from lib.node import Node
from test_hidden import allow, domain, product
from test_owners import http, made_of
import json

TARGET = "SELECT id, upper(email) AS email FROM lab.people WHERE region = 'EU'"
HERE = "SELECT from_column, to_column, type, subtype FROM mesh.lineage WHERE to_domain = 'shop' AND to_table = 'first' AND from_column IS NOT NULL ORDER BY ALL"
DENY = "apiVersion: weft/v1\nkind: Policy\nmetadata: {name: no-mail}\nspec:\n  effect: deny\n  on: {columns: [lab.people.people.email]}\n  to: {groups: [readers]}\n"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("lineage"))
    smallmesh.write_source(node, 50)
    node.start()
    for name, groups in (("eve", ["readers"]), ("olaf", ["lab-owners", "readers"]), ("kim", ["keepers"])):
        node.add_user(name, groups=groups)
    node.apply({**smallmesh.FILES, **domain("shop"), **made_of("shop", "first", TARGET), "domains/shop/policies/first.yaml": allow("first", "shop.first", "readers"),
                **{p: t.replace("name: email, physicalType: VARCHAR", "name: email, classification: confidential, physicalType: VARCHAR") for p, t in product("shop", "wares").items()},
                "domains/lab/policies/team.yaml": allow("team", "lab.people", '"team:shop"').replace("groups", "users")})
    yield node
    node.stop()


def test_a_column_says_what_it_is_made_of(node):
    assert query(node, "eve", HERE) == [("email", "email", "DIRECT", "TRANSFORMATION"), ("id", "id", "DIRECT", "IDENTITY"), ("region", None, "INDIRECT", "FILTER")]
    assert query(node, "eve", "SELECT count(*) FROM mesh.lineage WHERE to_table = 'first' AND from_column IS NULL") == [(1,)]


def test_every_door_shows_it(node):
    listed = [r for r in node.cli_json("get", "lineage", "--domain", "shop") if r["to_table"] == "first" and r["from_column"]]
    assert sorted((r["from_column"], r["subtype"]) for r in listed) == [("email", "TRANSFORMATION"), ("id", "IDENTITY"), ("region", "FILTER")]
    described = node.cli_json("describe", "table", "shop.first")
    assert {r["from_column"] for r in described["lineage"]} == {None, "id", "email", "region"}
    status, answer = http(node, "eve", "/api/v1/tables/shop/first")
    assert status == 200 and {r["from_column"] for r in json.loads(answer)["lineage"]} == {None, "id", "email", "region"}


def test_what_sources_give_is_for_the_owners(node):
    sources = "SELECT from_source, from_column, to_column FROM mesh.lineage WHERE from_source IS NOT NULL AND to_table = 'people' ORDER BY to_column"
    assert query(node, "eve", sources) == [] and query(node, "kim", sources) == []
    assert query(node, "olaf", sources) == [("people_csv", c, c) for c in ("email", "id", "name", "region")]


def test_tags_and_classification_come_along(node):
    node.apply({**made_of("shop", "second", "WITH w AS (SELECT * FROM wares) SELECT id, email || '!' AS email FROM w"), "domains/shop/policies/all.yaml": allow("all", "shop.*", "readers")}, flags=("--yes", "--no-wait"))
    assert query(node, "eve", "SELECT from_classification, from_tags FROM mesh.lineage WHERE to_table = 'second' AND to_column = 'email'") == [("confidential", ["contact"])]


def test_a_denied_column_has_no_lineage(node):
    """Not as a source of others, and not under another name."""
    node.apply({"governance/policies/no-mail.yaml": DENY})
    try:
        assert query(node, "eve", HERE) == [("id", "id", "DIRECT", "IDENTITY"), ("region", None, "INDIRECT", "FILTER")]
        assert len(query(node, "kim", HERE)) == 3
    finally:
        node.apply({"governance/policies/no-mail.yaml": DENY.replace("readers", "nobody")})


def test_a_changed_transform_changes_it(node):
    node.apply({"domains/shop/first/first.sql": "SELECT id, name AS email FROM lab.people QUALIFY row_number() OVER (PARTITION BY region ORDER BY id) < 9"})
    assert query(node, "eve", HERE) == [("id", "id", "DIRECT", "IDENTITY"), ("id", None, "INDIRECT", "FILTER"), ("name", "email", "DIRECT", "IDENTITY"), ("region", None, "INDIRECT", "FILTER")]


def test_a_plan_changes_nothing(node):
    before = query(node, "eve", HERE)
    node.write({"domains/shop/first/first.sql": "SELECT id, region AS email FROM lab.people"}, folder="mesh")
    assert "shop.first" in node.cli("plan", "-f", node.folder / "mesh")
    assert query(node, "eve", HERE) == before


def test_a_restart_keeps_it(node):
    before = query(node, "eve", HERE)
    node.restart()
    assert query(node, "eve", HERE) == before
