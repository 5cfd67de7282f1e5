"""vLLM with a torch that is built without torch.distributed, in processes of their own.

tests/support/no_c10d makes such a torch of the installed one, in them and in all they start.
"""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.stand_ins import names
from tests.stand_ins.without import WITHOUT
from tests.support import engine, fresh, prompts, tinylm

SHIM = "vllm_gfx.early.torch_distributed"
SEEN = ("torch.distributed", "torch._C._distributed_c10d")
# Groups between processes: rendezvous() and the stores refuse before vLLM names these.
BETWEEN_PROCESSES = ("ProcessGroup.BackendType", "ProcessGroupGloo", "ProcessGroupNCCL")


def _resolve(name: str) -> Any:
    found: Any = sys.modules["torch"]
    for i, part in enumerate(parts := name.split(".")[1:], 1):
        try:
            found = getattr(found, part)
        except AttributeError:
            found = import_module(".".join(["torch", *parts[:i]]))
    return found


def _names_of_vllm() -> None:
    import vllm_gfx.early  # noqa: F401

    wanted = names.used(names.source("vllm"), tuple(f"{prefix}." for prefix in SEEN))
    assert len(wanted) > 60
    lacking = []
    for name, file in wanted.items():
        if any(skipped in name for skipped in BETWEEN_PROCESSES):
            continue
        try:
            _resolve(name)
        except (AttributeError, ImportError) as error:
            lacking.append(f"{name} in {file}: {error}")
    assert not lacking, lacking


def test_every_name_that_vllm_uses_is_there() -> None:
    fresh.run(_names_of_vllm, WITHOUT)


def _torch_goes_on() -> None:
    import torch.distributed

    assert not torch.distributed.is_available()
    before, modules = dict(vars(torch.distributed)), set(sys.modules)
    outcomes = {name: _outcome(name) for name in _submodules(torch.distributed)}
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    import vllm_gfx.early  # noqa: F401
    from vllm_gfx import apply

    assert SHIM in apply.active()
    assert not torch.distributed.is_available()
    changed = [n for n, v in before.items() if vars(torch.distributed).get(n) is not v]
    assert not changed, changed
    _absent_stays_absent(outcomes)
    _compiles(torch)


def _submodules(package: ModuleType) -> list[str]:
    return [f"{package.__name__}.{m.name}" for m in pkgutil.iter_modules(package.__path__)]


def _outcome(name: str) -> str:
    try:
        import_module(name)
    except (ImportError, AttributeError) as error:
        return type(error).__name__
    return "there"


def _absent_stays_absent(before: dict[str, str]) -> None:
    """What torch lacks it lacks as before, or ours is there instead."""
    assert before["torch.distributed.tensor"] == "ModuleNotFoundError"
    for name in ("torch.distributed.tensor._api", "torch.distributed.tensor.placement_types"):
        assert _outcome(name) == "ModuleNotFoundError"
    from vllm_gfx.stand_ins.distributed.modules import StandInModule

    worse = {}
    for name, then in before.items():
        if isinstance(sys.modules.get(name), StandInModule):
            continue
        if (now := _outcome(name)) != then and now not in ("there", "ModuleNotFoundError"):
            worse[name] = f"{then}, now {now}"
        if now == "there" and then == "ModuleNotFoundError":
            worse[name] = "half of it is there now"
    assert not worse, worse
    c10d = sys.modules["torch._C._distributed_c10d"]
    with pytest.raises(ModuleNotFoundError, match=r"FakeProcessGroup"):
        _ = c10d.FakeProcessGroup
    with pytest.raises(AttributeError):
        _ = c10d.__wrapped__


def _compiles(torch: Any) -> None:
    """Through aot_eager, which needs no C++ compiler; inductor's parts are imported and print."""
    import torch._inductor.compile_fx

    printed = []

    def backend(graph: Any, inputs: Any) -> Any:
        printed.append(graph.print_readable(print_output=False))  # asks for sharded tensors
        from torch._dynamo.backends.debugging import aot_eager

        return aot_eager(graph, inputs)

    compiled = torch.compile(lambda x: torch.relu(x * 2 + 1), backend=backend, fullgraph=True)
    x = torch.randn(8)
    assert torch.equal(compiled(x), torch.relu(x * 2 + 1)) and "relu" in printed[0]


def test_torch_goes_on_without() -> None:
    fresh.run(_torch_goes_on, WITHOUT)


def _needed() -> None:
    """The expiry test of torch_distributed: without install() vLLM does not import."""
    shim = import_module("vllm_gfx.apply")
    shim._installed[SHIM] = False  # apply() takes it for done
    assert import_module(SHIM).needed()
    with pytest.raises(ModuleNotFoundError, match="_distributed_c10d"):
        import_module("vllm.distributed.parallel_state")


def test_vllm_still_needs_it() -> None:
    fresh.run(_needed, WITHOUT)


def _nothing_where_native() -> None:
    import torch.distributed.distributed_c10d
    import torch.distributed.tensor
    import vllm_gfx.early  # noqa: F401
    from vllm_gfx import apply

    def seen() -> dict[str, Any]:
        modules = {n: m for n, m in sys.modules.items() if n.startswith(SEEN)}
        return {f"{n} {k}": v for n, m in modules.items() for k, v in vars(m).items()} | modules

    shim = sys.modules[SHIM]
    assert SHIM not in apply.active(), "installed on this system"
    shim.APPLIES = (sys.platform,)
    before = seen()
    apply._installed.clear()
    apply.apply("early")
    after = seen()
    assert SHIM not in apply.active() and not shim.needed()
    assert before.keys() == after.keys() and all(after[k] is v for k, v in before.items())
    assert torch.distributed.is_available()


def test_nothing_happens_where_torch_has_it() -> None:
    fresh.run(_nothing_where_native)


def test_engine_answers_the_same(tmp_path: Path) -> None:
    """A new cache makes vLLM inspect the model too, which imports more of it."""
    from transformers import AutoTokenizer  # here: the processes above are quicker without

    from tests.support import reference

    tokenizer = AutoTokenizer.from_pretrained(tinylm.copy("fp"))
    ids = [tokenizer(text)["input_ids"] for text in prompts.TEXTS[:4]]
    expected = reference.generate(reference.load(tinylm.copy("fp")), ids, 16)
    answers = engine.run(
        tinylm.copy("fp"),
        [engine.Job(ids, params={"max_tokens": 16})],
        env={**WITHOUT, "VLLM_CACHE_ROOT": str(tmp_path)},
        dtype="float32",
        max_model_len=512,
    )
    assert reference.differing(answers.tokens[0], expected) == []
    assert [p.name for p in (tmp_path / "modelinfos").glob("*LlamaForCausalLM.json")]
