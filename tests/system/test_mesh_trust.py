"""Who is in the mesh: invitations, keys, the mesh file, tokens between nodes; and who is not."""
import http.client
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import time

import pytest
from conftest import wait_for
from lib import mesh
from lib.mesh import Key, ask
from lib.node import SANITIZED

FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    nodes = mesh.open_mesh(tmp_path_factory.mktemp("mesh"), ["hub", "sales", "stock"])
    yield nodes
    for node in nodes.values():
        node.stop()


def all_up(nodes):
    for name, node in nodes.items():
        want = {other: "self" if other == name else "up" for other in nodes}
        wait_for(lambda node=node, want=want: mesh.states(node) == want)


def version(node):
    return node.cli_json("mesh", "show")["version"]


def node_key(node):
    return Key(node.data / "keys/node.key")


def refused(node, reason, name=None):
    """The node's log names who was refused, and why."""
    return wait_for(lambda: any("mesh.refused" in line and reason in line and (name is None or f"peer={name}" in line) for line in node.log().splitlines()))


def test_all_know_all(nodes):
    all_up(nodes)
    files = {node.cli("mesh", "show", "--file") for node in nodes.values()}
    assert len(files) == 1
    shown = nodes["stock"].cli_json("mesh", "show")
    assert [(n["name"], n["domains"]) for n in shown["nodes"]] == [("hub", []), ("sales", ["sales"]), ("stock", ["stock"])]
    assert shown["authority"] == "hub" and not shown["governs"] and shown["member"]


def test_no_secret_shows(nodes):
    """Keys are readable by their owner only, and stand in no log, answer or mesh file."""
    for node in nodes.values():
        keys = [node.data / "keys" / name for name in ("node.key", "governance.key", "pseudonym.key") if (node.data / "keys" / name).exists()]
        for key in keys:
            assert key.stat().st_mode & 0o077 == 0
            secret = key.read_text().splitlines()[1 if "BEGIN" in key.read_text() else 0]
            assert secret not in node.log()
            assert secret not in node.cli("mesh", "show", "-o", "json")
    assert len({(node.data / "keys/pseudonym.key").read_text() for node in nodes.values()}) == 1, "pseudonyms of one mesh join"
    assert "weft_invite_" not in "".join(node.log() for node in nodes.values())


def test_a_key_file_is_what_openssl_reads(nodes):
    path = nodes["sales"].data / "keys/node.key"
    assert "ED25519" in subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], check=True, capture_output=True, text=True).stdout


HELLO = b'{"node":"sales"}'


def test_a_right_token_is_taken_once(nodes):
    key = node_key(nodes["sales"])
    token = key.token("sales", "hub", "POST", "/mesh/v1/hello", HELLO)
    status, answer = ask(nodes["hub"], "POST", "/mesh/v1/hello", HELLO, token)
    assert status == 200 and answer["node"] == "hub" and answer["mesh_version"] == version(nodes["hub"])
    status, problem = ask(nodes["hub"], "POST", "/mesh/v1/hello", HELLO, token)
    assert status == 401 and "shown before" in problem["detail"]
    refused(nodes["hub"], "shown before", "sales")
    # a replay at another node
    status, problem = ask(nodes["stock"], "POST", "/mesh/v1/hello", HELLO, token)
    assert status == 401 and "another node" in problem["detail"]


FORGERIES = [  # times are seconds from now
    ("another body", dict(body=b"{}"), "body"),
    ("another path", dict(path="/mesh/v1/file"), "another request"),
    ("another method", dict(method="GET"), "another request"),
    ("for another node", dict(receiver="stock"), "another node"),
    ("of an unknown node", dict(sender="ghost"), "no node of the mesh"),
    ("of the receiver itself", dict(sender="hub"), "none of the node hub"),
    ("of another node", dict(sender="stock"), "none of the node stock"),
    ("expired", dict(iat=-600, exp=-540), "expired"),
    ("of a clock ahead", dict(iat=600, exp=660), "ahead"),
    ("living too long", dict(exp=86400), "times"),
    ("never expiring", dict(exp=None), "times"),
    ("without a time", dict(iat=None), "times"),
    ("without an id", dict(jti=None), "whose"),
    ("without a digest", dict(digest=None), "body"),
    ("without a sender", dict(iss=None), "whose"),
    ("with a number for a name", dict(iss=1), "whose"),
]


