"""A bundle installs where every attempt to reach a network fails, also from Rust and children."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.trust.conftest import Bundles, settle
from tools import paths

INSTALL = """
import sys
from pathlib import Path
import pytest
from tests.tools.conftest import point_to
from tests.trust.conftest import runs, says
from tests.trust.refuse import refuse_network
from tools import bundle, paths, standin, trial
from tools.leave import leave

root, file = map(Path, sys.argv[1:])
point_to(root, pytest.MonkeyPatch())
trial.generates = runs
standin.ensure = lambda *_: sys.exit("made a stand-in")
refuse_network()
print(says(bundle.install(file, None)))
leave(0)
"""
REACH = {
    "python": "import socket; socket.create_connection(('127.0.0.1', 9))",
    "names": "import socket; socket.getaddrinfo('localhost', 80); socket.socket()",
    "rust": (
        "import asyncio, rattler; from rattler.platform import Subdir; "
        "asyncio.run(rattler.solve(sources=['http://127.0.0.1:9'], specs=['a']))"
    ),
}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a filter of Linux's kernel")


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("way", list(REACH))
def test_the_network_is_really_refused(way: str) -> None:
    """Else the next test would prove nothing."""
    done = run(f"from tests.trust.refuse import refuse_network; refuse_network(); {REACH[way]}")
    assert done.returncode != 0
    assert "Network is unreachable" in done.stderr or "os error 101" in done.stderr, done.stderr


def test_a_bundle_installs_without_it(bundles: Bundles, tmp_path: Path) -> None:
    home = paths.ROOT
    with pytest.MonkeyPatch.context() as patch:
        settle(tmp_path / "checkout", patch)
        assert home != paths.ROOT
    done = run(INSTALL, tmp_path / "checkout", bundles.one)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "one"
