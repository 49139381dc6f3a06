"""Every node finds what the others publish, also while they are down; what is hidden never leaves its node."""
import json
import sqlite3
import time

import psycopg
import pytest
from conftest import PASSWORD, query, wait_for
from lib import mesh
from lib.mesh import Impostor, Key, manifests

SLOW = {"mesh.greeting": "1h"}  # what comes sooner was pushed


def start(folder, config=None):
    """hub (no domain), sales (sales, vault: hidden), stock (stock); ann at each."""
    nodes = mesh.open_nodes(folder, ["hub", "sales", "stock"], config)
    hub, sales, stock = nodes.values()
    hub.cli("mesh", "init", "shop")
    mesh.join(hub, sales, "sales", "vault")
    mesh.join(hub, stock, "stock")
    for node in nodes.values():
        node.add_user("ann", PASSWORD)
    sales.apply({**manifests("sales", ["orders", "returns"], hidden=["margins"]), **manifests("vault", ["ledger"], hidden_domain=True)}, flags=("--yes", "--no-run"))
    stock.apply(manifests("stock", ["wares"]), flags=("--yes", "--no-run"))
    hub.apply({k: v for k, v in manifests("hub", []).items() if not k.startswith("domains")}, flags=("--yes", "--no-run"))
    return nodes


def stop(nodes):
    for node in nodes.values():
        node.stop()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    nodes = start(tmp_path_factory.mktemp("mesh"))
    wait_for(lambda: all(products(node) == PUBLIC for node in nodes.values()))
    yield nodes
    stop(nodes)


PUBLIC = {("sales", "sales", "orders"), ("sales", "sales", "returns"), ("stock", "stock", "wares")}


def products(node, user="ann"):
    return {tuple(row) for row in query(node, user, "SELECT node, domain, product FROM mesh.products")}


def copied(node):
    with sqlite3.connect(f"file:{node.data}/weft.db?mode=ro", uri=True) as db:
        return {name for name, in db.execute("SELECT node FROM copy_entry UNION SELECT node FROM copy WHERE node <> 'hub'")}


def test_everybody_finds_everything(nodes):
    for node in nodes.values():
        assert products(node) == PUBLIC
        assert set(query(node, "ann", "SELECT domain, node, seen_at IS NULL FROM mesh.domains")) == {("sales", "sales", node.name == "sales"), ("stock", "stock", node.name == "stock")}
        assert query(node, "ann", "SELECT column_name, data_type, required, key_position, tags, node FROM mesh.columns WHERE domain = 'sales' AND table_name = 'orders' ORDER BY position") == [
            ("id", "INTEGER", True, 1, [], "sales"), ("email", "VARCHAR", False, None, ["contact"], "sales")]
        listed = node.cli_json("get", "products")
        assert {(p["node"], p["domain"], p["product"]) for p in listed} >= PUBLIC
        hits = node.cli_json("search", "wares")
        assert (hits[0]["name"], hits[0]["node"]) in {("stock.wares", "stock")}
        assert {h["node"] for h in node.cli_json("search", "email")} == {"sales", "stock"}
        row = query(node, "ann", "SELECT status, description, owners, kind FROM mesh.products WHERE product = 'orders'")
        assert row == [("active", "All about orders.", ["sales-owners", "team:sales"], "source-aligned")]


def test_what_is_hidden_stays(nodes):
    """Not in what a peer keeps, sends or shows, not even to its administrator."""
    sales = nodes["sales"]
    assert {r[0] for r in query(sales, "ann", "SELECT product FROM mesh.products")} == {"orders", "returns", "wares"}
    for name in ("hub", "stock"):
        node = nodes[name]
        with sqlite3.connect(f"file:{node.data}/weft.db?mode=ro", uri=True) as db:
            kept = json.dumps(db.execute("SELECT * FROM copy_entry").fetchall())
        assert "orders" in kept and "margins" not in kept and "vault" not in kept and "ledger" not in kept
        for kind in ("products", "tables", "columns", "domains"):
            shown = json.dumps(node.cli_json("get", kind))
            assert "margins" not in shown and "vault" not in shown and "ledger" not in shown
        for word in ("margins", "ledger", "vault"):
            assert node.cli_json("search", word) == []
        # asked as a node would ask, for all of it
        key = Key(node.data / "keys/node.key")
        body = b'{"boot":"","epoch":-1}'
        status, answer = mesh.ask(sales, "POST", "/mesh/v1/catalogue", body, key.token(name, "sales", "POST", "/mesh/v1/catalogue", body))
        said = json.dumps(mesh.payload(answer["catalogue"]))
        assert status == 200 and "orders" in said and "margins" not in said and "vault" not in said and "ledger" not in said


