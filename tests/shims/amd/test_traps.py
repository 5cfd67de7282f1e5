"""What an empty build of vLLM gets wrong on AMD cards by default, and what it does with us.

Numbers are those of the list in the project's research: 1 attention, 2 and 3 linear kernels,
4 decode GEMM, 5 host views, 6 weak references, 7 amdsmi, 8 compile passes. Trap 3, wrong zero
points of symmetric GPTQ in RDNAHybrid, ends with trap 2; test_generate.py compares the tokens.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest
from gfx_kernels import targets

from tests.shims.amd import facts, simulate

Facts = dict[str, Any]


@pytest.fixture(scope="module", params=simulate.GFX)
def gfx(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def found(gfx: str) -> Facts:
    answer: Facts = simulate.ask(gfx, facts.DEFAULTS)
    return answer


def test_it_is_the_card_that_was_asked_for(gfx: str, found: Facts) -> None:
    major, minor, _ = (int(part) for part in targets.get(gfx).isa.split("."))
    assert found["class"] == "SimulatedRocmPlatform" and found["rocm"]
    assert found["capability"] == [major, minor]


def test_trap_1_attention_runs_in_triton(found: Facts) -> None:
    assert found["attention"].endswith("TritonAttentionBackend")
    assert "RocmAttention" in found["upstream_attention"], (
        "the override of get_valid_backends can go"
    )


def test_trap_1_an_explicit_backend_that_cannot_run_raises(found: Facts) -> None:
    assert found["explicit_attention"].startswith("ValueError: attention backend ROCM_ATTN needs")
    assert "_C_cache_ops.reshape_and_cache" in found["explicit_attention"]
    assert "TRITON_ATTN" in found["explicit_attention"]


def test_trap_1_mla_says_which_op_is_missing(found: Facts) -> None:
    assert "TRITON_MLA: [torch.ops._C_cache_ops.concat_and_cache_mla" in found["mla"]


def test_trap_2_no_linear_kernel_without_its_op(gfx: str, found: Facts) -> None:
    assert found["linear"] == "TritonW4A16LinearKernel"
    assert found["upstream_exllama"] and not found["exllama"]
    if targets.get(gfx).matrix_op == "wmma":
        assert found["upstream_linear"] == "RDNAHybridW4A16LinearKernel"


def test_trap_4_decode_gemm_is_torchs(found: Facts) -> None:
    assert found["skinny"] is False
    assert found["decode_gemm"] is True


def test_trap_4_upstreams_default_still_lacks_its_op() -> None:
    missing = simulate.ask("gfx1100", facts.DECODE_GEMM, VLLM_ROCM_USE_SKINNY_GEMM="1")
    assert "wvSplitK" in str(missing)


def test_trap_4_an_explicit_skinny_gemm_raises() -> None:
    env = {"VLLM_ROCM_USE_SKINNY_GEMM": "1"}
    child = simulate.python("gfx1100", "-c", facts.CONFIG, **env)
    assert child.returncode != 0
    assert "VLLM_ROCM_USE_SKINNY_GEMM=1 needs torch.ops._rocm_C.wvSplitK" in child.stderr


def test_trap_5_pinned_memory_where_host_pointers_are_known_good(found: Facts) -> None:
    assert found["pinned"] is (sys.platform != "win32")


def test_trap_7_the_device_is_described_without_amdsmi(gfx: str, found: Facts) -> None:
    assert found["amdsmi"].startswith("ModuleNotFoundError")
    assert found["upstream_name"].startswith("NameError"), "TorchDeviceQueries can go"
    assert found["name"] == f"simulated {gfx}" and found["uuid"] == f"simulated-{gfx}"
    assert found["memory"] > 2**30
    assert found["connected"] is False and found["numa"] is None


def test_trap_8_passes_import_and_stay_off(found: Facts) -> None:
    assert found["passes"] == {"eliminate_noops": True}
    assert found["worker"] == "vllm_gfx.simulated_worker.SimulatedWorker"
    assert "none" in found["custom_ops"] and found["ir"] == ["vllm_c", "native"]


def test_trap_8_an_explicit_pass_that_cannot_run_raises(found: Facts) -> None:
    assert (
        "pass_config.fuse_norm_quant needs torch.ops._C.rms_norm_static" in found["explicit_pass"]
    )


def test_trap_8_passes_still_need_our_ops() -> None:
    assert "_C" in simulate.ask("gfx1100", facts.PASSES_WITHOUT_OUR_OPS)


def test_fp8_is_what_the_target_table_says(gfx: str, found: Facts) -> None:
    fp8 = targets.get(gfx).fp8
    assert found["fp8"] is (fp8 != "none")
    assert found["fnuz"] is (fp8 == "fnuz")


def test_no_collective_without_its_op(found: Facts) -> None:
    assert found["custom_allreduce"] is False


def test_the_simulation_decides_nothing_itself() -> None:
    code = (
        "from vllm_gfx.platform.simulated import SimulatedRocmPlatform as s\nanswer = list(vars(s))"
    )
    own = {name for name in simulate.ask("gfx1100", code) if not name.startswith("_")}
    assert own == {
        "device_type",
        "dispatch_key",
        "dist_backend",
        "simple_compile_backend",
        "set_device",
        "device_count",
        "is_pin_memory_available",
        "get_current_memory_usage",
        "support_static_graph_mode",
        "check_and_update_config",
    }
