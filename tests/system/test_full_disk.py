"""The disk of the data folder is full: nothing crashes, everything says so, and all works again when there is room."""
import json
import os
import pathlib
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import psycopg
import pytest
from conftest import open_lab, query, wait_for
from lib import readers, smallmesh


@pytest.fixture
def small(tmp_path):
    """A folder on a file system of 40 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    for size in (1 << 20, 4096, 512):
        with open(folder / f"fill-{size}", "wb", buffering=0) as file:
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                pass


def ready(node):
    try:
        context = ssl.create_default_context(cafile=str(node.data / "keys/tls.crt"))
        return urllib.request.urlopen(node.url("/readyz"), context=context, timeout=30).status
    except urllib.error.HTTPError as answer:
        assert json.loads(answer.read())["code"] == "53100"
        return answer.code


def test_a_full_disk_is_said_and_survived(small):
    node = open_lab(small / "lab", {"lake.min_free": "0", "log.format": "json"})
    try:
        assert ready(node) == 200
        fill(small)
        for _ in range(20):  # no answer without its record
            with pytest.raises(psycopg.Error, match="the disk is full") as refused:
                query(node, "eve", "select id from lab.people")
            assert refused.value.sqlstate == "53100" and "free some space" in refused.value.diag.message_hint
        assert ready(node) == 507
        for command in (("get", "runs"), ("run", "lab.people"), ("user", "add", "zoe", "--no-password"), ("config", "set", "query.max_rows", "5")):
            node.cli(*command, status=None)
            assert node.last.returncode == 8 and "53100" in node.last.stderr and "free some space" in node.last.stderr, (command, node.last.stderr)
        node.cli("doctor", status=1)
        assert "MB free" in node.last.stdout and "53100" not in node.last.stdout
        told = [line for line in node.log().splitlines() if '"store.failed"' in line]
        assert 1 <= len(told) <= 3, told  # once in a while, not once a statement
        for path in small.glob("fill-*"):
            path.unlink()
        assert wait_for(lambda: ready(node) == 200)
        assert len(query(node, "eve", "select id from lab.people")) == 1000
        node.cli("run", "lab.people")
        node.cli("doctor")
        node.restart()
        assert len(query(node, "eve", "select id from lab.people")) == 1000
    finally:
        node.stop()


PAGE = 4096  # of a tmpfs


def leave(folder, pages):
    """Fills the disk but for so many pages."""
    fill(folder)
    with open(folder / "fill-1048576", "r+b") as file:
        file.truncate(os.path.getsize(file.name) - pages * PAGE)


def make_room(folder):
    for path in folder.glob("fill-*"):
        path.unlink()


def run_until(node, folder):
    """`weft run`, and room when it says that it waits for some; (status, what it printed)."""
    with subprocess.Popen([node.weft, "--data", node.data, "run", "lab.people"], env=node.env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as command:
        said = ""
        for line in command.stderr:
            said += line
            if "waits: " in line:
                make_room(folder)
        return command.wait(30), said


def test_publishes_with_ever_more_room(small):
    """Page by page more room: the publish fails at one step after the other, says so, and never leaves a mixture of old and new."""
    node = open_lab(small / "lab", {"lake.min_free": "0"})
    folder = node.data / "lake/lab/people/people/v1"
    rows, waited, failed = 2000, 0, 0
    try:
        for pages in [*range(0, 24), *range(24, 80, 4)]:
            smallmesh.write_source(node, rows + 1)
            leave(small, pages)
            status, said = run_until(node, small)
            make_room(small)
            wait_for(lambda: ready(node) == 200)
            assert status == 0 or "the disk is full" in said, (pages, status, said)
            waited += "waits: " in said
            failed += status != 0
            rows += status == 0
            assert query(node, "wendy", "SELECT count(*) FROM lab.people") == [(rows,)], (pages, said)
            readers.check_whole(folder)
        assert waited and failed and not status  # it met all of them, and with the most room it worked
        assert not [run for run in node.cli_json("get", "runs") if run["state"] in ("queued", "running", "publishing")]
        node.cli("doctor")
    finally:
        node.stop()


def test_a_run_says_that_it_waits_for_room(small):
    node = open_lab(small / "lab", {"lake.min_free": "0"})
    try:
        del node.settings["lake.min_free"]
        node.restart()
        with subprocess.Popen([node.weft, "--data", node.data, "run", "lab.people"], env=node.env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as command:
            assert "less than lake.min_free, 256 MiB, is free" in next(line for line in command.stderr if "waits: " in line)
            node.cli("config", "set", "lake.min_free", "0")
            assert command.wait(30) == 0
    finally:
        node.stop()


def cpu_seconds(node):
    fields = pathlib.Path(f"/proc/{node.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_run_that_cannot_begin_is_tried_with_pauses(small):
    """Over and over without one took a processor: a thread was made for each try."""
    node = open_lab(small / "lab", {"lake.min_free": "0"})
    waited = 0
    try:
        for pages in range(3, 8):
            leave(small, pages)
            with subprocess.Popen([node.weft, "--data", node.data, "run", "lab.people"], env=node.env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as command:
                told = any("waits: " in line for line in command.stderr)
                before = cpu_seconds(node)
                time.sleep(1.5 if told else 0)
                used = cpu_seconds(node) - before
                make_room(small)
                command.communicate(timeout=30)
            waited += told
            assert used < 0.25, pages
        assert waited
    finally:
        node.stop()
