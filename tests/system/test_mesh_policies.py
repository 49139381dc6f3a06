"""The policies of the mesh: signed where it is governed, in force everywhere, tightened and never loosened by a domain."""
import base64
import itertools
import json
import ssl
import time
import urllib.request

import psycopg
import pytest
from conftest import PASSWORD, connect, in_background, query, wait_for
from lib import mesh, smallmesh
from lib.mesh import Impostor, Key, payload

POLICY = "apiVersion: weft/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec: {spec}\n"
TIMES = itertools.count(1_700_000_000)  # a set that was refused is not asked for again
DENY = {"governance/policies/closed.yaml": POLICY.format(name="closed", spec="{effect: deny, on: {tables: [lab.people]}}")}


def start(folder, *more):
    """hub governs; lab holds people, which ann reads."""
    nodes = mesh.open_nodes(folder, ["hub", "lab", *more])
    hub, lab, *others = nodes.values()
    hub.cli("mesh", "init", "shop")
    hub.apply(smallmesh.MESH_WIDE)
    for node in [lab, *others]:
        mesh.join(hub, node, node.name)
    smallmesh.write_source(lab)
    lab.add_user("ann", PASSWORD, groups=["readers"])
    lab.add_user("root", PASSWORD, admin=True)
    lab.apply(smallmesh.DOMAIN)
    return nodes


def stop(nodes):
    for node in nodes.values():
        node.stop()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    nodes = start(tmp_path_factory.mktemp("policies"))
    yield nodes
    stop(nodes)


@pytest.fixture
def again(nodes):
    """The policies are afterwards as they were."""
    yield nodes
    nodes["hub"].apply(smallmesh.MESH_WIDE, folder="again", flags=("--yes", "--prune"))
    settled(nodes)


def status(node):
    said = json.loads(node.cli("governance", "status", "-o", "json"))
    return said, {entry["node"]: entry for entry in said["nodes"]}


def version(node):
    return status(node)[1][node.name]["policy_version"]


def settled(nodes):
    newest = version(nodes["hub"])
    wait_for(lambda: all(version(node) == newest for node in nodes.values()))
    return newest


def govern(hub, files, *flags, folder="more"):
    return hub.apply({**smallmesh.MESH_WIDE, **files}, folder=folder, flags=("--yes", *flags))


def count(node, user="ann", column="*"):
    return query(node, user, f"SELECT count({column}) FROM lab.people")[0][0]


def fails(node, *args, says, status=None):
    node.cli(*args, status=status or 1)
    assert says in node.last.stdout + node.last.stderr


def test_they_hold_at_every_node(again):
    hub, lab = again.values()
    assert (count(lab), count(lab, column="email")) == (1000, 0)  # eu-only and contact came with joining
    assert query(lab, "ann", "SELECT count(*) FROM mesh.policies WHERE domain IS NULL") == query(lab, "ann", "SELECT 2")
    before = settled(again)
    govern(hub, {"governance/policies/contact.yaml": POLICY.format(name="contact", spec="{effect: mask, on: {columns: ['*.*.name']}, mask: {method: 'null'}}")})
    wait_for(lambda: count(lab, column="name") == 0, 2)
    assert count(lab, column="email") == 1000
    said, entries = status(hub)
    assert (said["mesh"], said["authority"], said["version"], said["files"]) == ("shop", "hub", before + 1, 3)
    assert {name: (e["state"], e["policy_version"], e["behind"]) for name, e in entries.items()} == {"hub": ("self", before + 1, 0), "lab": ("up", before + 1, 0)}
    assert query(lab, "ann", "SELECT node, policy_version FROM mesh.nodes ORDER BY 1") == [("hub", before + 1), ("lab", before + 1)]
    request = urllib.request.Request(lab.url("/metrics"), headers={"Authorization": "Basic " + base64.b64encode(f"root:{PASSWORD}".encode()).decode()})
    with urllib.request.urlopen(request, context=ssl._create_unverified_context()) as metrics:
        assert f"weft_mesh_policy_version {before + 1}\n" in metrics.read().decode()
    table = hub.cli("governance", "status")
    assert "ENFORCES" in table and "0 of 2 nodes lag" in hub.last.stderr


