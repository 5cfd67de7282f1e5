"""`@torch.compile` leaves Inductor alone until something is compiled or its settings are asked for.

Also expiry of vllm_gfx.early.compiler_config_when_asked.
"""

from __future__ import annotations

import pickle
import sys

from tests.support import fresh

INDUCTOR = "torch._inductor.compile_fx"


def _decorated() -> None:
    import torch
    import vllm_gfx.early
    from vllm_gfx.early import compiler_config_when_asked

    assert vllm_gfx.early and compiler_config_when_asked.needed()
    compiled = torch.compile(lambda x: x + 1, options={"max_fusion_size": 7})
    assert INDUCTOR not in sys.modules
    found = compiled.get_compiler_config()
    assert INDUCTOR not in sys.modules
    assert found["max_fusion_size"] == 7 and len(found) == len(list(found)) > 100
    assert INDUCTOR in sys.modules, "that was torch's own answer"
    again = torch.compile(lambda x: x + 1, options={"max_fusion_size": 7})
    theirs = again.get_compiler_config()
    assert type(theirs) is dict and theirs == dict(found)
    copied = pickle.loads(pickle.dumps(found))
    assert type(copied) is dict and copied == theirs


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


def test_it_still_compiles() -> None:
    fresh.run(_compiles)


def test_torchs_own_way() -> None:
    fresh.run(_upstream)


def test_an_engine_that_compiles_nothing_imports_no_inductor() -> None:
    fresh.run(_engine_modules)
