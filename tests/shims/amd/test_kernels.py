"""vLLM's own wrappers and its Triton cache write, served by gfx_kernels on a simulated card."""

from __future__ import annotations

from tests.shims.amd import simulate

_CALLS = """
import torch
from vllm.platforms import current_platform
current_platform.import_kernels()
from vllm import _custom_ops as ops
from vllm.config import VllmConfig, set_current_vllm_config
from vllm.model_executor.layers.activation import GeluAndMul, SiluAndMul
from vllm.model_executor.layers.rotary_embedding.base import RotaryEmbedding

g = torch.Generator().manual_seed(0)
near = lambda a, b: torch.allclose(a, b, atol=1e-5)
normal = lambda x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * weight
x, residual = torch.randn(2, 4, 64, generator=g)
weight, out, answer = torch.randn(64, generator=g), torch.empty(4, 64), {}

ops.rms_norm(out, x, weight, 1e-6)
answer["rms_norm"] = near(out, normal(x))
total = x + residual
ops.fused_add_rms_norm(x, residual, weight, 1e-6)
answer["fused_add_rms_norm"] = near(x, normal(total)) and torch.equal(residual, total)

with set_current_vllm_config(VllmConfig()):
    rope = RotaryEmbedding(32, 32, 64, 10000.0, True, torch.float32)
    layers = [SiluAndMul(), GeluAndMul(), GeluAndMul("tanh")]
query, key = torch.randn(4, 128, generator=g), torch.randn(4, 32, generator=g)
args = (torch.arange(4), query, key)
wanted = rope.forward_native(args[0], query.clone(), key.clone())
answer["rotary_embedding"] = all(map(near, rope.forward_hip(*args), wanted))
gate, up = x.chunk(2, dim=-1)
gelu = torch.nn.functional.gelu
# Not forward_native: on AMD cards upstream computes the exact gelu there, whatever was asked for.
plain = [torch.nn.functional.silu(gate), gelu(gate), gelu(gate, approximate="tanh")]
for i, layer in enumerate(layers):
    answer[f"{type(layer).__name__} {i}"] = near(layer.forward_cuda(x), plain[i] * up)
answer["upstream's fault"] = not near(layers[2].forward_native(x), plain[2] * up)

logits, mask = torch.randn(2, 50, generator=g), torch.rand(2, 50, generator=g) > 0.5
plain, penalties = logits.clone(), torch.tensor([1.5, 2.0])
ops.apply_repetition_penalties_torch(plain, mask, ~mask, penalties)
ops.apply_repetition_penalties_cuda(logits, mask, ~mask, penalties)
answer["penalties"] = near(logits, plain)

fp8 = current_platform.fp8_dtype()
cache, one, key = torch.zeros(2, 3, 16, 2, 32), torch.ones(()), torch.randn(4, 2, 32, generator=g)
bytes_ = cache.to(torch.uint8)
slots = torch.tensor([0, 5, -1])
ops.reshape_and_cache_flash(key, -key, bytes_[0], bytes_[1], slots, "fp8", one, one)
cache[0, 0, [0, 5]], cache[1, 0, [0, 5]] = key[:2], -key[:2]
answer["fp8 cache"] = torch.equal(bytes_.view(fp8).float(), cache.to(fp8).float())
"""


def test_upstreams_wrappers_are_served() -> None:
    found = simulate.ask("gfx942", _CALLS)  # the target whose 8-bit floats are others
    assert found.pop("upstream's fault"), "needs.ALWAYS can go"
    assert len(found) == 8 and all(found.values()), found


