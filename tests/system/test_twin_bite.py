"""The twin lakes bite: with a worker whose barrier is weak they must find differences, otherwise they would prove nothing.
Those workers are programs of their own beside weft-worker (meson.build); the programs that people run have no such code."""
import shutil

import pytest
from lib.node import BUILD
from security import grammar
from test_twin_lakes import differences, start_twin

MARKER = b"weakened barrier, for tests only"


@pytest.fixture(scope="module", params=["plain", "offset"])
def weak_twins(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    programs = folder / "programs"
    programs.mkdir()
    shutil.copy(BUILD / "weft", programs)  # a link would be followed, and find the real worker
    (programs / "weft-worker").symlink_to((BUILD / f"weft-worker-weakened-{request.param}").resolve())
    nodes = [start_twin(folder, name, programs) for name in ("a", "b")]
    yield nodes
    for node in nodes:
        node.stop()


@pytest.mark.timeout(300)
def test_a_weak_barrier_is_found(weak_twins):
    assert differences(weak_twins, grammar.statements(20261122, 300))


def test_only_the_test_workers_are_weak():
    assert MARKER not in (BUILD / "weft").read_bytes()
    assert MARKER not in (BUILD / "weft-worker").read_bytes()
    for name in ("plain", "offset"):
        assert MARKER in (BUILD / f"weft-worker-weakened-{name}").read_bytes()
