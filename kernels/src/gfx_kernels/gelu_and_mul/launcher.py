"""Launch gelu_and_mul: a block per part of a row; a variant for rows at odd places."""

from __future__ import annotations

from gfx_kernels import gated

launch = gated.launcher("gelu_and_mul")
