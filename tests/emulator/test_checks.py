"""What the emulator catches: each kernel has a planted bug, and a twin or argument without it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gfx_emulator import (
    BarrierDivergence,
    LaunchError,
    LdsRace,
    ListingMismatch,
    Memory,
    OutOfBounds,
    Program,
    Stats,
    Uninitialised,
    UnknownInstruction,
)
from gfx_kernels import codeobject

Launch = Callable[..., Stats]
Compiled = Callable[[str, str], Path]
X = np.arange(256, dtype=np.uint32)


def test_a_load_out_of_bounds(launch: Launch, toys: Program) -> None:
    x, out = np.zeros(400, np.uint32), np.zeros(404, np.uint32)
    with pytest.raises(OutOfBounds) as error:
        launch("copy16", 2, 64, x, out, 101)
    lanes = toys.code.kernels["copy16"].wave_size
    wave, lane = divmod(100 - 64, lanes)
    text = str(error.value)
    assert "load of 16 bytes" in text and "+1600 in the nearest buffer, buffer0 (1600" in text
    assert f"work-group (1, 0, 0), wave {wave}, lane {lane}" in text
    pc = int(re.search(r"at pc (0x\w+) `global_load", text)[1], 16)  # type: ignore[index]
    at = next(i for i in toys.instructions if i.pc == pc)
    assert at.mnemonic in ("global_load_dwordx4", "global_load_b128")


def test_a_store_out_of_bounds(launch: Launch) -> None:
    x, out = np.zeros(404, np.uint32), np.zeros(400, np.uint32)
    with pytest.raises(OutOfBounds, match=r"store of 16 bytes .*buffer1.*`global_store"):
        launch("copy16", 2, 64, x, out, 101)


def test_an_address_below_every_buffer(launch: Launch) -> None:
    x, out = np.zeros(4, np.uint32), np.zeros(404, np.uint32)
    with pytest.raises(OutOfBounds, match="in the nearest buffer"):
        launch("copy16", 2, 64, x, out, 2)


def test_a_store_to_a_constant_buffer(toys: Program) -> None:
    memory = Memory()
    x = memory.alloc(np.zeros(256, np.uint32), "x")
    out = memory.alloc(np.zeros(256, np.uint32), "out", writable=False)
    kernarg = np.array([x, out], np.uint64).tobytes()
    with pytest.raises(OutOfBounds, match="store to constant"):
        toys.launch("reverse_block", (1, 1, 1), (256, 1, 1), kernarg, memory)


def test_an_undefined_register(launch: Launch) -> None:
    with pytest.raises(Uninitialised, match=r"v\d+ is read but never written; at pc .*lane 0"):
        launch("undefined", 1, 64, np.zeros(64, np.uint32))


def test_undefined_lds(launch: Launch) -> None:
    with pytest.raises(Uninitialised, match=r"LDS byte .* is read but never written"):
        launch("half_filled", 1, 256, np.zeros(256, np.uint32))


def test_a_race_of_a_read_with_a_write(launch: Launch) -> None:
    out = np.zeros(256, np.uint32)
    launch("reverse_block", 1, 256, X, out)
    # Which waves ran first decides whether it is the race or the missing value that shows.
    with pytest.raises((LdsRace, Uninitialised)):
        launch("reverse_racing", 1, 256, X, out)


def test_a_race_of_a_write_with_an_earlier_read(launch: Launch) -> None:
    out = np.zeros(512, np.uint32)
    launch("reverse_twice", 1, 256, X, out, 1)
    with pytest.raises(LdsRace, match=r"overwrites what another wave reads.*LDS byte \d+; at pc"):
        launch("reverse_twice", 1, 256, X, out, 0)


def test_a_race_of_two_writes(launch: Launch) -> None:
    with pytest.raises(LdsRace, match="two waves write LDS byte"):
        launch("same_place", 1, 256, np.zeros(256, np.uint32))


def test_lanes_of_one_wave_do_not_race(launch: Launch, toys: Program) -> None:
    lanes = toys.code.kernels["same_place"].wave_size
    launch("same_place", 1, lanes, np.zeros(256, np.uint32))


@pytest.mark.parametrize("at", [1, 64, -1])
def test_lds_out_of_bounds(launch: Launch, at: int) -> None:
    out = np.zeros(64, np.uint32)
    launch("lds_at", 1, 64, out, 0)
    with pytest.raises(OutOfBounds, match=r"LDS access of 4 bytes at \d+ of 256"):
        launch("lds_at", 1, 64, out, at)


def test_a_barrier_that_some_waves_miss(launch: Launch) -> None:
    launch("some_wait", 1, 256, np.zeros(256, np.uint32), 256)
    with pytest.raises(BarrierDivergence, match="another wave of the work-group has ended"):
        launch("some_wait", 1, 256, np.zeros(256, np.uint32), 128)


def test_a_barrier_that_some_lanes_miss(launch: Launch) -> None:
    launch("lanes_wait", 1, 256, np.zeros(256, np.uint32), 256)
    with pytest.raises(BarrierDivergence, match=r"not every lane.*wave 0, lane 20"):
        launch("lanes_wait", 1, 256, np.zeros(256, np.uint32), 20)


def test_a_block_that_is_too_large(launch: Launch) -> None:
    with pytest.raises(LaunchError, match="up to 64 threads"):
        launch("copy16", 1, 128, np.zeros(400, np.uint32), np.zeros(400, np.uint32), 1)


def test_a_block_that_is_too_small_leaves_lds_undefined(launch: Launch) -> None:
    with pytest.raises(Uninitialised, match="LDS"):
        launch("reverse_block", 1, 128, X, np.zeros(256, np.uint32))


def test_too_few_arguments(launch: Launch) -> None:
    with pytest.raises(LaunchError, match="16 bytes of arguments, 8 are given"):
        launch("reverse_block", 1, 256, X)


def test_a_kernel_that_is_not_there(launch: Launch) -> None:
    with pytest.raises(LaunchError, match="no kernel nothing; there are add,"):
        launch("nothing", 1, 64)


def listing_of(toys: Program, compiled: Compiled) -> tuple[codeobject.CodeObject, str]:
    path = compiled("toys", toys.code.gfx)
    return codeobject.read(path), path.with_suffix(".lst").read_text()


def test_bytes_that_differ_from_the_listing(toys: Program, compiled: Compiled) -> None:
    code, listing = listing_of(toys, compiled)
    at = next(i.pc for i in toys.instructions if i.mnemonic.startswith("v_add_f32"))
    text = bytearray(code.text)
    text[at] ^= 1
    changed = codeobject.CodeObject(**{**vars(code), "text": bytes(text)})
    with pytest.raises(ListingMismatch, match=f"not what .text holds at {at:#x}"):
        Program(changed, listing)


def test_a_branch_that_differs_from_the_listing(toys: Program, compiled: Compiled) -> None:
    code, listing = listing_of(toys, compiled)
    at = next(i.pc for i in toys.instructions if i.target is not None)
    text = bytearray(code.text)
    text[at] ^= 1
    changed = codeobject.CodeObject(**{**vars(code), "text": bytes(text)})
    with pytest.raises(ListingMismatch, match=f"not what .text holds at {at:#x}"):
        Program(changed, listing)


def test_a_listing_without_a_line(toys: Program, compiled: Compiled) -> None:
    code, listing = listing_of(toys, compiled)
    lines = listing.splitlines()
    del lines[next(n for n, line in enumerate(lines) if "encoding:" in line)]
    with pytest.raises(ListingMismatch):
        Program(code, "\n".join(lines))


def test_a_listing_that_ends_early(toys: Program, compiled: Compiled) -> None:
    code, listing = listing_of(toys, compiled)
    longer = codeobject.CodeObject(**{**vars(code), "text": code.text + b"\0\0\x80\xbf"})
    with pytest.raises(ListingMismatch, match="the listing ends at"):
        Program(longer, listing)


def test_an_unknown_instruction(toys: Program, compiled: Compiled) -> None:
    code, listing = listing_of(toys, compiled)
    with pytest.raises(UnknownInstruction, match=r"v_frobnicate_b32.*at pc"):
        Program(code, re.sub(r"v_add_f32(_e32)?", "v_frobnicate_b32", listing))
