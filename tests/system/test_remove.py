"""Removing, renaming, coming back: what the plan says, what can be read afterwards, who may; and applies at the same time."""
import shutil
import subprocess
import threading
import time

import psycopg
import pytest
from conftest import query, wait_for
from lib.node import ROOT, Node


@pytest.fixture
def bakery(tmp_path):
    """The walk's mesh as node.folder / "mesh", published; ana reads, olga owns."""
    with Node(tmp_path / "bakery") as node:
        for file in (ROOT / "examples/bakery/sources").iterdir():
            shutil.copy(file, node.data / "sources")
        shutil.copytree(ROOT / "examples/bakery/mesh", node.folder / "mesh")
        node.add_user("ana", groups=["analysts"], attributes={"country": ["DE", "FR", "IT"]})
        node.add_user("olga", groups=["crm-owners", "sales-owners"])
        node.apply(folder=node.folder / "mesh")
        yield node


def sqlstate(node, user, sql):
    with pytest.raises(psycopg.Error) as refused:
        query(node, user, sql)
    return refused.value.sqlstate


def apply(node, *flags, status=0):
    node.cli("apply", "-f", node.folder / "mesh", "--yes", *flags, status=status)
    return node.last.stdout + node.last.stderr


def test_what_is_removed_does_not_come_back(bakery):
    mesh, kept = bakery.folder / "mesh", bakery.folder / "kept"
    customers = mesh / "domains/crm/customers"
    assert query(bakery, "ana", "SELECT count(*) FROM crm.customers") == [(5,)]
    # without --prune nothing goes; with a reader it is refused, and who reads it is named
    shutil.move(customers, kept)
    assert "Nothing to change" in bakery.cli("plan", "-f", mesh)
    said = apply(bakery, "--prune", status=1)
    assert "table crm.customers is removed, but sales.orders reads it" in said
    assert query(bakery, "ana", "SELECT count(*) FROM crm.customers") == [(5,)]
    # with its reader changed first it goes; policies that match nothing any more only warn
    (mesh / "domains/sales/orders/revenue.sql").write_text("SELECT region AS country, count(*) AS orders, sum(total) AS total FROM orders GROUP BY region\n")
    plan = bakery.cli("plan", "-f", mesh, "--prune")
    assert "remove   DataProduct  crm.customers" in plan and "data up to version 1 can no longer be read" in plan
    said = apply(bakery, "--prune")
    assert "matches nothing" in said
    assert sqlstate(bakery, "ana", "SELECT * FROM crm.customers AT (VERSION => 1)") == "42P01"
    assert query(bakery, "olga", "SELECT count(*) FROM mesh.versions WHERE domain = 'crm'") == [(0,)]
    # a product of the same name begins with nothing
    shutil.move(kept, customers)
    (bakery.data / "sources/customers.csv").write_text("id,name,email,country\n99,Zoe,zoe@example.org,DE\n")
    apply(bakery, "--no-run")
    assert sqlstate(bakery, "olga", "SELECT * FROM crm.customers AT (VERSION => 1)") == "42704"
    assert sqlstate(bakery, "olga", "SELECT * FROM crm.customers") == "55000"
    bakery.cli("run", "crm.customers")
    assert query(bakery, "olga", "SELECT id FROM crm.customers AT (VERSION => 1)") == [(99,)]
    assert sqlstate(bakery, "olga", "SELECT * FROM crm.customers AT (VERSION => 2)") == "42704"


def test_a_domain_of_another_name_is_another_domain(bakery):
    mesh = bakery.folder / "mesh"
    (mesh / "domains/sales/orders/revenue.sql").write_text(
        (mesh / "domains/sales/orders/revenue.sql").read_text().replace("crm.customers", "people.customers"))
    shutil.move(mesh / "domains/crm", mesh / "domains/people")
    for file in (mesh / "domains/people").rglob("*.yaml"):
        file.write_text(file.read_text().replace("crm", "people"))
    said = apply(bakery, "--prune")
    assert "remove   Domain       crm" in said and "create   Domain       people" in said
    # its grants and owners are the new files' (the group people-owners has nobody); mesh policies named the old one
    assert "42P01" == sqlstate(bakery, "ana", "SELECT * FROM crm.customers")
    assert query(bakery, "ana", "SELECT count(*) FROM people.customers") == [(5,)]
    assert query(bakery, "ana", "SELECT count(*) FROM sales.revenue") == [(3,)]
    assert "matches nothing" in said
    shutil.rmtree(mesh / "domains/sales")
    apply(bakery, "--prune")
    assert query(bakery, "ana", "SELECT domain FROM mesh.domains") == [("people",)]


