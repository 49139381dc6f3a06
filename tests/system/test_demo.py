"""The README's first command, small: every step of the tour does what it should."""
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile

import pytest
from lib import readers

ROOT = pathlib.Path(__file__).resolve().parents[2]


def check_readers(data):
    """deltalake and ClickHouse read every table at every version: the same rows, as many as Weft counted."""
    store = sqlite3.connect(f"file:{data}/weft.db?mode=ro", uri=True)
    states = store.execute("SELECT location, delta_version, rows FROM table_version").fetchall()
    store.close()
    assert len(states) >= 8, states
    columns = [readers.columns_at(location, version) for location, version, _ in states]
    asked = [(location, version, names) for (location, version, _), names in zip(states, columns)]
    for (location, version, names), (_, _, count), got in zip(asked, states, readers.clickhouse(asked)):
        wanted = readers.delta_rs(location, version, names)
        assert len(wanted) == count, (location, version)
        assert got == wanted, (location, version)


@pytest.mark.timeout(600)
def test_tour_gets_through():
    # below /tmp: PostgreSQL runs as another user when this runs as root, and must reach its folder
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-demo-test-", dir="/tmp"))
    env = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
    try:
        done = subprocess.run(["bash", "scripts/demo.sh"], cwd=ROOT, env={**env, "ONCE": "1", "SCALE": "0.01", "DEMO_DIR": str(folder)},
                              capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        check_readers(folder / "node")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert "The tour got through." in done.stdout
