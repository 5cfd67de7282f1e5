"""Every form, compiled for a target and run in the emulator, against its definition."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import gfx_emulator
import numpy as np
import pytest
from gfx_compile import toolchain
from gfx_compile.compile import compile_one

from tests.emulator.semantics import float_forms, inputs, integer_forms
from tests.emulator.semantics.exact import FORMATS
from tests.emulator.semantics.source import LANES, WORDS, Form, program

GENERATION = {
    "gfx906": "906", "gfx942": "942", "gfx1030": "10",
    "gfx1100": "11", "gfx1151": "11", "gfx1201": "12",
}  # fmt: skip


@cache
def every() -> list[tuple[str, Form]]:
    return [*float_forms.forms(), *integer_forms.forms()]


def forms_of(gfx: str) -> list[Form]:
    return [form for where, form in every() if GENERATION[gfx] in where.split()]


@cache
def expected(form: Form) -> list[Any]:
    """Per argument tuple a tuple of results; the same for every target."""
    results = (form.result(*row) for row in inputs.tuples(form.src))
    return [result if isinstance(result, tuple) else (result,) for result in results]


@pytest.fixture(scope="module", params=sorted(GENERATION))
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A target and the program of all its forms."""
    gfx = request.param
    folder = tmp_path_factory.mktemp(gfx)
    source = folder / "forms.hip"
    source.write_text(program(forms_of(gfx)))
    results = compile_one(source, gfx, toolchain.amd())
    for step, suffix in (("linked", ".hsaco"), ("listing", ".lst")):
        (folder / f"forms{suffix}").write_bytes(results[step])
    return gfx, gfx_emulator.load(folder / "forms.hsaco", folder / "forms.lst")


def test_instructions_are_what_their_definition_says(machine: tuple[str, Any]) -> None:
    gfx, loaded = machine
    wrong = []
    for number, form in enumerate(forms_of(gfx)):
        got = run(loaded, number, form)
        wrong += [f"{gfx} {form.text or form.name}: {line}" for line in first_difference(form, got)]
    assert not wrong, "\n".join(wrong)


def run(loaded: Any, number: int, form: Form) -> np.ndarray[Any, Any]:
    """The words that form `number` stored, [rows, WORDS]."""
    rows = inputs.tuples(form.src)
    words = np.zeros((len(rows), WORDS), np.uint32)
    for at, row in enumerate(rows):
        for n, value in enumerate(row):
            words[at, 2 * n], words[at, 2 * n + 1] = value & 0xFFFFFFFF, value >> 32
    memory = gfx_emulator.Memory()
    source, target = memory.alloc(words, "in"), memory.alloc(words.nbytes, "out")
    kernarg = np.array([source, target], np.uint64).tobytes()
    block = 32 if form.scalar else LANES
    grid = len(rows) if form.scalar else len(rows) // LANES
    loaded.launch(f"form_{number}", (grid, 1, 1), (block, 1, 1), kernarg, memory)
    raw = memory.read(target, words.nbytes)
    return np.frombuffer(bytes(raw), np.uint32).reshape(words.shape)


def first_difference(form: Form, got: np.ndarray[Any, Any]) -> Iterator[str]:
    for at, (row, want) in enumerate(zip(inputs.tuples(form.src), expected(form), strict=True)):
        for n, kind in enumerate(form.dst):
            wide = inputs.width(kind) == 64
            value = int(got[at, 2 * n]) | (int(got[at, 2 * n + 1]) << 32 if wide else 0)
            if not agree(form, kind, row, value, want[n]):
                operands = ", ".join(f"{v:#x}" for v in row)
                yield f"result {n} of ({operands}) is {value:#x}, not {want[n]:#x}"
                return


def agree(form: Form, kind: str, row: tuple[int, ...], got: int, want: int) -> bool:
    part = inputs.PACKED.get(kind, kind)
    if part not in FORMATS:
        return got == want
    f = FORMATS[part]
    pairs = [(got, want)]
    if kind in inputs.PACKED:
        pairs = [
            (v & (1 << f.width) - 1, w & (1 << f.width) - 1)
            for v, w in ((got, want), (got >> f.width, want >> f.width))
        ]
    return all(_close(form, part, row, *pair) for pair in pairs)


def _close(form: Form, part: str, row: tuple[int, ...], got: int, want: int) -> bool:
    f = FORMATS[part]
    if f.is_nan(want) or f.is_nan(got):
        return f.is_nan(want) and f.is_nan(got)
    if got == want or (not (got ^ want) & f.sign and abs(got - want) <= form.ulps):
        return True
    slack = form.slack(*row) if form.slack else 0.0
    return slack > 0 and math.isclose(f.float_of(got), f.float_of(want), rel_tol=0, abs_tol=slack)


def test_a_wrong_definition_is_noticed(machine: tuple[str, Any]) -> None:
    """The comparison itself: a sum is no difference, and 1 ulp is not 0."""
    gfx, loaded = machine
    names = [form.name for form in forms_of(gfx)]
    number = names.index("v_add_f32")
    form = forms_of(gfx)[number]
    assert not list(first_difference(form, run(loaded, number, form)))
    off = run(loaded, number, form).copy()
    off[-1, 0] += 1
    assert list(first_difference(form, off))
