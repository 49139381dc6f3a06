"""The README's first command, small: every step of the tour does what it should."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.timeout(600)
def test_tour_gets_through():
    # below /tmp: PostgreSQL runs as another user when this runs as root, and must reach its folder
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-demo-test-", dir="/tmp"))
    env = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
    try:
        done = subprocess.run(["bash", "scripts/demo.sh"], cwd=ROOT, env={**env, "ONCE": "1", "SCALE": "0.01", "DEMO_DIR": str(folder)},
                              capture_output=True, text=True, timeout=500)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "The tour got through." in done.stdout