@pytest.mark.parametrize("what, wrong, reason", FORGERIES, ids=[f[0] for f in FORGERIES])
def test_a_forged_token_is_refused(nodes, what, wrong, reason):
    right = {"sender": "sales", "receiver": "hub", "method": "POST", "path": "/mesh/v1/hello", "body": HELLO}
    times = {k: v if v is None else int(time.time()) + v for k, v in wrong.items() if k in ("iat", "exp")}
    token = node_key(nodes["sales"]).token(**{**right, **wrong, **times})
    status, problem = ask(nodes["hub"], "POST", "/mesh/v1/hello", HELLO, token)
    assert status == 401 and reason in problem["detail"], problem
    refused(nodes["hub"], reason)


def test_what_is_no_token_is_refused(nodes):
    good = node_key(nodes["sales"]).token("sales", "hub", "POST", "/mesh/v1/hello", HELLO)
    head, body, signature = good.split(".")
    broken = ("B" if signature[0] == "A" else "A") + signature[1:]
    none = mesh.b64(json.dumps({"alg": "none", "kid": node_key(nodes["sales"]).thumbprint, "typ": "weft-node+jwt"}).encode())
    tokens = [None, "x", "a.b.c", f"{head}.{body}.", f"{none}.{body}.", f"{head}.{body}.{broken}", good + ".x", "weft_" + "a" * 40,
              node_key(nodes["sales"]).jws("weft-mesh+jws", mesh.payload(good)), "A" * 5_000]
    for token in tokens:
        status, _ = ask(nodes["hub"], "POST", "/mesh/v1/hello", HELLO, token)
        assert status in (401, 413, 431), token and token[:80]
    # a user's token is no node's, and a node's no user's
    nodes["hub"].add_user("ann", admin=True)
    assert ask(nodes["hub"], "POST", "/mesh/v1/hello", HELLO, nodes["hub"].token("ann", "query,read,admin"))[0] == 401
    assert ask(nodes["hub"], "GET", "/api/v1/mesh", None, node_key(nodes["sales"]).token("sales", "hub", "GET", "/api/v1/mesh"))[0] == 401


def test_strangers_cannot_fill_the_log(tmp_path):
    """A thousand refused requests are told in at most 100 lines for ten seconds, and how many were left out is told later."""
    hub = mesh.open_nodes(tmp_path, ["hub"])["hub"]
    try:
        hub.cli("mesh", "init", "shop")
        stranger = Key()
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", hub.settings["http.port"], context=context, timeout=30)
        for _ in range(500):
            connection.request("POST", "/mesh/v1/hello", HELLO, {"Authorization": "Bearer " + stranger.token("sales", "hub", "POST", "/mesh/v1/hello", HELLO)})
            assert connection.getresponse().read()
            connection.request("POST", "/mesh/v1/file", b'{"file":"x"}', {"Content-Type": "application/json"})
            assert connection.getresponse().read()
        for event in ("mesh.refused", "mesh.file_refused"):
            assert 100 <= hub.log().count(f" {event} ") <= 300, event
    finally:
        hub.stop()


def test_only_administrators_change_the_mesh(nodes):
    hub = nodes["hub"]
    hub.add_user("bob")
    token = hub.token("bob", "query,read")
    for method, path, body in [("GET", "/api/v1/mesh", None), ("POST", "/api/v1/mesh", b'{"mesh":"x"}'), ("POST", "/api/v1/mesh/invitations", b'{"node":"x"}'),
                               ("POST", "/api/v1/mesh/join", b'{"invitation":"x"}'), ("POST", "/api/v1/mesh/leave", b""), ("DELETE", "/api/v1/mesh/nodes/sales", None),
                               ("PUT", "/api/v1/mesh/nodes/sales", b'{"domains":[]}'), ("POST", "/api/v1/mesh/key", b"{}"), ("POST", "/api/v1/mesh/governance-key", b"")]:
        assert ask(hub, method, path, body, token)[0] == 403, path
    assert mesh.states(hub)["sales"] == "up"