_CACHE = """
import torch
from vllm.platforms import current_platform
current_platform.import_kernels()
from vllm.v1.attention.ops import triton_reshape_and_cache_flash as upstream
from vllm_gfx import report

g = torch.Generator().manual_seed(0)
slots = torch.tensor([3, -1, 40, 17])
fp8 = current_platform.fp8_dtype()
kinds = {
    "auto": (torch.float16, torch.float16),
    "fp8": (torch.float16, fp8),
    "fp8 of float32": (torch.float32, fp8),
    "other": (torch.float32, torch.float16),
}

def written():
    found = {}
    g.manual_seed(0)
    for name, (kind, stored) in kinds.items():
        key, value = torch.randn(2, 6, 2, 24, generator=g).to(kind)
        cache = torch.zeros(3, 2, 16, 48).to(stored).transpose(1, 2)
        name8 = "fp8" if stored == fp8 else "auto"
        scales = torch.tensor(0.5), torch.tensor(0.25)
        split = cache.split(24, dim=-1)
        upstream.triton_reshape_and_cache_flash(key, value, *split, slots, name8, *scales)
        found[name] = (cache.float(), implementation())
    keys, values = torch.zeros(3, 2, 3, 16, 8).half(), torch.zeros(3, 2, 24, 16).half()
    upstream.triton_reshape_and_cache_flash(
        key.half(), value.half(), keys, values, slots, "auto", *scales
    )
    found["innermost"] = (torch.cat((keys.flatten(), values.flatten())), implementation())
    return found

def implementation():
    rows = [r for r in report.rows() if r.layer == "reshape_and_cache_kernel_flash"]
    return rows[-1].implementation if rows else ""

from vllm_gfx.engine import interpreter_fp8
interpreter_fp8.install()
before = written()
current_platform.register_triton_kernel_overrides()
current_platform.register_triton_kernel_overrides()
after = written()
answer = {
    name: [before[name][1], after[name][1], torch.equal(before[name][0], after[name][0])]
    for name in before
}
"""


def test_the_cache_write_is_ours_where_it_can_be() -> None:
    found = simulate.ask("gfx1100", _CACHE)
    ours = ["", "gfx::reshape_and_cache_flash", True]
    assert {name: row for name, row in found.items() if row == ours}.keys() == {
        "auto",
        "fp8",
        "fp8 of float32",
    }, found
    assert found["other"] == found["innermost"] == ["", "triton", True]


_CONFIG = """
import torch
from vllm.config import CompilationConfig, VllmConfig
from vllm_gfx.ops import needs

def chosen(**more):
    config = VllmConfig(compilation_config=CompilationConfig(**more))
    return [config.compilation_config.custom_ops, config.kernel_config.ir_op_priority.rms_norm]

answer = {
    "eager": chosen(mode=0),
    "compiled": chosen(mode=3, backend="inductor"),
    "named": chosen(mode=0, custom_ops=["-rotary_embedding"]),
    "all": chosen(mode=0, custom_ops=["all"]),
    "layers": needs.LAYERS,
    "always": needs.ALWAYS,
}
"""


def test_layers_use_our_ops_unless_a_compiler_fuses_torchs() -> None:
    found = simulate.ask("gfx1100", _CONFIG)
    ours = {f"+{layer}" for layer in found["layers"]}
    always = {f"+{layer}" for layer in found["always"]}
    ops = {name: set(found[name][0]) for name in ("eager", "compiled", "named", "all")}
    assert ours == {"+silu_and_mul", "+gelu_and_mul", "+rotary_embedding"}
    assert ours | {"none"} <= ops["eager"] and found["eager"][1] == ["vllm_c", "native"]
    assert ops["eager"] - ops["compiled"] == ours - always and always <= ops["compiled"]
    assert found["compiled"][1] == ["native"]
    assert ops["eager"] ^ ops["named"] == {"+rotary_embedding", "-rotary_embedding"}
    assert "all" in ops["all"] and not ops["all"] & ours


_MODES = """
from types import SimpleNamespace
from vllm.config import CompilationConfig, CompilationMode
from vllm.config.vllm import OptimizationLevel
from vllm.platforms import current_platform
current_platform.is_rocm()
from vllm_gfx.platform import rocm

def chosen(level="O2", **more):
    asked = SimpleNamespace(
        compilation_config=CompilationConfig(**more), optimization_level=OptimizationLevel[level]
    )
    rocm._default_to_graphs(asked)
    found = asked.compilation_config
    mode, graphs = found.mode, found.cudagraph_mode
    return [mode if mode is None else CompilationMode(mode).name, graphs and graphs.name]

answer = {
    "nothing": chosen(),
    "compiled": chosen(mode=3),
    "piecewise": chosen(cudagraph_mode="PIECEWISE"),
    "level": chosen("O3"),
    "none": chosen("O0"),
}
"""


def test_graphs_are_the_default_and_requests_stand() -> None:
    found = simulate.ask("gfx1100", _MODES)
    assert found["nothing"] == ["NONE", "FULL_DECODE_ONLY"]
    assert found["compiled"] == ["VLLM_COMPILE", None]
    assert found["piecewise"] == [None, "PIECEWISE"]
    assert found["level"] == found["none"] == [None, None]
