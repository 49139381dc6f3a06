"""The server dies at each step of a publish, or a call of the kernel fails there. Afterwards there is the old version or
the new one, never a mixture; what is left over is gone; the Delta log says what Weft serves.

Needs a second build with -Dfault_points=true; the environment variable WEFT_FAULT_BUILD names its folder (default:
build-asan beside build, where it exists).
"""
import errno
import os
import pathlib
import signal
import time

import deltalake
import pytest
from conftest import query, wait_for
from lib import readers, smallmesh
from lib.node import ROOT, Node

BUILD = pathlib.Path(os.environ.get("WEFT_FAULT_BUILD", ROOT / "build-asan"))
pytestmark = pytest.mark.skipif(
    not (BUILD / "weft").exists() or b"publish.committed_one" not in (BUILD / "weft").read_bytes(),
    reason="no build with fault points: make test-sanitized makes one, or WEFT_FAULT_BUILD=folder")

# after the intent each step can be done again, so the new version must be there
POINTS = ["publish.intent", "publish.moved_one", "publish.moved", "delta.written", "delta.linked", "publish.committed_one", "publish.committed",
          "publish.visible"]
FAILURES = [f"{point}:{number}" for point, number in (("files.move", errno.ENOSPC), ("delta.write", errno.ENOSPC), ("delta.sync", errno.EIO),
                                                      ("publish.store", errno.ENOSPC))]


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = smallmesh.open_node(Node(tmp_path_factory.mktemp("faults"), programs=BUILD), 20)
    yield node
    node.stop()


def folder(node):
    return node.data / "lake/lab/people/people/v1"


def served(node):
    """Rows and version that Weft serves, after comparing with delta-rs."""
    [(rows,)] = query(node, "wendy", "SELECT count(*) FROM lab.people")
    [(version,)] = query(node, "olaf", "SELECT max(version) FROM mesh.versions WHERE product = 'people'")
    assert readers.check_whole(folder(node)) == version - 1
    assert deltalake.DeltaTable(str(folder(node))).to_pyarrow_table().num_rows == rows
    assert not os.listdir(node.data / "staging")
    return rows, version


def restart(node, fault=None):
    node.stop()
    node.start({"WEFT_FAULT": fault} if fault else None)


@pytest.mark.parametrize("point", POINTS)
def test_killed_at(node, point):
    restart(node)
    rows, version = served(node)
    restart(node, point)
    smallmesh.write_source(node, rows + 7)
    node.cli("run", "lab.people", "--no-wait", status=None)
    assert node.process.wait(20) == -signal.SIGKILL, "the fault was not reached"
    restart(node)
    wait_for(lambda: query(node, "wendy", "SELECT count(*) FROM lab.people") == [(rows + 7,)])
    assert served(node) == (rows + 7, version + 1)
    assert query(node, "wendy", f"SELECT count(*) FROM lab.people AT (VERSION => {version})") == [(rows,)]


@pytest.mark.parametrize("failure", FAILURES)
def test_fails_at(node, failure):
    restart(node)
    before = served(node)
    restart(node, failure)
    smallmesh.write_source(node, before[0] + 3)
    node.cli("run", "lab.people", status=None)
    assert node.last.returncode != 0
    told = node.last.stdout + node.last.stderr
    assert os.strerror(int(failure.split(":")[1])).lower() in told.lower() or "disk" in told.lower(), told
    assert served(node) == before
    restart(node)
    assert served(node) == before
    node.cli("run", "lab.people")
    assert served(node) == (before[0] + 3, before[1] + 1)


def test_killed_in_vacuum(node):
    """The versions are forgotten, their files are still there: the next start removes these and nothing else."""
    restart(node)
    rows, version = served(node)
    restart(node, "vacuum.forgotten")
    domain = smallmesh.FILES["domains/lab/domain.yaml"] + "  infrastructure:\n    retention: 1s\n"
    node.apply({**smallmesh.FILES, "domains/lab/domain.yaml": domain})
    time.sleep(1.2)
    smallmesh.write_source(node, rows + 7)
    node.cli("run", "lab.people", "--no-wait", status=None)
    assert node.process.wait(20) == -signal.SIGKILL, "the fault was not reached"
    left = len(list(folder(node).glob("*.parquet")))
    restart(node)
    assert served(node) == (rows + 7, version + 1)
    kept = [v for v, in query(node, "olaf", "SELECT version FROM mesh.versions WHERE product = 'people'")]
    wait_for(lambda: len(list(folder(node).glob("*.parquet"))) == len(kept))
    assert len(kept) < left, "nothing was left over: the fault came too late"
    for one in kept:
        assert query(node, "wendy", f"SELECT count(*) > 0 FROM lab.people AT (VERSION => {one})") == [(True,)]
    smallmesh.write_source(node, rows + 9)
    node.cli("run", "lab.people")
    assert served(node) == (rows + 9, version + 2)