def test_a_mesh_file_is_believed_for_its_signature_only(nodes):
    hub, sales = nodes["hub"], nodes["sales"]
    text = hub.cli("mesh", "show", "--file").strip()
    file = mesh.payload(text)
    file["version"] += 1
    file["nodes"] = [n for n in file["nodes"] if n["name"] != "stock"]

    def send(jws):
        return ask(sales, "POST", "/mesh/v1/file", json.dumps({"file": jws}).encode())

    by_node = node_key(hub).jws("weft-mesh+jws", file)
    by_nobody = Key().jws("weft-mesh+jws", file)
    own_key = Key()
    taken_over = own_key.jws("weft-mesh+jws", {**file, "governance": own_key.jwk})
    wrong_type = Key(hub.data / "keys/governance.key").jws("weft-node+jwt", file)
    for forged in (by_node, by_nobody, taken_over, wrong_type, text[:-4] + "AAAA", "x", ""):
        status, _ = send(forged)
        assert status in (400, 401), forged[:60]
    # rightly signed, but of another mesh, or the same version with other words
    governance = Key(hub.data / "keys/governance.key")
    before = version(sales)
    assert send(governance.jws("weft-mesh+jws", {**file, "mesh": "other"}))[1]["mesh_version"] == before
    assert send(governance.jws("weft-mesh+jws", {**file, "version": before}))[1]["mesh_version"] == before
    assert send(governance.jws("weft-mesh+jws", {**file, "version": 1}))[1]["mesh_version"] == before
    assert sales.cli_json("mesh", "show")["nodes"] == hub.cli_json("mesh", "show")["nodes"]
    log = sales.log()
    assert "mesh.file_refused" in log and "not signed by the governance key" in log and "older" in log
    # with members that this version does not know: a node that skipped them could trust too much
    assert send(governance.jws("weft-mesh+jws", {**file, "revoked": ["stock"]}))[0] == 400


def test_wrong_node_at_the_address(nodes, tmp_path):
    """Somebody else took the address: nothing is sent there, its log and ours say so."""
    hub, sales = nodes["hub"], nodes["sales"]
    elsewhere = mesh.open_nodes(tmp_path, ["sales"])["sales"]
    try:
        before = hub.cli_json("mesh", "show")["nodes"][1]["url"]
        hub.cli("node", "set", "sales", "--node-url", elsewhere.url())
        wait_for(lambda: mesh.states(hub)["sales"] == "refuses")
        row = next(r for r in hub.cli_json("get", "nodes") if r["node"] == "sales")
        assert "does not hold the TLS key that is pinned" in row["reason"]
        assert "peer.refuses" in hub.log()
        hub.cli("node", "set", "sales", "--node-url", before)
        all_up(nodes)
    finally:
        elsewhere.stop()
    assert sales.process.poll() is None


def test_keys_are_replaced_while_all_goes_on(nodes):
    hub, sales, stock = nodes.values()
    old = node_key(sales)
    sales.cli("node", "rotate-key", "--overlap", "1h")
    assert node_key(sales).thumbprint != old.thumbprint
    all_up(nodes)
    for node in (hub, stock):  # the old one still counts
        wait_for(lambda node=node: version(node) == version(sales))
        assert ask(node, "POST", "/mesh/v1/hello", HELLO, old.token("sales", node.name, "POST", "/mesh/v1/hello", HELLO))[0] == 200
    sales.cli("node", "rotate-key", "--overlap", "0s")  # it was stolen
    all_up(nodes)
    for node in (hub, stock):
        wait_for(lambda node=node: version(node) == version(sales))
        status, problem = ask(node, "POST", "/mesh/v1/hello", HELLO, old.token("sales", node.name, "POST", "/mesh/v1/hello", HELLO))
        assert status == 401 and "none of the node sales" in problem["detail"]
    hub.cli("node", "rotate-key")
    all_up(nodes)
    assert "peer.refuses peer=" not in "".join(line for line in stock.log().splitlines() if "none of the node" in line)