def test_an_apply_that_says_the_same_makes_no_version(nodes):
    before = settled(nodes)
    nodes["hub"].apply(smallmesh.MESH_WIDE)
    assert version(nodes["hub"]) == before


def test_a_new_one_ends_statements_that_run(again):
    hub, lab = again.values()
    with connect(lab, "ann") as session:
        thread, outcome = in_background(lambda: session.execute("SELECT sum(sqrt(a.id::double + b.id + c.id)) FROM lab.people a, lab.people b, lab.people c").fetchall())
        wait_for(lambda: query(lab, "ann", "SELECT 1 FROM mesh.queries WHERE statement LIKE '%sqrt%' AND state = 'running'"))
        govern(hub, DENY)
        thread.join(5)
        assert not thread.is_alive()
        assert "error" in outcome
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        count(lab)


def test_only_where_the_mesh_is_governed_are_they_changed(nodes):
    _, lab = nodes.values()
    before = settled(nodes)
    folder = lab.write({**smallmesh.DOMAIN, **smallmesh.MESH_WIDE, **DENY}, "mine")
    fails(lab, "apply", "-f", folder, "--yes", says="the policies of the mesh shop are changed at the node hub")
    fails(lab, "plan", "-f", folder, says="governance/policies/closed.yaml")
    assert (version(lab), count(lab)) == (before, 1000)
    lab.apply({**smallmesh.DOMAIN, **smallmesh.MESH_WIDE}, folder="same")  # as they are
    lab.apply(smallmesh.DOMAIN, folder="bare", flags=("--yes", "--prune"))  # theirs to remove they are not
    assert count(lab, column="email") == 0
    lab.cli("export", "--dir", lab.folder / "exported")
    assert {str(p.relative_to(lab.folder / "exported")): p.read_text() for p in (lab.folder / "exported/governance").rglob("*.yaml")} == \
        {k: v for k, v in smallmesh.FILES.items() if k.startswith("governance/")}


def domain_policy(lab, spec, name="own"):
    lab.apply({**smallmesh.DOMAIN, f"domains/lab/policies/{name}.yaml": POLICY.format(name=name, spec=spec)}, folder="tighter", flags=("--yes", "--prune"))


def test_a_domain_tightens_and_never_loosens(again):
    """Rows that ann sees, and e-mails, by what the domain adds to the mesh's filter (EU) and mask (null)."""
    hub, lab = again.values()
    hub.cli("node", "set", "hub", "--domain", "elsewhere")
    for spec, expected in [
        ("{effect: filter, on: {tables: [lab.people]}, filter: 'id < 100'}", (50, 0)),  # and
        ("{effect: filter, on: {tables: [lab.people]}, filter: 'true'}", (1000, 0)),
        ("{effect: filter, on: {tables: [lab.people]}, unless: [{groups: [readers]}], filter: 'false'}", (1000, 0)),
        ("{effect: mask, on: {tables: [lab.people], columns: ['*.*.email']}, mask: {method: partial, keepAfter: '@'}}", (1000, 0)),  # the stricter one
        ("{effect: mask, on: {columns: ['*.*.email']}, unless: [{groups: [readers]}], mask: {method: 'null'}}", (1000, 0)),
        ("{effect: allow, on: {tables: [lab.people]}, to: [{groups: [readers]}]}", (1000, 0)),
    ]:
        domain_policy(lab, spec)
        assert (count(lab), count(lab, column="email")) == expected, spec
    domain_policy(lab, "{effect: mask, on: {columns: ['*.*.name']}, mask: {method: 'null'}}")
    assert count(lab, column="name") == 0
    govern(hub, DENY)
    domain_policy(lab, "{effect: allow, on: {tables: [lab.people]}, to: [{groups: [readers]}]}", "more")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        count(lab)
    lab.apply(smallmesh.DOMAIN, folder="as-it-was", flags=("--yes", "--prune"))


def test_what_cannot_be_evaluated_here_is_refused_here(again):
    """The governing node does not know lab's columns."""
    hub, lab = again.values()
    before = settled(again)
    govern(hub, {"governance/policies/odd.yaml": POLICY.format(name="odd", spec="{effect: filter, on: {tables: [lab.people]}, filter: 'no_such_column = 1'}")})
    wait_for(lambda: version(lab) == before + 1)
    with pytest.raises(psycopg.Error):
        count(lab)


