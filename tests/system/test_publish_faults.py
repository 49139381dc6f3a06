"""The server dies at each step of a publish. Afterwards there is the old version or the new one, never a mixture, and
the publish that had begun is carried to its end. Needs a build with -Dfault_points=true: WEFT_BUILD names it."""
import os
import signal
import time

import pytest
from conftest import query, wait_for
from lib import smallmesh
from lib.node import BUILD

POINTS = ["publish.intent", "publish.moved", "publish.committed_one", "publish.committed"]

pytestmark = pytest.mark.skipif(
    b"publish.committed_one" not in (BUILD / "weft").read_bytes(), reason="built without fault points")


@pytest.mark.parametrize("point", POINTS)
def test_killed_at(lab, point):
    lab.stop()
    lab.start({"WEFT_FAULT": point})
    smallmesh.write_source(lab, 77)
    lab.cli("run", "lab.people", "--no-wait", status=None)
    assert lab.process.wait(20) == -signal.SIGKILL, "the fault was not reached"
    time.sleep(0.2)
    lab.process = None
    lab.start()
    # Every step after the intent can be done again, so the new version must be there.
    wait_for(lambda: query(lab, "wendy", "SELECT count(*) FROM lab.people") == [(77,)])
    assert query(lab, "wendy", "SELECT count(*) FROM lab.people AT (VERSION => 1)") == [(2000,)]
    log = lab.data / "lake" / "lab" / "people" / "people" / "v1" / "_delta_log"
    assert sorted(p.name for p in log.glob("*.json")) == [f"{n:020}.json" for n in range(2)]
    smallmesh.write_source(lab, 5)
    lab.cli("run", "lab.people")
    assert query(lab, "wendy", "SELECT count(*) FROM lab.people") == [(5,)]
    assert not [p for p in os.listdir(lab.data / "staging") if p != "."]
