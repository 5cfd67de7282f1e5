"""Ops that write their arguments: when they check, what they pick, and what they record."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from gfx_kernels import choice, registration, rms_norm

X = torch.zeros(2, 4)


def test_a_layout_is_checked_once_on_a_gpu() -> None:
    seen: list[Any] = []
    checked = registration.once_per_layout(lambda *a, **_: seen.append(a))
    gpu = X.to("meta")  # any device that is not the cpu
    for arguments in ((gpu, 1), (gpu.clone(), 1), (gpu, 2), (gpu.T, 1), (gpu.half(), 1), (gpu, 1)):
        checked(*arguments)
    assert len(seen) == 4
    checked(gpu, b=1)
    checked(gpu, c=1)
    assert len(seen) == 6


def test_values_on_the_cpu_are_checked_each_time() -> None:
    seen: list[Any] = []
    checked = registration.once_per_layout(lambda *a: seen.append(a))
    checked(X)
    checked(X)
    assert len(seen) == 2


def test_what_fails_once_fails_again() -> None:
    checked = registration.once_per_layout(rms_norm.check)
    gpu = X.to("meta")
    for _ in range(2):
        with pytest.raises(ValueError, match="epsilon is -1"):
            checked(gpu, gpu, None, -1.0)


def test_an_implementation_asked_for_that_cannot_serve_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GFX_KERNELS_IMPLEMENTATION", "rms_norm=kernel")
    with pytest.raises(ValueError, match="rms_norm: kernel was asked for and cannot serve"):
        rms_norm.rms_norm(X)
    monkeypatch.setenv("GFX_KERNELS_IMPLEMENTATION", "rms_norm=reference")
    rms_norm.rms_norm(X)


def test_on_the_cpu_nothing_is_passed_over() -> None:
    rms_norm.rms_norm(X)
    assert not [row for row in choice.record() if row[0] == "rms_norm"]