def test_a_node_that_was_away(tmp_path):
    nodes = start(tmp_path, "desk")
    try:
        hub, lab, desk = nodes.values()
        before = settled(nodes)
        lab.stop()
        govern(hub, DENY)
        wait_for(lambda: version(desk) == before + 1)
        wait_for(lambda: status(desk)[1]["lab"]["state"] == "down")
        entry = status(hub)[1]["lab"]
        assert (entry["policy_version"], entry["behind"]) == (before, 1)
        hub.stop()
        lab.start()  # the one that governs is down: any node hands them on
        wait_for(lambda: version(lab) == before + 1)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            count(lab)
        desk.stop()
        lab.kill()
        lab.start()  # alone: they are in the store
        assert version(lab) == before + 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            count(lab)
    finally:
        stop(nodes)


def test_joining_and_leaving(tmp_path):
    nodes = mesh.open_nodes(tmp_path, ["hub", "lab"])
    hub, lab = nodes.values()
    try:
        fails(lab, "governance", "status", says="in no mesh", status=3)
        smallmesh.write_source(lab)
        lab.apply({**smallmesh.DOMAIN, **DENY})  # of its own
        hub.apply(smallmesh.MESH_WIDE)
        hub.cli("mesh", "init", "shop")
        assert version(hub) == 1
        invitation = hub.cli("node", "invite", "lab", "--domain", "lab")
        lab.cli("node", "join", text=invitation, status=None)
        assert "this node has 1 files in governance/ (governance/policies/closed.yaml" in lab.last.stderr and "--replace-governance" in lab.last.stderr
        lab.cli("node", "join", "--replace-governance", text=invitation)
        assert version(lab) == 1
        lab.cli("export", "--dir", lab.folder / "joined")
        assert sorted(p.name for p in (lab.folder / "joined/governance").rglob("*.yaml")) == ["contact.yaml", "eu-only.yaml", "vocabulary.yaml"]
        lab.cli("node", "leave", "--yes")
        fails(lab, "governance", "status", says="in no mesh", status=3)
        lab.apply({**smallmesh.DOMAIN, **smallmesh.MESH_WIDE, **DENY}, folder="own")  # its own again
        hub.apply({"mesh.yaml": smallmesh.FILES["mesh.yaml"]}, folder="none", flags=("--yes", "--prune"))
        assert version(hub) == 2  # no policies are a set, too
    finally:
        stop(nodes)


def test_a_new_governance_key(again):
    hub, lab = again.values()
    before = settled(again)
    hub.cli("mesh", "rotate-key")
    wait_for(lambda: version(lab) == before + 1)
    govern(hub, DENY)
    wait_for(lambda: version(lab) == before + 2)


class Offered:
    """sales is hostile, and offers sets to hub, or to lab where hub is down."""

    def __init__(self, folder):
        self.nodes = mesh.open_nodes(folder, ["hub", "lab", "sales"])
        self.hub, self.lab, self.sales = self.nodes.values()
        self.hub.cli("mesh", "init", "shop")
        self.hub.apply(smallmesh.MESH_WIDE)
        mesh.join(self.hub, self.lab, "lab")
        mesh.join(self.hub, self.sales, "sales")
        self.governance = Key(self.hub.data / "keys/governance.key")
        self.sales.stop()
        self.impostor = Impostor(self.sales, self.hub, lambda *_: {})
        token = self.hub_token("GET", "/mesh/v1/policies")
        self.right = mesh.ask(self.hub, "GET", "/mesh/v1/policies", token=token)[1]["policies"]

    def hub_token(self, method, path):
        return self.impostor.key.token("sales", "hub", method, path)

    def offer(self, jws, version):
        self.impostor.asked.clear()
        self.impostor.offers(jws, version)
        wait_for(lambda: ("/mesh/v1/policies", b"") in self.impostor.asked)

    def close(self):
        self.impostor.close()
        self.hub.stop()
        self.lab.stop()


