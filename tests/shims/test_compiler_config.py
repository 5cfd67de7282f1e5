"""`@torch.compile` leaves Inductor alone until something is compiled or its settings are asked for.

Also expiry of vllm_gfx.early.compiler_config_when_asked.
"""

from __future__ import annotations

import sys

from tests.support import fresh

INDUCTOR = "torch._inductor.compile_fx"


def _decorated() -> None:
    import torch
    import vllm_gfx.early

    compiled = torch.compile(lambda x: x + 1, options={"max_fusion_size": 7})
    assert vllm_gfx.early and INDUCTOR not in sys.modules
    found = compiled.get_compiler_config()
    assert INDUCTOR in sys.modules
    assert type(found) is dict and found["max_fusion_size"] == 7 and len(found) > 100
    assert compiled.get_compiler_config() is found
    other = torch.compile(lambda x: x + 1, backend="eager")
    assert other.get_compiler_config() is None


def _pickled() -> None:
    import torch
    import vllm_gfx.early
    from torch._dynamo import eval_frame

    assert vllm_gfx.early
    context = torch._dynamo.optimize(torch._TorchCompileInductorWrapper("default", None, None))
    assert isinstance(context, eval_frame.OptimizeContext) and INDUCTOR not in sys.modules
    _, _, noted = context.__reduce__()
    assert type(noted["compiler_config"]) is dict and INDUCTOR in sys.modules


def _compiles() -> None:
    import torch
    import vllm_gfx.early

    assert vllm_gfx.early
    compiled = torch.compile(lambda x: x.sin() + 1)
    assert INDUCTOR not in sys.modules
    x = torch.arange(4.0)
    assert torch.equal(compiled(x), x.sin() + 1)
    assert INDUCTOR in sys.modules


def _upstream() -> None:
    import torch

    torch.compile(lambda x: x + 1)
    assert INDUCTOR in sys.modules, "vllm_gfx/early/compiler_config_when_asked.py can go"


def _engine_modules() -> None:
    from vllm import plugins
    from vllm.entrypoints import llm
    from vllm.v1.worker import gpu_model_runner

    plugins.load_general_plugins()
    assert llm and gpu_model_runner
    assert INDUCTOR not in sys.modules


def test_settings_when_asked() -> None:
    fresh.run(_decorated)


def test_settings_of_a_copy() -> None:
    fresh.run(_pickled)


def test_it_still_compiles() -> None:
    fresh.run(_compiles)


def test_compiler_config_when_asked_has_a_use() -> None:
    fresh.run(_upstream)


def test_an_engine_that_compiles_nothing_imports_no_inductor() -> None:
    fresh.run(_engine_modules)
