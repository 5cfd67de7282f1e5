"""The op schemas are upstream's, letter for letter, and upstream still names every one of them."""

from __future__ import annotations

import importlib
import re
import tarfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from vllm_gfx.ops import kernels, library, needs
from vllm_gfx.ops.schemas import SCHEMAS

_SOURCES = Path(__file__).parents[3] / "build" / "sources"
_BINDINGS = {
    "_C": "csrc/torch_bindings.cpp",
    "_C_cache_ops": "csrc/torch_bindings.cpp",
    "_moe_C": "csrc/moe/torch_bindings.cpp",
}
_ALL = [(namespace, schema) for namespace, schemas in SCHEMAS.items() for schema in schemas]


def _names() -> list[str]:
    return [f"{namespace}.{schema.split('(')[0]}" for namespace, schema in _ALL]


@cache
def _defined(binding: str) -> set[str]:
    """Every schema of a C++ bindings file, its literals joined and its blanks made single."""
    archives = sorted(_SOURCES.glob("vllm-*.tar.gz"))
    assert archives, "needs vLLM's source in build/sources: python dev.py fetch"
    with tarfile.open(archives[-1]) as archive:
        member = next(m for m in archive if m.name.split("/", 1)[-1] == binding)
        file = archive.extractfile(member)
        assert file is not None
        text = re.sub(r"//[^\n]*", "", file.read().decode())
    literals = re.findall(r'\w+\.def\(\s*((?:"[^"]*"\s*)+)', text)
    return {_normal("".join(re.findall(r'"([^"]*)"', found))) for found in literals}


def _normal(schema: str) -> str:
    return re.sub(r"\s+", " ", schema).replace("( ", "(").strip()


@pytest.mark.parametrize(("namespace", "schema"), _ALL, ids=_names())
def test_schema_is_upstreams(namespace: str, schema: str) -> None:
    assert _normal(schema) in _defined(_BINDINGS[namespace])


@cache
def _python() -> str:
    spec = find_spec("vllm")
    assert spec is not None and spec.origin is not None
    return "\n".join(p.read_text("utf-8") for p in Path(spec.origin).parent.rglob("*.py"))


@pytest.mark.parametrize("name", _names())
def test_upstream_still_names_it(name: str) -> None:
    assert re.search(rf"torch\.ops\.{re.escape(name)}\b", _python()), f"drop {name}"


def test_implementations_have_schemas() -> None:
    assert set(library.IMPLEMENTATIONS) | set(kernels.OPS) <= set(_names())
    assert not set(library.IMPLEMENTATIONS) & set(kernels.OPS)


_ARGUMENT = re.compile(r"(\w+)(?:\([^)]*\))?(!?)(\??)\s+\w+")


def _kinds(schema: str) -> list[tuple[str, bool, bool]]:
    """Of each argument: its type, whether it is written, whether it may be absent."""
    arguments = schema.split("(", 1)[1].rsplit(") ->", 1)[0]
    written = re.sub(r"\(\w+!\)", "!", arguments)
    return [(t, bool(w), bool(o)) for t, w, o in _ARGUMENT.findall(written)]


@pytest.mark.parametrize(("name", "op"), kernels.OPS.items())
def test_our_op_takes_the_same_arguments(name: str, op: str) -> None:
    """They are handed on by position."""
    importlib.import_module(f"gfx_kernels.{op}")
    ours = str(getattr(torch.ops.gfx, op).default._schema).replace("SymInt", "int")
    namespace, _, short = name.partition(".")
    upstream = next(s for s in SCHEMAS[namespace] if s.split("(")[0] == short)
    assert _kinds(ours) == _kinds(upstream)


def test_upstream_still_has_what_needs_an_op() -> None:
    for choice in (*needs.ATTENTION, *needs.PASSES, *needs.LAYERS):
        assert re.search(rf"\b{choice}\b", _python()), f"drop {choice}"