@pytest.fixture(scope="module")
def offered(tmp_path_factory):
    offered = Offered(tmp_path_factory.mktemp("offered"))
    yield offered
    offered.close()


def broken(right, **change):
    return {**right, "version": right["version"] + 10, "issued": next(TIMES), **change}


@pytest.mark.parametrize("what, made, reason", [
    ("another key", lambda o, right: (Key().jws("weft-policies+jws", broken(right)), 99), "not signed by the governance key"),
    ("the node's key", lambda o, right: (o.impostor.key.jws("weft-policies+jws", broken(right)), 99), "not signed by the governance key"),
    ("another type", lambda o, right: (o.governance.jws("weft-mesh+jws", broken(right)), 99), "not signed by the governance key"),
    ("another mesh", lambda o, right: (o.governance.jws("weft-policies+jws", broken(right, mesh="other")), 99), "not signed by the governance key"),
    ("older, said to be newer", lambda o, right: (o.governance.jws("weft-policies+jws", {**right, "version": 0 + right["version"] - 1}), 99), "older than the one in force"),
    ("other words in the same version", lambda o, right: (o.governance.jws("weft-policies+jws", {**right, "files": []}), right["version"]), "says something else"),
    ("a file of a domain", lambda o, right: (o.governance.jws("weft-policies+jws", broken(right, files=[{"path": "domains/lab/policies/open.yaml", "text": "x"}])), 99), "elsewhere than in governance/"),
    ("a path that leads out", lambda o, right: (o.governance.jws("weft-policies+jws", broken(right, files=[{"path": "governance/../mesh.yaml", "text": "x"}])), 99), "elsewhere than in governance/"),
    ("a policy that this Weft does not know", lambda o, right: (o.governance.jws("weft-policies+jws", broken(right, files=[
        {"path": "governance/policies/x.yaml", "text": POLICY.format(name="x", spec="{effect: blur, on: {tables: [lab.people]}}")}])), 99), "governance/policies/x.yaml:4:"),
    ("no list", lambda o, right: (o.governance.jws("weft-policies+jws", broken(right, files={})), 99), "list of files"),
    ("no text", lambda o, right: (o.governance.jws("weft-policies+jws", broken(right, files=[{"path": "governance/a.yaml"}])), 99), "elsewhere than in governance/"),
    ("nothing", lambda o, right: ("", 99), "not signed by the governance key"),
])
def test_what_is_not_right_is_refused(offered, what, made, reason):
    hub, right = offered.hub, payload(offered.right)
    if what == "other words in the same version":
        right = {**right, "version": version(hub)}
    if what == "older, said to be newer":
        govern(hub, {"governance/policies/b.yaml": POLICY.format(name="b", spec="{effect: deny, on: {tables: [lab.other]}}")})
        right = {**right, "version": version(hub)}
    jws, claimed = made(offered, right)
    before = version(hub)
    if jws:
        offered.offer(jws, claimed)
    else:
        offered.impostor.policies, offered.impostor.policy_mark = {}, {"version": claimed, "digest": "x"}
        offered.impostor.asked.clear()
        wait_for(lambda: ("/mesh/v1/policies", b"") in offered.impostor.asked)
    wait_for(lambda: reason in status(hub)[1]["hub"].get("reason", ""))
    assert version(hub) == before
    assert status(hub)[0]["version"] == before  # what others say they have does not count
    time.sleep(1)
    assert len([a for a in offered.impostor.asked if a[0] == "/mesh/v1/policies"]) <= 2  # hub and lab, once each
    assert "mesh.policies_refused" in hub.log()


def test_a_newer_set_is_taken_from_whoever_has_it(offered):
    """The governing node lost its disk and came back with an older one; its signature says what the set is worth."""
    right = payload(offered.right)
    files = [{"path": path, "text": text} for path, text in sorted({**smallmesh.MESH_WIDE, **DENY}.items()) if path.startswith("governance/")]
    offered.offer(offered.governance.jws("weft-policies+jws", {**right, "version": 50, "files": files}), 50)
    wait_for(lambda: version(offered.hub) == 50 and version(offered.lab) == 50)
    govern(offered.hub, {}, "--prune", folder="after")
    wait_for(lambda: version(offered.lab) == 51)
