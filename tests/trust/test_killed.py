"""kill -9 at every step of an install leaves a working prefix, and the next run finishes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trust.conftest import Bundles, write_checkout
from tools import paths


@pytest.mark.skipif(os.name == "nt", reason="forks")
def test_killed_at_every_step(bundles: Bundles, tmp_path: Path) -> None:
    root = tmp_path / "checkout"
    write_checkout(root)
    done = subprocess.run(
        [sys.executable, "-m", "tests.trust.killed", root, bundles.one, bundles.two],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["steps"] > 40
    killed = found["killed"]
    switch = killed.index("two")
    assert killed == ["one"] * switch + ["two"] * (len(killed) - switch), "it switches once"
    assert 30 < switch < len(killed) - 2, "steps before and after the switch were killed"
    assert set(found["again"]) == {"two"}
    assert set(found["back"]) == {"one"}