def test_a_run_that_ends_after_its_product_is_gone(bakery):
    """Removed while it runs, and back before it ends: nothing of the old run shows."""
    mesh = bakery.folder / "mesh"
    with open(bakery.data / "sources/orders.csv", "a") as file:
        file.writelines(f"{i},1,EU,1.00,2026-11-05 08:00:00+00\n" for i in range(100, 400000))
    run = threading.Thread(target=lambda: bakery.cli("run", "sales.orders", status=None))
    run.start()
    wait_for(lambda: "running" in bakery.cli("get", "runs"))
    shutil.move(mesh / "domains/sales/orders", bakery.folder / "kept")
    apply(bakery, "--prune")
    shutil.move(bakery.folder / "kept", mesh / "domains/sales/orders")
    apply(bakery, "--no-run")
    run.join()
    assert query(bakery, "olga", "SELECT count(*) FROM mesh.versions WHERE domain = 'sales'") == [(0,)]
    assert sqlstate(bakery, "olga", "SELECT * FROM sales.orders") == "55000"


def title(node, domain, text):
    """Writes a folder of one domain's file with another title, and applies it on top of what the plan saw."""
    folder = node.folder / f"mine-{domain}-{text}"
    shutil.copytree(node.folder / "mesh", folder)
    path = folder / f"domains/{domain}/domain.yaml"
    path.write_text(path.read_text().replace(f"name: {domain}", f"name: {domain}, title: {text}"))
    return subprocess.Popen([str(node.weft), "--data", str(node.data), "apply", "-f", str(folder), "--yes", "--no-run"], env=node.env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_applies_at_the_same_time_lose_nothing(bakery):
    """Each is all of it or nothing: who planned against what is no more is told so, and nothing of theirs is kept."""
    for attempt in range(4):
        pairs = [("crm", f"a{attempt}"), ("sales", f"b{attempt}"), ("crm", f"c{attempt}")]
        started = [(domain, text, title(bakery, domain, text)) for domain, text in pairs]
        ended = [(domain, text, process.communicate(timeout=60)[0], process.returncode) for domain, text, process in started]
        assert any(status == 0 for *_, status in ended), ended
        for domain, text, said, status in ended:
            assert status == 0 or (status == 5 and "apply" in said), said
        rows = dict(query(bakery, "olga", "SELECT domain, title FROM mesh.domains"))
        good = [(domain, text) for domain, text, _, status in ended if status == 0]
        # the last one that got through is there; each file stands as one of those who got through wrote it, or as the base
        assert any(rows[domain] == text for domain, text in good), (rows, ended)
        assert not any(rows[domain] == text for domain, text, _, status in ended if status != 0), (rows, ended)


@pytest.mark.parametrize("delay", [0, 0.005, 0.02, 0.05])
def test_killed_while_it_applies(bakery, delay):
    """After the next start it is either the mesh before or the mesh after, in every part."""
    mesh = bakery.folder / "mesh"
    shutil.move(mesh / "domains/crm/customers", bakery.folder / "kept")
    (mesh / "domains/sales/orders/revenue.sql").write_text("SELECT region AS country, count(*) AS orders, sum(total) AS total FROM orders GROUP BY region\n")
    shutil.move(bakery.folder / "kept", mesh / "domains/crm/people")
    for file in (mesh / "domains/crm/people").iterdir():
        file.write_text(file.read_text().replace("crm.customers", "crm.people").replace("name: customers", "name: people").replace("table: customers", "table: people"))
    (mesh / "domains/crm/people/customers.odcs.yaml").rename(mesh / "domains/crm/people/people.odcs.yaml")
    process = subprocess.Popen([str(bakery.weft), "--data", str(bakery.data), "apply", "-f", str(mesh), "--yes", "--prune", "--no-run"], env=bakery.env,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(delay)
    bakery.kill()
    process.communicate(timeout=30)
    bakery.start()
    products = {name for name, in query(bakery, "olga", "SELECT product FROM mesh.products WHERE domain = 'crm'")}
    assert products in ({"customers"}, {"people"})
    versions = query(bakery, "olga", "SELECT product, version FROM mesh.versions WHERE domain = 'crm'")
    assert versions == ([("customers", 1)] if products == {"customers"} else [])
    assert "Nothing to change" in bakery.cli("plan", "-f", mesh, "--prune") or products == {"customers"}