def test_the_governance_key_is_replaced(nodes):
    hub, sales, stock = nodes.values()
    stock.stop()  # it misses two of them
    hub.cli("mesh", "rotate-key")
    old = Key(hub.data / "keys/governance.key")
    hub.cli("mesh", "rotate-key")
    stock.start()
    all_up(nodes)
    wait_for(lambda: version(stock) == version(hub))
    file = mesh.payload(hub.cli("mesh", "show", "--file"))
    forged = old.jws("weft-mesh+jws", {**file, "version": file["version"] + 1})
    assert ask(sales, "POST", "/mesh/v1/file", json.dumps({"file": forged}).encode())[0] == 401
    assert "does not hold the governance key" in sales.cli("mesh", "rotate-key", status=None) + sales.last.stderr


def test_a_new_certificate(nodes, tmp_path):
    """Announced before it is used: the others never see a key that they do not know."""
    hub, sales = nodes["hub"], nodes["sales"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=sales", "-keyout", tmp_path / "tls.key",
                    "-out", tmp_path / "tls.crt"], check=True, capture_output=True)
    sales.cli("node", "rotate-key", "--tls-cert", tmp_path / "tls.crt")
    all_up(nodes)
    sales.stop()
    for name in ("tls.key", "tls.crt"):
        shutil.copy(tmp_path / name, sales.data / "keys" / name)
    sales.start()
    all_up(nodes)
    assert hub.cli_json("mesh", "show")["nodes"][1]["tls"][1]["until"]


def test_a_removed_node(tmp_path):
    nodes = mesh.open_mesh(tmp_path, ["hub", "sales", "stock"])
    hub, sales, stock = nodes.values()
    try:
        all_up(nodes)
        before = stock.cli("mesh", "show", "--file").strip()
        sales.stop()  # it learns of the removal later, from any node that knows it
        assert "57014" in hub.cli("node", "remove", "stock", status=None) + hub.last.stderr or hub.last.returncode != 0
        hub.cli("node", "remove", "stock", "--yes")
        sales.start()
        wait_for(lambda: mesh.states(sales) == {"sales": "self", "hub": "up"})
        wait_for(lambda: set(mesh.states(stock).values()) >= {"refuses"})
        for node in (hub, sales):
            refused(node, "no node of the mesh", "stock")
        # the file of before does not bring it back
        assert ask(sales, "POST", "/mesh/v1/file", json.dumps({"file": before}).encode())[1]["mesh_version"] == version(hub)
        assert "stock" not in mesh.states(sales)
        # it goes on alone, and may be invited again
        stock.cli("node", "leave", "--yes")
        assert mesh.states(stock) == {"stock": "self"}
        mesh.join(hub, stock, "stock")
        all_up(nodes)
    finally:
        for node in nodes.values():
            node.stop()


