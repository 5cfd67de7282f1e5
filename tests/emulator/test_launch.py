"""Small kernels compute what they say, on every emulated target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gfx_emulator import Program, Stats

Launch = Callable[..., Stats]


def random(n: int, kind: Any = np.float32) -> Any:
    return np.random.default_rng(0).standard_normal(n).astype(kind)


def test_add(launch: Launch) -> None:
    x, y = random(300), random(300)
    out = np.full(300, -1, np.float32)
    stats = launch("add", 3, 128, x, y, out, 299)
    assert (out[:299] == (x + y)[:299]).all()
    assert out[299] == -1
    assert stats.waves == 3 * 128 // stats.lanes
    assert (stats.bytes_loaded, stats.bytes_stored) == (2 * 4 * 299, 4 * 299)
    assert stats.instructions["s_endpgm"] == stats.waves
    assert stats.total == sum(stats.classes.values())


def test_more_work_groups_than_are_run_at_once(launch: Launch) -> None:
    n = 128 * 1000
    x, y, out = random(n), random(n), np.zeros(n, np.float32)
    stats = launch("add", 1000, 128, x, y, out, n)
    assert (out == x + y).all()
    assert stats.instructions["s_endpgm"] == stats.waves


def test_wide_loads(launch: Launch) -> None:
    x = np.arange(400, dtype=np.uint32)
    out = np.zeros_like(x)
    launch("copy16", 2, 64, x, out, 100)
    assert (out == x).all()


def test_lds_and_barrier(launch: Launch) -> None:
    x = np.arange(256, dtype=np.uint32) * 7
    out = np.zeros_like(x)
    launch("reverse_block", 1, 256, x, out)
    assert (out == x[::-1]).all()


def test_barriers_in_a_loop(launch: Launch) -> None:
    x = np.arange(256, dtype=np.uint32)
    out = np.zeros(512, np.uint32)
    launch("reverse_twice", 1, 256, x, out, 1)
    assert (out == np.concatenate([x[::-1], x[::-1] + 1])).all()


def test_lanes_and_waves_that_part(launch: Launch) -> None:
    out = np.zeros(3 * 256, np.uint32)
    launch("triangle", 3, 256, out)
    group, lane = np.divmod(np.arange(768), 256)
    last = lane + group
    assert (out == last * (last + 1) // 2 * (1 + group)).all()


def test_sum_over_waves(launch: Launch) -> None:
    x, out = random(5 * 1000), np.zeros(5, np.float32)
    launch("sums", 5, 256, x, out, 1000)
    np.testing.assert_allclose(out, x.reshape(5, 1000).sum(axis=1), rtol=1e-5)


def test_half_floats(launch: Launch) -> None:
    x, y = random(128, np.float16), random(128, np.float16)[::-1].copy()
    dots, products = np.zeros(64, np.float32), np.zeros(128, np.float16)
    launch("half_floats", 1, 64, x, y, dots, products)
    both = (x.astype(np.float32) * y).reshape(64, 2).sum(axis=1)
    np.testing.assert_allclose(dots, both, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(products, x * y + x, rtol=2e-3, atol=2e-3)


def test_bfloat16(launch: Launch) -> None:
    x = random(64).view(np.uint32) >> 16
    out = np.zeros(64, np.uint16)
    launch("bf16s", 1, 64, x.astype(np.uint16), out)
    exact = (x << 16).astype(np.uint32).view(np.float32) * np.float32(3)
    bits = exact.view(np.uint32)
    nearest = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    assert (out == nearest).all()


def test_narrow_and_wide_integers(launch: Launch) -> None:
    x = np.random.default_rng(1).integers(0, 256, 576, np.uint8)
    out = np.zeros(704, np.uint8)
    launch("widths", 1, 64, x, out)
    assert (out[:64] == x[:64] + np.uint8(1)).all()
    assert (out[64:192].view(np.int16) == x[:64].view(np.int8).astype(np.int16) - 2).all()
    wide = x[64:].view(np.uint64) * np.uint64(0x100000001B3)
    assert (out[192:].view(np.uint64) == wide).all()


def test_moves_between_lanes(launch: Launch, toys: Program) -> None:
    x = np.random.default_rng(2).integers(0, 1 << 32, 256, np.uint32)
    out = np.zeros((6, 256), np.uint32)
    stats = launch("lane_moves", 1, 256, x, out)
    i, size = np.arange(256), stats.lanes
    assert size == toys.code.kernels["lane_moves"].wave_size
    assert (out[0] == x[i // size * size]).all()
    assert (out[1] == x[i // size * size + 5]).all()
    assert (out[2] == x[i ^ 3]).all()
    assert (out[3] == np.where(i % 16 == 0, 7, x[i - 1])).all()
    assert (out[4] == x[i ^ 16]).all()
    assert (out[5] == x[i ^ 15]).all()


def test_moves_between_rows_of_lanes(launch: Launch, toys: Program) -> None:
    if "rows_of_lanes" not in toys.code.kernels:  # gfx9 has no such instruction
        assert toys.code.gfx.startswith("gfx9")
        return
    x, out = np.arange(64, dtype=np.uint32), np.zeros((2, 64), np.uint32)
    launch("rows_of_lanes", 1, 64, x, out)
    assert (out[0] == x).all()
    assert (out[1] == x ^ 16).all()


def test_buffer_instructions(launch: Launch) -> None:
    x, out = np.arange(128, dtype=np.uint32), np.full(128, 7, np.uint32)
    stats = launch("buffered", 1, 64, x, out, 4 * 100)
    assert (out[:100] == x[:100] + 1).all()
    assert (out[100:] == 7).all()
    assert (stats.bytes_loaded, stats.bytes_stored) == (400, 400)


def test_constants_of_the_code_object(launch: Launch) -> None:
    out = np.zeros(64, np.uint32)
    launch("constants", 1, 64, out)
    assert (out == np.resize([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3], 64)).all()


def test_the_seed_does_not_change_a_result(launch: Launch) -> None:
    x, one, two = random(5000), np.zeros(5, np.float32), np.zeros(5, np.float32)
    launch("sums", 5, 256, x, one, 1000, seed=1)
    launch("sums", 5, 256, x, two, 1000, seed=2)
    assert (one == two).all()
