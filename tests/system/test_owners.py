"""Who may change what, what a domain may use, and products that are made of others."""
import json

import pytest
from conftest import query, wait_for
from lib import smallmesh
from lib.node import Node
from test_apply import http
from test_hidden import allow, domain, product


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = Node(tmp_path_factory.mktemp("owners"))
    smallmesh.write_source(node, 200)
    node.start()
    for name, groups in (("eve", ["readers"]), ("olaf", ["lab-owners", "readers"]), ("kim", ["keepers"]), ("gov", ["governance"])):
        node.add_user(name, groups=groups)
    node.apply({**smallmesh.FILES, **domain("shop"), **product("shop", "wares"), "domains/shop/policies/readers.yaml": allow("readers", "shop.wares", "readers")})
    yield node
    node.stop()


def apply(node, user, files, **more):
    status, answer = http(node, user, "/api/v1/apply", {"files": [{"path": p, "text": t} for p, t in files.items()], **more})
    return status, json.loads(answer)


FILES = {
    "mesh.yaml": smallmesh.FILES["mesh.yaml"] + "  description: mine\n",
    "governance/vocabulary.yaml": smallmesh.FILES["governance/vocabulary.yaml"] + "    - name: fraud\n",
    "governance/policies/more.yaml": allow("more", "lab.people", "readers"),
    "domains/attic/domain.yaml": domain("attic")["domains/attic/domain.yaml"],
    "domains/shop/domain.yaml": domain("shop", owners="lab-owners")["domains/shop/domain.yaml"],
    "domains/shop/policies/more.yaml": allow("more", "shop.wares", "lab-owners"),
    "domains/shop/sources/people.yaml": domain("shop")["domains/shop/sources/people.yaml"] + "  description: mine\n",
    "domains/shop/wares/product.yaml": product("shop", "wares")["domains/shop/wares/product.yaml"] + "tags: [mine]\n",
    "domains/shop/wares/wares.odcs.yaml": product("shop", "wares")["domains/shop/wares/wares.odcs.yaml"] + "tags: [mine]\n",
    "domains/shop/wares/pipeline.yaml": product("shop", "wares")["domains/shop/wares/pipeline.yaml"] + "  retries: {max: 5}\n",
    "domains/shop/wares/wares.sql": "SELECT 1 AS id, 'x' AS email\n",
    "domains/shop/README.md": "mine\n",
}


@pytest.mark.parametrize("path", FILES)
def test_every_kind_of_file_is_its_owners(node, path):
    """olaf owns lab: nothing else; kim owns shop and cannot change the mesh; eve owns nothing."""
    text = {path: FILES[path]}
    before = http(node, "gov", "/api/v1/export")[1]
    for user in ("olaf", "eve") if path.startswith("domains/shop") else ("olaf", "eve", "kim"):
        status, answer = apply(node, user, text)
        assert status == 403 and path in answer["detail"], answer
    assert http(node, "gov", "/api/v1/export")[1] == before


def test_owners_cannot_give_themselves_more_by_one_apply(node):
    """Rights are those in force, not those that the files would bring."""
    both = {"domains/shop/domain.yaml": domain("shop", owners="lab-owners")["domains/shop/domain.yaml"], "domains/lab/policies/more.yaml": allow("more", "lab.people", "readers")}
    assert apply(node, "olaf", both)[0] == 403


def test_quota_of_bytes_refuses_a_publish(node):
    files = {"domains/shop/domain.yaml": domain("shop")["domains/shop/domain.yaml"].replace("hidden: false", "hidden: false, infrastructure: {quotas: {bytes: 100}}")}
    assert apply(node, "kim", files)[1]["ok"]
    node.cli("run", "shop.wares", "--mode", "full", status=None)
    said = node.last.stdout + node.last.stderr
    assert node.last.returncode != 0 and "quota" in said.lower() and "100" in said, said
    assert query(node, "eve", "SELECT count(*) FROM shop.wares") == [(200,)]
    assert apply(node, "kim", {"domains/shop/domain.yaml": domain("shop")["domains/shop/domain.yaml"]})[1]["ok"]


def with_quotas(node, quotas):
    text = domain("shop")["domains/shop/domain.yaml"]
    if quotas:
        text = text.replace("hidden: false", f"hidden: false, infrastructure: {{quotas: {{{quotas}}}}}")
    status, answer = apply(node, "kim", {"domains/shop/domain.yaml": text})
    assert answer.get("ok"), answer


def test_quota_of_memory_ends_a_run(node):
    """A hungry transform of one domain fails alone, and says so; without the quota it goes through."""
    hungry = "SELECT CAST(len(list(r.range || repeat('x', 90))) AS INTEGER) AS id, 'x' AS email FROM range(3000000) r\n"
    with_quotas(node, "memory: 300MiB")
    status, answer = apply(node, "kim", made_of("shop", "hungry", hungry), no_run=True)
    assert answer.get("ok"), answer
    node.cli("run", "shop.hungry", status=None)
    assert node.last.returncode != 0 and "needs more memory than its limit" in node.last.stdout + node.last.stderr, node.last
    assert query(node, "kim", "SELECT error_code FROM mesh.runs WHERE product = 'hungry'") == [("53200",)]
    node.cli("run", "shop.wares")
    with_quotas(node, None)
    node.cli("run", "shop.hungry")
    assert query(node, "kim", "SELECT id FROM shop.hungry") == [(3000000,)]