def test_invitations(tmp_path):
    nodes = mesh.open_nodes(tmp_path, ["hub", "sales", "other"])
    hub, sales, other = nodes.values()

    def fails(node, *args, says, **more):
        node.cli(*args, status=None, **more)
        assert node.last.returncode != 0 and says in node.last.stderr, node.last.stderr

    try:
        fails(hub, "node", "invite", "sales", says="in no mesh")
        hub.cli("mesh", "init", "shop")
        fails(hub, "mesh", "init", "shop", says="already")
        fails(hub, "node", "invite", "Sales Team", says="cannot be called")
        fails(hub, "node", "invite", "hub", says="has a node hub already")
        fails(sales, "node", "join", text="weft_invite_x", says="no invitation")
        fails(sales, "node", "join", "/nowhere", says="no file")
        invitation = hub.cli("node", "invite", "sales", "--domain", "sales,returns")
        fails(other, "node", "join", text=invitation, says='is for a node called "sales"')
        sales.cli("node", "join", text=invitation)
        fails(sales, "node", "join", text=invitation, says="already")
        fails(sales, "node", "invite", "other", says="does not hold the governance key")
        fails(hub, "node", "invite", "other", "--domain", "returns", says="the domain returns is the node sales's")
        short = hub.cli("node", "invite", "other", "--lifetime", "1s")
        time.sleep(1.1)
        fails(other, "node", "join", text=short, says="expired")
        # a man in the middle: the right text with another pin
        text = hub.cli("node", "invite", "other").strip()
        inside = json.loads(mesh.unb64(text.removeprefix("weft_invite_")))
        for change, says in [({"pin": mesh.base64.b64encode(os.urandom(32)).decode()}, "pinned"), ({"secret": "guess"}, "no such invitation"),
                             ({"url": other.url()}, "pinned"), ({"governance": Key().jwk}, "not signed by the governance key")]:
            changed = "weft_invite_" + mesh.b64(json.dumps({**inside, **change}).encode())
            fails(other, "node", "join", text=changed, says=says)
        other.cli("node", "join", text=text)  # the last try used it, but it is the same node with the same key
        assert "mesh.refused" in hub.log()
    finally:
        for node in nodes.values():
            node.stop()


@pytest.mark.skipif(not FAKETIME.exists() or SANITIZED, reason="needs libfaketime, which a sanitizer does not like")
@pytest.mark.parametrize("ahead, state", [("+20s", "up"), ("-20s", "up"), ("+95s", "refuses"), ("-200s", "refuses")])
def test_clocks_differ(tmp_path, ahead, state):
    nodes = mesh.open_mesh(tmp_path, ["hub", "sales"])
    hub, sales = nodes.values()
    try:
        sales.stop()
        sales.start({"LD_PRELOAD": str(FAKETIME), "FAKETIME": ahead, "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        wait_for(lambda: mesh.states(sales)["hub"] == state)
        wait_for(lambda: "mesh.skew" in hub.log())
        wait_for(lambda: abs((next(r for r in hub.cli_json("get", "nodes") if r["node"] == "sales")["skew_ms"] or 0) - int(ahead[:-1]) * 1000) < 3000)
        if state == "refuses":
            refused(hub, "clock" if ahead[0] == "+" else "expired", "sales")
    finally:
        for node in nodes.values():
            node.stop()


def test_the_hub_is_down(tmp_path):
    """No node needs a central one: the mesh file goes on from those that have it, and a node that was away gets it there."""
    nodes = mesh.open_mesh(tmp_path, ["hub", "sales", "stock"])
    hub, sales, stock = nodes.values()
    try:
        all_up(nodes)
        stock.stop()
        hub.cli("node", "set", "sales", "--domain", "sales,returns")
        wait_for(lambda: version(sales) == version(hub))
        hub.stop()
        stock.start()
        wait_for(lambda: version(stock) == version(sales))
        assert mesh.states(stock)["sales"] == "up"
        wait_for(lambda: mesh.states(stock)["hub"] == "down")
        reason = next(r for r in stock.cli_json("get", "nodes") if r["node"] == "hub")["reason"]
        assert "nobody answers" in reason
        hub.start()
        all_up(nodes)
    finally:
        for node in nodes.values():
            node.stop()


def test_killed_while_joining(tmp_path):
    """kill -9 right after each command: what was said holds."""
    nodes = mesh.open_nodes(tmp_path, ["hub", "sales"])
    hub, sales = nodes.values()
    try:
        hub.cli("mesh", "init", "shop")
        hub.kill()
        hub.start()
        invitation = hub.cli("node", "invite", "sales")
        hub.kill()
        hub.start()
        sales.cli("node", "join", text=invitation)
        sales.kill()
        hub.kill()
        hub.start()
        sales.start()
        all_up(nodes)
        sales.cli("node", "rotate-key", "--overlap", "0s")
        sales.kill()
        hub.cli("mesh", "rotate-key")
        hub.kill()
        hub.start()
        sales.start()
        all_up(nodes)
        assert hub.cli_json("mesh", "show")["governs"]
    finally:
        for node in nodes.values():
            node.stop()
