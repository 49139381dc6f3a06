"""A mesh of thousands of products: what a platform team meets first is time and memory."""
import json
import time

import pytest
from conftest import connect
from lib.node import Node

DOMAINS, PRODUCTS = 25, 42  # 1,050 products: lists end after 1,000 unless asked for more
COLUMNS = [f"c{i}" for i in range(12)]


def domain_files(domain):
    yield f"domains/{domain}/domain.yaml", f"apiVersion: weft/v1\nkind: Domain\nmetadata: {{name: {domain}}}\nspec:\n  owners: [{domain}-owners]\n"
    yield f"domains/{domain}/sources/files.yaml", "apiVersion: weft/v1\nkind: Source\nmetadata: {name: files}\nspec:\n  connector: csv\n  path: rows.csv\n"


def product_files(domain, number):
    name, folder = f"p{number:02}", f"domains/{domain}/p{number:02}"
    columns = "".join(f"      - {{name: {c}, logicalType: string}}\n" for c in COLUMNS)
    yield f"{folder}/product.yaml", f"""apiVersion: v1.0.0
kind: DataProduct
id: {domain}.{name}
name: {name}
version: 1.0.0
status: active
domain: {domain}
description: {{purpose: Product {number}}}
outputPorts:
  - {{name: {name}, version: 1.0.0, contractId: {domain}.{name}}}
"""
    yield f"{folder}/{name}.odcs.yaml", f"""apiVersion: v3.1.0
kind: DataContract
id: {domain}.{name}
version: 1.0.0
status: active
schema:
  - name: {name}
    properties:
      - {{name: id, logicalType: integer, required: true, primaryKey: true}}
{columns}"""
    if number % 2:
        yield f"{folder}/{name}.sql", f"SELECT a.* FROM p{number - 1:02} a JOIN d00.p00 b ON a.id = b.id\n"
    else:
        yield f"{folder}/pipeline.yaml", f"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {{name: {name}}}\nspec:\n  ingest:\n    - {{table: {name}, source: files}}\n"


def big_mesh():
    domains = [f"d{i:02}" for i in range(DOMAINS)]
    teams = ", ".join(f'"team:{d}"' for d in domains)
    files = {"mesh.yaml": "apiVersion: weft/v1\nkind: Mesh\nmetadata: {name: big}\nspec:\n  owners: [governance]\n",
             "governance/policies/all.yaml": f"apiVersion: weft/v1\nkind: Policy\nmetadata: {{name: all}}\nspec:\n  effect: allow\n  on: {{products: ['*']}}\n  to: {{groups: [readers, {teams}]}}\n"}
    for domain in domains:
        files.update(domain_files(domain))
        for number in range(PRODUCTS):
            files.update(product_files(domain, number))
    return files


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("big")) as node:
        (node.data / "sources").mkdir(exist_ok=True)
        (node.data / "sources/rows.csv").write_text(",".join(["id", *COLUMNS]) + "\n" + "".join(",".join([str(i), *COLUMNS]) + "\n" for i in range(10)))
        node.add_user("rita", groups=["readers"])
        node.apply(big_mesh(), flags=("--yes", "--no-run"))
        yield node


def timed(work):
    begin = time.monotonic()
    answer = work()
    return answer, time.monotonic() - begin


def test_a_plan_with_one_change_is_quick(big):
    path = "domains/d07/p03/product.yaml"
    folder = big.write({path: big_mesh()[path].replace("Product 3", "Product three")})
    plan, seconds = timed(lambda: big.cli("plan", "-f", folder))
    assert "d07.p03" in plan and "d07.p04" not in plan
    assert seconds < 4  # 0.7 on a quiet machine; quadratic look-ups took 5


def test_lists_say_that_they_end(big):
    assert len(big.cli("get", "products", "--no-header").splitlines()) == 1000
    assert "first 1000 products" in big.last.stderr
    assert len(big.cli("get", "products", "--no-header", "--limit", 2000).splitlines()) == DOMAINS * PRODUCTS
    assert len(big.cli("get", "products", "d24.p41", "--no-header").splitlines()) == 1  # beyond the first 1,000


def test_the_catalogue_of_many_tables(big):
    """Batches of more rows than a vector of the engine once wrote beyond their memory."""
    with connect(big, "rita") as session:
        assert session.execute("SELECT count(*) FROM pg_catalog.pg_class WHERE relkind = 'r' AND relname LIKE 'p%'").fetchone()[0] >= DOMAINS * PRODUCTS
        assert session.execute("SELECT count(*) FROM pg_catalog.pg_attribute WHERE attname = 'c11'").fetchone() == (DOMAINS * PRODUCTS,)
        assert session.execute("SELECT count(DISTINCT table_name) FROM mesh.columns WHERE domain = 'd03'").fetchone() == (PRODUCTS,)


def test_a_run_needs_its_domain_only(big):
    _, seconds = timed(lambda: big.cli("run", "d00.p00"))
    assert seconds < 5
    with connect(big, "rita") as session:
        assert session.execute("SELECT count(*) FROM d00.p00").fetchone() == (10,)


def test_starts_with_it_and_stays_small(big):
    big.restart()
    assert big.ready_ms < 5000
    big.cli("get", "products", "--limit", 1)
    assert big.rss_bytes() < 120 << 20  # 77 MB with 2,000 products
    assert json.loads(big.cli("get", "products", "d00.p00", "-o", "json"))[0]["version"] == 1
