"""An environment solved and installed from the stand-in alone works as pip and Python see it."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import rattler

from tools import paths
from tools.standin import ensure

SPECS = [
    "python",
    "pip",
    "pytest",
    "pytorch",
    "torchvision",
    "triton",
    "transformers",
    "fastapi",
    "cmake",
    "ninja",
]
SPECS += ["xgrammar", "llguidance", "lm-format-enforcer", "mistral-common", "py-opencv", "uvicorn"]
IMPORTS = (
    "torch, torchvision, triton, transformers, fastapi, xgrammar, llguidance, lmformatenforcer,"
    " cv2, uvloop"
)


@pytest.mark.network
def test_the_solved_environment_imports_and_satisfies_pip(tmp_path: Path) -> None:
    ensure(paths.STANDIN, "linux-64", print)
    prefix = tmp_path / "prefix"
    names = asyncio.run(_install(prefix))
    assert {"uvloop", "httptools", "pycountry", "python-multipart"} <= names  # through extras only
    assert _output(prefix, "-m", "pip", "check") == "No broken requirements found.\n"
    code = f"import {IMPORTS}; print(torch.__version__, torch.cuda.is_available(), torch.__file__)"
    version, cuda, file = _output(prefix, "-c", code).split()
    assert (version, cuda) == ("2.13.0+cpu", "False")
    assert file.startswith(str(prefix))
    subprocess.run([prefix / "bin/cmake", "--version"], check=True, env=_clean())
    shutil.rmtree(prefix)  # 2 GB, and pytest keeps the folders of three runs


async def _install(prefix: Path) -> set[str]:
    records = await rattler.solve(
        sources=[paths.STANDIN.as_uri()],
        specs=SPECS,
        platforms=["linux-64", "noarch"],
        virtual_packages=[v.into_generic() for v in rattler.VirtualPackage.detect()],
    )
    await rattler.install(records, prefix, show_progress=False)
    return {record.name.normalized for record in records}


def _clean() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}


def _output(prefix: Path, *arguments: str) -> str:
    command = [str(prefix / "bin/python"), *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=_clean(), cwd=prefix
    ).stdout