def test_a_table_of_another_node(nodes):
    """Its node is asked; what is hidden looks like what is not there."""
    hints = {}
    for name in ("sales.orders", "stock.wares"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            query(nodes["hub"], "ann", f"SELECT * FROM {name}")
    for name in ("sales.margins", "sales.nothing", "vault.ledger", "vaults.ledger"):
        with pytest.raises(psycopg.errors.UndefinedTable) as refused:
            query(nodes["hub"], "ann", f"SELECT * FROM {name}")
        hints[name] = refused.value.diag.message_hint
    assert hints["sales.margins"] == hints["sales.nothing"] and hints["vault.ledger"] == hints["vaults.ledger"]


def test_only_nodes_may_ask(nodes):
    body = b'{"boot":"","epoch":-1}'
    assert mesh.ask(nodes["sales"], "POST", "/mesh/v1/catalogue", body)[0] == 401
    assert mesh.ask(nodes["sales"], "POST", "/mesh/v1/catalogue", body, Key().token("hub", "sales", "POST", "/mesh/v1/catalogue", body))[0] == 401
    assert mesh.ask(nodes["sales"], "POST", "/mesh/v1/catalogue", body, nodes["sales"].token("ann"))[0] == 401


def test_changes_are_pushed(tmp_path):
    """Greetings an hour apart: what arrives was told at once. Only what changed travels."""
    nodes = start(tmp_path, SLOW)
    hub, sales, stock = nodes.values()

    def all_see(want):
        begin = time.monotonic()
        for node in (hub, stock):
            wait_for(lambda node=node: {p for n, _, p in products(node) if n == "sales"} == want, 10)
        return time.monotonic() - begin

    def apply(files, *flags):
        return sales.apply({**files, **manifests("vault", ["ledger"], hidden_domain=True)}, folder=f"mesh-{time.monotonic_ns()}", flags=("--yes", "--no-run", *flags))

    def mark():
        with sqlite3.connect(f"file:{hub.data}/weft.db?mode=ro", uri=True) as db:
            return db.execute("SELECT boot, epoch FROM copy WHERE node = 'sales'").fetchone()

    try:
        all_see({"orders", "returns"})
        apply(manifests("sales", ["orders", "returns", "coupons"], hidden=["margins"]))
        assert all_see({"orders", "returns", "coupons"}) < 5
        before = mark()
        apply(manifests("sales", ["orders", "coupons"], hidden=["margins", "returns"]), "--prune")  # hidden from now on
        assert all_see({"orders", "coupons"}) < 5
        assert mark() == (before[0], before[1] + 1)
        # what nobody there may know of is no change for them
        before = mark()
        apply(manifests("sales", ["orders", "coupons"], hidden=["margins", "returns", "bribes"]))
        apply(manifests("sales", ["orders", "coupons", "last"], hidden=["margins", "returns", "bribes"]))
        all_see({"orders", "coupons", "last"})
        assert mark() == (before[0], before[1] + 1)
        sales.restart()  # another boot: all of it anew
        wait_for(lambda: mark()[0] != before[0])
        assert all_see({"orders", "coupons", "last"}) < 5
    finally:
        stop(nodes)


def test_a_node_is_down(tmp_path):
    """What it publishes can still be found, marked with its age, also after a restart of who looks."""
    nodes = start(tmp_path)
    hub, sales, stock = nodes.values()
    try:
        wait_for(lambda: products(hub) == PUBLIC)
        sales.stop()
        wait_for(lambda: mesh.states(hub)["sales"] == "down")
        assert products(hub) == PUBLIC
        first = query(hub, "ann", "SELECT now() - seen_at FROM mesh.products WHERE product = 'orders'")[0][0]
        time.sleep(1)
        assert query(hub, "ann", "SELECT now() - seen_at FROM mesh.products WHERE product = 'orders'")[0][0] > first
        assert hub.cli_json("search", "orders")[0]["node"] == "sales"
        hub.restart()
        assert products(hub) == PUBLIC
        # a removed node's products go
        hub.cli("node", "remove", "sales", "--yes")
        wait_for(lambda: products(hub) == {("stock", "stock", "wares")} == products(stock))
        wait_for(lambda: copied(hub) == {"stock"} and copied(stock) == set())  # erased, not only out of sight
    finally:
        stop(nodes)


def test_a_domain_that_is_not_given_to_the_node(tmp_path):
    nodes = start(tmp_path)
    hub, sales, stock = nodes.values()
    try:
        stock.apply({**manifests("stock", ["wares"]), **manifests("sales", ["orders"])}, folder="more", flags=("--yes", "--no-run"), status=1)
        assert "the domain \"sales\" is the node sales's in the mesh shop" in stock.last.stdout + stock.last.stderr
        stock.apply({**manifests("stock", ["wares", "last"]), **manifests("returns", ["returns"])}, folder="more2", flags=("--yes", "--no-run"))
        assert 'does not give the domain "returns" to this node: others will not see it' in stock.last.stdout + stock.last.stderr
        wait_for(lambda: ("stock", "stock", "last") in products(hub))
        assert products(hub) == {*PUBLIC, ("stock", "stock", "last")}
        hub.cli("node", "set", "stock", "--domain", "stock,returns")
        wait_for(lambda: ("stock", "returns", "returns") in products(hub))
    finally:
        stop(nodes)


def product(name, domain="sales", **more):
    return {"domain": domain, "product": name, "status": "active", "kind": "aggregate", "owners": [], "tags": [], "tables": [
        {"table": name, "major": 1, "newest": True, "columns": [{"name": "id", "type": "INTEGER"}]}], **more}


def change(products, **more):
    return {"node": "sales", "boot": "evil", "epoch": 99, "full": True, "domains": [{"domain": "sales"}, {"domain": "stock"}, {"domain": "new"}], "products": products, "removed": [], **more}


NASTY = ["'; DROP TABLE copy_entry; --", "../../etc/passwd", "Ünïcode", "a" * 100_000, "orders\0x", "", "pg_catalog.pg_class", "SELECT"]
HOSTILE = [
    ("unsigned", lambda me, _: {"catalogue": json.dumps(change([product("evil")]))}, "cannot be read"),
    ("signed by nobody", lambda me, _: me.signed(change([product("evil")]), Key()), "not signed by it"),
    ("of another type", lambda me, _: {"catalogue": me.key.jws("weft-node+jwt", change([product("evil")]))}, "cannot be read"),
    ("of another node", lambda me, _: me.signed(change([product("evil")], node="stock")), "cannot be read"),
    ("without an epoch", lambda me, _: me.signed(change([product("evil")], epoch=None)), "cannot be read"),
    ("a change of what is not known", lambda me, _: me.signed(change([product("evil")], full=False)), "does not follow"),
    ("no JSON", lambda me, _: b"<html>", "cannot be read"),
    ("an array", lambda me, _: me.signed([1, 2]), "cannot be read"),
    ("deep", lambda me, _: b"[" * 100_000, "cannot be read"),
    ("endless", lambda me, _: None, None),
]


@pytest.fixture(scope="module")
def fallen(tmp_path_factory):
    nodes = start(tmp_path_factory.mktemp("fallen"))
    wait_for(lambda: all(products(node) == PUBLIC for node in nodes.values()))
    nodes["sales"].stop()
    yield nodes
    stop(nodes)


@pytest.mark.parametrize("what, answers, reason", HOSTILE, ids=[h[0] for h in HOSTILE])
def test_a_hostile_node_is_refused(fallen, what, answers, reason):
    """The copy of before stays, the others go on."""
    hub = fallen["hub"]
    seen = len(hub.log())
    peer = Impostor(fallen["sales"], hub, answers)
    try:
        wait_for(lambda: any(path == "/mesh/v1/catalogue" for path, _ in peer.asked), 15)
        if reason:
            wait_for(lambda: any("catalogue.refused" in line and reason in line for line in hub.log()[seen:].splitlines()))
        assert products(hub) == PUBLIC
        assert mesh.states(hub)["stock"] == "up"
    finally:
        peer.close()


def test_a_hostile_node_may_speak_for_its_own_only(fallen):
    """Rightly signed, wrongly meant: names that are none and domains of others are left out, the rest is taken as text."""
    hub = fallen["hub"]
    said = [product("fine"), product("evil", "stock"), product("evil", "new"), *[product(name) for name in NASTY], 7, None, {"product": "x"},
            product("columns", tables=[{"table": "t", "major": 1, "columns": [{"name": "", "type": "INTEGER"}]}]),
            product("tables", tables=[{"table": "../t", "major": 1, "columns": []}]), product("major", tables=[{"table": "t", "major": -1, "columns": []}]),
            product("texts", description="</script><b>" + "'; DROP TABLE x" * 10, title=7, owners=[1, "x"], tags="no list")]
    peer = Impostor(fallen["sales"], hub, lambda me, _: me.signed(change(said)))
    try:
        want = {("sales", "sales", name) for name in ("fine", "texts")} | {("stock", "stock", "wares")}
        wait_for(lambda: products(hub) == want, 30)
        assert {d for d, in query(hub, "ann", "SELECT domain FROM mesh.domains")} == {"sales", "stock"}
        assert query(hub, "ann", "SELECT description FROM mesh.products WHERE product = 'texts'")[0][0].startswith("</script>")
        hub.cli("doctor", status=None)
        assert "integrity" not in hub.last.stderr
        # the same boot, but of before: it cannot bring back what was
        peer.close()
        peer = Impostor(fallen["sales"], hub, lambda me, _: me.signed(change([product("older")], epoch=98)))
        peer.epoch = 98
        wait_for(lambda: any("/catalogue" in path for path, _ in peer.asked) and "does not follow" in hub.log())
        assert products(hub) == want
    finally:
        peer.close()
