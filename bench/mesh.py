"""The bars of a mesh of many nodes: how soon all know of a change, and what a node costs that has nothing to do."""
import os
import sqlite3
import statistics
import time

from lib import mesh, smallmesh

NODES, PRODUCTS = 20, 500
IDLE_SECONDS = 20
CHANGES = 5


def open_all(folder):
    nodes = mesh.open_nodes(folder, [f"n{i}" for i in range(NODES)], {"mesh.greeting": "5s"})
    hub, *others = nodes.values()
    hub.cli("mesh", "init", "shop")
    hub.cli("node", "set", "n0", "--domain", "d0")
    for i, node in enumerate(others, 1):
        mesh.join(hub, node, f"d{i}")
    return list(nodes.values())


def fill(node, i, extra=()):
    names = [f"p{k}" for k in range(PRODUCTS)]
    node.apply(mesh.manifests(f"d{i}", [*names, *extra]), flags=("--yes", "--no-run"))


def known(node):
    """Products of others that a node has a copy of."""
    with sqlite3.connect(f"file:{node.data}/weft.db?mode=ro", uri=True) as db:
        return db.execute("SELECT count(*) FROM copy_entry WHERE kind = 1").fetchone()[0]


def wait_all(nodes, counts, seconds):
    """Until each node has a copy of so many products; the time that it took."""
    begin = time.monotonic()
    for node, count in zip(nodes, counts, strict=True):
        while known(node) != count:
            if time.monotonic() - begin > seconds:
                raise SystemExit(f"{node.name} knows of {known(node)} products, not {count}, after {seconds} s")
            time.sleep(0.02)
    return time.monotonic() - begin


def cpu_seconds(node):
    fields = open(f"/proc/{node.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def converge(nodes):
    """Times from the end of an apply at one node until all have its change."""
    base = PRODUCTS * (NODES - 1)
    times = []
    for k in range(CHANGES):
        fill(nodes[1], 1, [f"more{j}" for j in range(k + 1)])
        times.append(wait_all(nodes, [base + (k + 1) * (i != 1) for i in range(NODES)], 60))
    return times


def bench_mesh(folder, row):
    nodes = open_all(folder)
    try:
        for i, node in enumerate(nodes):
            fill(node, i)
        print(f"     all {NODES * PRODUCTS} products known everywhere {wait_all(nodes, [PRODUCTS * (NODES - 1)] * NODES, 120):.1f} s after the last apply", flush=True)
        times = converge(nodes)
        row(f"{NODES} nodes with {PRODUCTS} products each: all know of a change", max(times), 5, "s")
        print(f"     {min(times):.3f}..{max(times):.3f} s, median {statistics.median(times):.3f} s", flush=True)
        time.sleep(5)
        before = [cpu_seconds(node) for node in nodes]
        time.sleep(IDLE_SECONDS)
        busy = [(cpu_seconds(node) - b) / IDLE_SECONDS * 100 for node, b in zip(nodes, before, strict=True)]
        row(f"{NODES} nodes with {PRODUCTS} products each: CPU of an idle node, the busiest", max(busy), 2, "%")
        row(f"{NODES} nodes with {PRODUCTS} products each: resident memory of a node, the largest", max(node.rss_bytes() for node in nodes) / 2**20, 40, "MiB")
    finally:
        for node in nodes:
            node.stop()


def open_pair(folder):
    """desk, which asks, and owner, which holds lab.people."""
    nodes = mesh.open_nodes(folder, ["desk", "owner"])
    desk, owner = nodes.values()
    desk.cli("mesh", "init", "lab")
    mesh.join(desk, owner, "lab")
    smallmesh.write_source(owner)
    desk.apply(smallmesh.MESH_WIDE)
    owner.apply(smallmesh.DOMAIN)
    for node in (desk, owner):
        node.add_user("ann", groups=["readers"])
    owner.cli("node", "trust", "desk", "--group", "readers")
    return desk, owner


def bench_remote(folder, row):
    """A small statement answered by one other node, against the same one asked there, in turn."""
    desk, owner = open_pair(folder)
    times = {desk: [], owner: []}
    try:
        sessions = {node: node.raw("ann") for node in (desk, owner)}
        for _ in range(500):
            for node, session in sessions.items():
                begin = time.perf_counter()
                session.simple("SELECT name FROM lab.people WHERE id = 5")
                times[node].append(time.perf_counter() - begin)
        there, here = (statistics.median(times[node][50:]) * 1000 for node in (desk, owner))
        row("added by the mesh to a small statement that one other node answers, p50", there - here, 3, "ms")
        print(f"     {there:.3f} ms over the mesh, {here:.3f} ms at the owner", flush=True)
    finally:
        for node in (desk, owner):
            node.stop()
