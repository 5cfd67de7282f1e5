"""HIP text with one kernel per instruction: operands from memory, results to memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.emulator.semantics import inputs

WORDS = 8  # each operand and each result has two words of a row of this many
LANES = 64  # threads of a block of a vector instruction
HEAD = """
typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
#if __GFX9__
typedef u64 lanes;
#define TO_VCC "s_mov_b64 vcc, "
#else
typedef u32 lanes;
#define TO_VCC "s_mov_b32 vcc_lo, "
#endif
template <class To, class From> static inline __attribute__((device)) To as(From from) {
  To to; __builtin_memcpy(&to, &from, sizeof(To)); return to; }
static inline __attribute__((device)) u32 as_bits(float v) { return as<u32>(v); }
static inline __attribute__((device)) u16 as_bits(_Float16 v) { return as<u16>(v); }
#define KERNEL(n) extern "C" __attribute__((global, amdgpu_flat_work_group_size(n, n))) void
"""


@dataclass(frozen=True)
class Form:
    """One instruction as it is tested.

    `text` is its assembly, %0.. being the results and then the operands. `dst` and `src` are the
    kinds (inputs.py); mask is one bool per lane, scc one per wave that the text does not show.
    `result` takes and gives raw bits. `ulps` is how far a float may be off, `slack` how far
    besides, as a number.
    """

    name: str
    text: str
    dst: tuple[str, ...]
    src: tuple[str, ...]
    result: Callable[..., Any]
    ulps: int = 0
    reads_dst: bool = False
    slack: Callable[..., float] | None = None
    code: str = ""  # in place of `text`, a C expression of a, b (float) or x, y (_Float16)

    @property
    def scalar(self) -> bool:
        return self.name.startswith(("s_", "v_s_"))


def program(forms: Sequence[Form]) -> str:
    return HEAD + "\n".join(_kernel(number, form) for number, form in enumerate(forms))


def _type(kind: str) -> str:
    return {16: "u16", 32: "u32", 64: "u64"}[inputs.width(kind)]


def _kernel(number: int, form: Form) -> str:
    index = "" if form.scalar else " * 64 + __builtin_amdgcn_workitem_id_x()"
    lines = [
        f"KERNEL({LANES if not form.scalar else 32}) form_{number}(const u32* in, u32* out) {{",
        f"u32 i = __builtin_amdgcn_workgroup_id_x(){index}; in += i * {WORDS}; out += i * {WORDS};",
        *(_loaded(n, kind) for n, kind in enumerate(form.src)),
        *(_numbers(form) if form.code else []),
        *(_declared(n, kind, form) for n, kind in enumerate(form.dst)),
        _statement(form),
        *(_stored(n, kind) for n, kind in enumerate(form.dst)),
        "}",
    ]
    return "\n".join(lines)


def _loaded(n: int, kind: str) -> str:
    if kind == "mask":
        return (
            f'lanes s{n}; asm volatile("v_cmp_ne_u32 %0, 0, %1" : "=s"(s{n}) : "v"(in[{2 * n}]));'
        )
    if kind in ("scc", "vcc"):
        return _loaded(n, "mask") if kind == "vcc" else f"u32 s{n} = in[{2 * n}];"
    if _type(kind) == "u64":
        return f"u64 s{n} = in[{2 * n}] | (u64)in[{2 * n + 1}] << 32;"
    return f"{_type(kind)} s{n} = ({_type(kind)})in[{2 * n}];"


def _numbers(form: Form) -> list[str]:
    kind, names = ("float", "ab") if form.src[0] == "f32" else ("_Float16", "xy")
    return [f"{kind} {names[n]} = as<{kind}>(s{n});" for n in range(len(form.src))]


def _declared(n: int, kind: str, form: Form) -> str:
    if kind == "mask":
        return f"lanes d{n};"
    start = f" = s{len(form.src) - 1}" if form.reads_dst and n == 0 else ""
    return f"{'u32' if kind == 'scc' else _type(kind)} d{n}{start};"


def _statement(form: Form) -> str:
    if form.code:
        return f"d0 = as_bits({form.code});"
    register = "s" if form.scalar else "v"
    results = [
        f'"{"+" if form.reads_dst and n == 0 else "=&"}{"s" if kind == "mask" else register}"(d{n})'
        for n, kind in enumerate(form.dst)
    ]
    used = form.src[:-1] if form.reads_dst else form.src
    operands = [
        f'"{"s" if kind in ("mask", "vcc") else register}"(s{n})' for n, kind in enumerate(used)
    ]
    first = len(form.dst)
    before, after = "", ""
    for n, kind in enumerate(used):
        if kind == "scc":
            before = f'"s_cmp_lg_u32 %{first + n}, 0\\n" '
        if kind == "vcc":
            before = f'TO_VCC "%{first + n}\\n" '
    for n, kind in enumerate(form.dst):
        if kind == "scc":
            after = f' "\\ns_cselect_b32 %{n}, 1, 0"'
    clobbers = '"scc"' if form.scalar else '"vcc"'
    return (
        f'asm volatile({before}"{form.text}"{after} : {", ".join(results)}'
        f" : {', '.join(operands)} : {clobbers});"
    )


def _stored(n: int, kind: str) -> str:
    if kind == "mask":
        as_number = f'asm volatile("v_cndmask_b32 %0, 0, 1, %1" : "=v"(t) : "s"(d{n}));'
        return f"{{ u32 t; {as_number} out[{2 * n}] = t; }}"
    if kind != "scc" and _type(kind) == "u64":
        return f"out[{2 * n}] = (u32)d{n}; out[{2 * n + 1}] = (u32)(d{n} >> 32);"
    return f"out[{2 * n}] = d{n};"
