from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import mock_hip
from tests.kernels.runtime import objects

ARCHS = ("gfx1100", "gfx906")


@pytest.fixture(scope="session")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the probe kernels for ARCHS, and for no other target."""
    folder = tmp_path_factory.mktemp("probes")
    for arch in ARCHS:
        shutil.copytree(objects.for_gfx(arch) / arch, folder / arch)
    return folder


@pytest.fixture
def gpu(probes: Path) -> Iterator[mock_hip.Gpu]:
    """Two devices, one of each of ARCHS, that record launches and execute nothing."""
    with mock_hip.device(*ARCHS, folder=probes, run=lambda _: None) as devices:
        yield devices