def test_quota_of_concurrent_runs_makes_them_wait(node):
    slow = "SELECT CAST(count(*) AS INTEGER) AS id, 'x' AS email FROM range(20000) a, range(20000) b WHERE (a.range * b.range) % 7 = 1\n"
    files = {**made_of("shop", "one_run", slow), **made_of("shop", "other_run", slow)}
    with_quotas(node, "concurrentRuns: 1")
    status, answer = apply(node, "kim", files, no_run=True)
    assert answer.get("ok"), answer
    for name in ("one_run", "other_run"):
        node.cli("run", f"shop.{name}", "--no-wait")
    runs = "SELECT started_at, ended_at, state FROM mesh.runs WHERE product IN ('one_run', 'other_run') ORDER BY run"
    wait_for(lambda: [r[2] for r in query(node, "kim", runs)] == ["succeeded"] * 2, 60)
    (_, ended, _), (started, _, _) = query(node, "kim", runs)
    assert started >= ended, "one after the other"
    with_quotas(node, None)


def made_of(domain_name, name, sql):
    files = product(domain_name, name)
    del files[f"domains/{domain_name}/{name}/pipeline.yaml"]
    return {**{p: t.replace("source-aligned", "aggregate") for p, t in files.items()}, f"domains/{domain_name}/{name}/{name}.sql": sql}


def test_products_made_of_products_follow_in_order(node):
    files = {
        **made_of("shop", "first", "SELECT id, email FROM wares WHERE id < 100"),
        **made_of("shop", "second", "SELECT id, email FROM shop.first WHERE id < 50"),
        **made_of("shop", "third", "SELECT s.id, f.email FROM second AS s JOIN shop.first AS f USING (id)"),
        "domains/shop/policies/derived.yaml": allow("derived", "shop.*", "readers"),
    }
    status, answer = apply(node, "kim", files)
    assert answer["ok"], answer
    assert [run["product"] for run in answer["runs"]] == ["shop.first", "shop.second", "shop.third"]
    assert wait_for(lambda: all(p["version"] for p in node.cli_json("get", "products") if p["domain"] == "shop"), 30)
    assert query(node, "eve", "SELECT count(*) FROM shop.third") == [(50,)]
    before = {p["product"]: p["version"] for p in node.cli_json("get", "products")}
    node.cli("run", "shop.wares", "--mode", "full")
    wait_for(lambda: all(p["version"] > before[p["product"]] for p in node.cli_json("get", "products") if p["product"] in ("first", "second", "third")), 30)


def test_what_is_read_is_not_removed(node):
    folder = node.write({p: t for p, t in {**smallmesh.FILES, **domain("shop"), **product("shop", "wares")}.items()}, "less")
    node.cli("apply", "-f", folder, "--prune", "--yes", status=None)  # all but wares goes, readers with it
    removed = {p: t for p, t in smallmesh.FILES.items()}
    files = {**removed, **domain("shop"), **made_of("shop", "copy", "SELECT id, email FROM lab.people"), "domains/lab/policies/shop.yaml": allow("shop", "lab.people", '"team:shop"').replace("groups", "users")}
    node.apply(files)
    less = node.write({p: t for p, t in files.items() if not p.startswith("domains/lab/people/")}, "fewer")
    node.cli("apply", "-f", less, "--prune", "--yes", status=None)
    said = node.last.stdout + node.last.stderr
    assert node.last.returncode != 0 and "lab.people is removed, but shop.copy reads it" in said, said


def test_a_product_of_what_comes_in_and_what_is_made_of_it(node):
    files = product("shop", "mixed")
    files["domains/shop/mixed/product.yaml"] += "  - {name: few, version: 1.0.0, contractId: shop.few}\n"
    files["domains/shop/mixed/few.odcs.yaml"] = product("shop", "few")["domains/shop/few/few.odcs.yaml"]
    files["domains/shop/mixed/few.sql"] = "SELECT id, email FROM mixed WHERE id < 7"
    files["domains/shop/policies/all.yaml"] = allow("all", "shop.*", "readers")
    status, answer = apply(node, "kim", files)
    assert answer["ok"], answer
    assert wait_for(lambda: [r for r in node.cli_json("get", "runs") if r["product"] == "mixed" and r["state"] in ("succeeded", "failed")], 30)
    assert query(node, "eve", "SELECT (SELECT count(*) FROM shop.mixed), (SELECT count(*) FROM shop.few)") == [(200, 7)]
    # the team is bound by policies also on rows that it has just brought in
    rule = "apiVersion: weft/v1\nkind: Policy\nmetadata: {name: low}\nspec:\n  effect: filter\n  on: {tables: [shop.mixed.mixed]}\n  unless: {groups: [readers]}\n  filter: id % 2 = 0\n"
    assert apply(node, "gov", {"governance/policies/low.yaml": rule})[1]["ok"]
    node.cli("run", "shop.mixed", "--mode", "full")
    assert query(node, "eve", "SELECT (SELECT count(*) FROM shop.mixed), (SELECT list(id ORDER BY id) FROM shop.few)") == [(200, [0, 2, 4, 6])]
