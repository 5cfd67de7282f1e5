"""Integer instructions, conversions and scalar ones, by definition in Python's integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from tests.emulator.semantics.exact import F16, F32, Format, field_list, signed
from tests.emulator.semantics.float_forms import EVERYWHERE, Where, form, halves

WORD = 0xFFFFFFFF
LONG = (1 << 64) - 1
FROM_10 = "10 11 12"


def low(result: Callable[..., int], width: int = 32) -> Callable[..., int]:
    return lambda *operands: result(*operands) & ((1 << width) - 1)


def as_signed(result: Callable[..., Any], width: int = 32) -> Callable[..., Any]:
    """`result` of signed operands, as bits."""
    mask = (1 << width) - 1

    def wrapped(*operands: int) -> Any:
        return result(*(signed(v, width) for v in operands)) & mask

    return wrapped


def sums() -> Iterator[Where]:
    def plus(a: int, b: int, carry: int = 0) -> tuple[int, int]:
        return a + b + carry & WORD, int(a + b + carry > WORD)

    def minus(a: int, b: int, borrow: int = 0) -> tuple[int, int]:
        return a - b - borrow & WORD, int(a - b - borrow < 0)

    def minus_reversed(a: int, b: int, borrow: int = 0) -> tuple[int, int]:
        return minus(b, a, borrow)

    for old, new, inside, out in (
        ("v_add", "v_add", "v_addc", plus), ("v_sub", "v_sub", "v_subb", minus),
        ("v_subrev", "v_subrev", "v_subbrev", minus_reversed),
    ):  # fmt: skip
        wrap = "u32", "u32 u32", lambda *v, out=out: out(*v)[0]
        yield "906 942", form(f"{old}_u32", *wrap)
        yield FROM_10, form(f"{new}_nc_u32", *wrap)
        yield EVERYWHERE, form(f"{new}_co_u32", "u32 mask", "u32 u32", out)
        yield "906 942", form(f"{inside}_co_u32", "u32 mask", "u32 u32 mask", out)
        yield FROM_10, form(f"{new}_co_ci_u32", "u32 mask", "u32 u32 mask", out)
    for name, older, out in (("add", "addc", plus), ("sub", "subb", minus)):
        yield "906 942 10 11", form(f"s_{name}_u32", "u32 scc", "u32 u32", out)
        yield "906 942 10 11", form(f"s_{older}_u32", "u32 scc", "u32 u32 scc", out)
        yield "12", form(f"s_{name}_co_u32", "u32 scc", "u32 u32", out)
        yield "12", form(f"s_{name}_co_ci_u32", "u32 scc", "u32 u32 scc", out)
    yield "12", form("s_add_nc_u64", "u64", "u64 u64", low(lambda a, b: a + b, 64))
    yield "12", form("s_mul_u64", "u64", "u64 u64", low(lambda a, b: a * b, 64))
    yield "906 942 10 11", form("s_sub_i32", "u32 scc", "u32 u32", _sub_overflow)
    yield "906 942 10 11", form("s_add_i32", "u32 scc", "u32 u32", _add_overflow)


def _overflow(total: int) -> tuple[int, int]:
    return total & WORD, int(not -(1 << 31) <= total < 1 << 31)


def _add_overflow(a: int, b: int) -> tuple[int, int]:
    return _overflow(signed(a, 32) + signed(b, 32))


def _sub_overflow(a: int, b: int) -> tuple[int, int]:
    return _overflow(signed(a, 32) - signed(b, 32))


def products() -> Iterator[Where]:
    two, three = "u32 u32", "u32 u32 u32"
    yield EVERYWHERE, form("v_mul_lo_u32", "u32", two, low(lambda a, b: a * b))
    yield EVERYWHERE, form("v_mul_hi_u32", "u32", two, lambda a, b: a * b >> 32)
    yield EVERYWHERE, form("v_mul_hi_i32", "u32", two, as_signed(lambda a, b: a * b >> 32))
    yield EVERYWHERE, form("s_mul_i32", "u32", two, low(lambda a, b: a * b))
    yield EVERYWHERE, form("s_mul_hi_u32", "u32", two, lambda a, b: a * b >> 32)
    yield EVERYWHERE, form("v_mul_u32_u24", "u32", two, low(lambda a, b: _u24(a) * _u24(b)))
    yield EVERYWHERE, form("v_mul_i32_i24", "u32", two, low(lambda a, b: _i24(a) * _i24(b)))
    yield EVERYWHERE, form("v_mul_hi_u32_u24", "u32", two, lambda a, b: _u24(a) * _u24(b) >> 32)
    yield (
        EVERYWHERE,
        form("v_mul_hi_i32_i24", "u32", two, low(lambda a, b: _i24(a) * _i24(b) >> 32)),
    )
    yield (
        EVERYWHERE,
        form("v_mad_u32_u24", "u32", three, low(lambda a, b, c: _u24(a) * _u24(b) + c)),
    )
    yield (
        EVERYWHERE,
        form("v_mad_i32_i24", "u32", three, low(lambda a, b, c: _i24(a) * _i24(b) + c)),
    )
    for where, infix in (("906 942 10 11", ""), ("12", "co_")):
        yield where, form(f"v_mad_{infix}u64_u32", "u64 mask", "u32 u32 u64", _mad64)
        yield where, form(f"v_mad_{infix}i64_i32", "u64 mask", "u32 u32 u64", _mad64_signed)


def _u24(a: int) -> int:
    return a & 0xFFFFFF


def _i24(a: int) -> int:
    return signed(a, 24)


def _mad64(a: int, b: int, c: int) -> tuple[int, int]:
    return a * b + c & LONG, int(a * b + c > LONG)


def _mad64_signed(a: int, b: int, c: int) -> tuple[int, int]:
    total = signed(a, 32) * signed(b, 32) + signed(c, 64)
    return total & LONG, int(not -(1 << 63) <= total < 1 << 63)


def shifts() -> Iterator[Where]:
    yield EVERYWHERE, form("v_lshlrev_b32", "u32", "u32 u32", low(lambda by, a: a << by % 32))
    yield EVERYWHERE, form("v_lshrrev_b32", "u32", "u32 u32", lambda by, a: a >> by % 32)
    yield (
        EVERYWHERE,
        form("v_ashrrev_i32", "u32", "u32 u32", lambda by, a: signed(a, 32) >> by % 32 & WORD),
    )
    yield EVERYWHERE, form("v_lshlrev_b64", "u64", "u32 u64", low(lambda by, a: a << by % 64, 64))
    yield EVERYWHERE, form("v_lshrrev_b64", "u64", "u32 u64", lambda by, a: a >> by % 64)
    yield (
        EVERYWHERE,
        form("v_ashrrev_i64", "u64", "u32 u64", lambda by, a: signed(a, 64) >> by % 64 & LONG),
    )
    yield EVERYWHERE, form("v_lshlrev_b16", "u16", "u16 u16", low(lambda by, a: a << by % 16, 16))
    yield (
        EVERYWHERE,
        form("v_ashrrev_i16", "u16", "u16 u16", lambda by, a: signed(a, 16) >> by % 16 & 0xFFFF),
    )
    three = "u32 u32 u32"
    yield EVERYWHERE, form("v_lshl_add_u32", "u32", three, low(lambda a, b, c: (a << b % 32) + c))
    yield EVERYWHERE, form("v_add_lshl_u32", "u32", three, low(lambda a, b, c: (a + b) << c % 32))
    yield EVERYWHERE, form("v_lshl_or_b32", "u32", three, low(lambda a, b, c: a << b % 32 | c))
    yield (
        EVERYWHERE,
        form("v_alignbit_b32", "u32", three, low(lambda a, b, c: (a << 32 | b) >> c % 32)),
    )
    yield (
        EVERYWHERE,
        form("v_alignbyte_b32", "u32", three, low(lambda a, b, c: (a << 32 | b) >> c % 4 * 8)),
    )
    text = "v_lshl_add_u64 %0, %1, 4, %2"
    yield (
        "942",
        form("v_lshl_add_u64", "u64", "u64 u64", low(lambda a, c: (a << 4) + c, 64), text=text),
    )
    for width, mask in ((32, WORD), (64, LONG)):
        t = f"u{width}"
        yield (
            EVERYWHERE,
            form(
                f"s_lshl_b{width}",
                f"{t} scc",
                f"{t} u32",
                _with_scc(lambda a, by, w=width: a << by % w & (1 << w) - 1),
            ),
        )
        yield (
            EVERYWHERE,
            form(
                f"s_lshr_b{width}",
                f"{t} scc",
                f"{t} u32",
                _with_scc(lambda a, by, w=width: a >> by % w),
            ),
        )
        yield EVERYWHERE, form(
            f"s_ashr_i{width}", f"{t} scc", f"{t} u32",
            _with_scc(lambda a, by, w=width, m=mask: signed(a, w) >> by % w & m),
        )  # fmt: skip
        yield (
            EVERYWHERE,
            form(
                f"s_bfe_u{width}",
                f"{t} scc",
                f"{t} u32",
                _with_scc(lambda a, f, w=width: _field(a, f, w)),
            ),
        )
        yield (
            EVERYWHERE,
            form(
                f"s_bfe_i{width}",
                f"{t} scc",
                f"{t} u32",
                _with_scc(lambda a, f, w=width: _signed_field(a, f, w)),
            ),
        )


def _with_scc(result: Callable[..., int]) -> Callable[..., tuple[int, int]]:
    def both(*operands: int) -> tuple[int, int]:
        value = result(*operands)
        return value, int(value != 0)

    return both


def _field(a: int, packed: int, width: int) -> int:
    offset, size = packed % width, packed >> 16 & 0x7F
    return a >> offset & (1 << size) - 1


def _signed_field(a: int, packed: int, width: int) -> int:
    size = min(packed >> 16 & 0x7F, width - packed % width)
    return signed(_field(a, packed, width), size) & (1 << width) - 1 if size else 0


def logic() -> Iterator[Where]:
    rules: dict[str, tuple[str, Callable[..., int]]] = {
        "v_and_b32": (EVERYWHERE, lambda a, b: a & b), "v_or_b32": (EVERYWHERE, lambda a, b: a | b),
        "v_xor_b32": (EVERYWHERE, lambda a, b: a ^ b),
        "v_xnor_b32": (EVERYWHERE, lambda a, b: ~(a ^ b)),
        "v_not_b32": (EVERYWHERE, lambda a: ~a),
        "v_and_or_b32": (EVERYWHERE, lambda a, b, c: a & b | c),
        "v_or3_b32": (EVERYWHERE, lambda a, b, c: a | b | c),
        "v_xor3_b32": (FROM_10, lambda a, b, c: a ^ b ^ c),
        "v_xad_u32": (EVERYWHERE, lambda a, b, c: (a ^ b) + c),
        "v_add3_u32": (EVERYWHERE, lambda a, b, c: a + b + c),
        "v_bfi_b32": (EVERYWHERE, lambda a, b, c: a & b | ~a & c),
        "v_bfm_b32": (EVERYWHERE, lambda a, b: (1 << a % 32) - 1 << b % 32),
        "v_bfe_u32": (EVERYWHERE, lambda a, b, c: a >> b % 32 & (1 << c % 32) - 1),
        "v_bfe_i32": (EVERYWHERE, lambda a, b, c: _signed_field(a, b % 32 | (c % 32) << 16, 32)),
        "v_bcnt_u32_b32": (EVERYWHERE, lambda a, b: a.bit_count() + b),
        "v_bfrev_b32": (EVERYWHERE, lambda a: int(f"{a:032b}"[::-1], 2)),
        "v_perm_b32": (EVERYWHERE, _permuted),
    }  # fmt: skip
    for name, (where, rule) in rules.items():
        count = rule.__code__.co_argcount
        yield where, form(name, "u32", " ".join(["u32"] * count), low(rule))
    yield (
        EVERYWHERE,
        form("v_cndmask_b32", "u32", "u32 u32 mask", lambda a, b, pick: b if pick else a),
    )
    for where, names in (
        ("906 942 10", ("ffbh_u32", "ffbl_b32", "ffbh_i32")),
        ("11 12", ("clz_i32_u32", "ctz_i32_b32", "cls_i32")),
    ):
        for name, rule in zip(names, (_leading, _trailing, _sign_bits), strict=True):
            yield where, form(f"v_{name}", "u32", "u32", low(rule))
    gone = {"andn2": "and_not1", "orn2": "or_not1"}
    scalar: dict[str, Callable[[int, int], int]] = {
        "and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b,
        "nand": lambda a, b: ~(a & b), "nor": lambda a, b: ~(a | b), "xnor": lambda a, b: ~(a ^ b),
        "andn2": lambda a, b: a & ~b, "orn2": lambda a, b: a | ~b,
    }  # fmt: skip
    for width in (32, 64):
        t = f"u{width}"
        for name, rule in scalar.items():
            result = _with_scc(low(rule, width))
            if name in gone:
                yield "906 942 10", form(f"s_{name}_b{width}", f"{t} scc", f"{t} {t}", result)
                yield "11 12", form(f"s_{gone[name]}_b{width}", f"{t} scc", f"{t} {t}", result)
            else:
                yield EVERYWHERE, form(f"s_{name}_b{width}", f"{t} scc", f"{t} {t}", result)
        yield (
            EVERYWHERE,
            form(f"s_not_b{width}", f"{t} scc", t, _with_scc(low(lambda a: ~a, width))),
        )
        yield (
            EVERYWHERE,
            form(f"s_cselect_b{width}", t, f"{t} {t} scc", lambda a, b, pick: a if pick else b),
        )
        yield EVERYWHERE, form(f"s_bcnt1_i32_b{width}", "u32 scc", t, _with_scc(int.bit_count))
        where = "906 942 10"
        yield where, form(f"s_ff1_i32_b{width}", "u32", t, low(_trailing))
        yield "11 12", form(f"s_clz_i32_u{width}", "u32", t, low(lambda a, w=width: _leading(a, w)))


def _permuted(a: int, b: int, selectors: int) -> int:
    data = [*b.to_bytes(4, "little"), *a.to_bytes(4, "little")]
    signs = {8: data[1], 9: data[3], 10: data[5], 11: data[7]}
    result = 0
    for at in range(4):
        pick = selectors >> 8 * at & 0xFF
        if pick < 8:
            byte = data[pick]
        elif pick < 12:
            byte = 0xFF if signs[pick] & 0x80 else 0
        else:
            byte = 0 if pick == 12 else 0xFF
        result |= byte << 8 * at
    return result


def _leading(a: int, width: int = 32) -> int:
    return width - a.bit_length() if a else -1


def _trailing(a: int) -> int:
    return (a & -a).bit_length() - 1 if a else -1


def _sign_bits(a: int) -> int:
    value = signed(a, 32)
    other = ~value if value < 0 else value
    return 32 - other.bit_length() if other else -1


def orders() -> Iterator[Where]:
    rules: dict[str, Callable[[int, int], bool]] = {
        "lt": lambda a, b: a < b, "eq": lambda a, b: a == b, "le": lambda a, b: a <= b,
        "gt": lambda a, b: a > b, "ne": lambda a, b: a != b, "ge": lambda a, b: a >= b,
    }  # fmt: skip
    for width in (16, 32, 64):
        t = f"u{width}"
        for name, rule in rules.items():
            truth = _truth(rule)
            yield EVERYWHERE, form(f"v_cmp_{name}_u{width}", "mask", f"{t} {t}", truth)
            yield (
                EVERYWHERE,
                form(f"v_cmp_{name}_i{width}", "mask", f"{t} {t}", as_signed(truth, width)),
            )
            if width == 32:
                scalar = "lg" if name == "ne" else name
                yield EVERYWHERE, form(f"s_cmp_{scalar}_u32", "scc", f"{t} {t}", truth)
                yield EVERYWHERE, form(f"s_cmp_{scalar}_i32", "scc", f"{t} {t}", as_signed(truth))
    for name, pick in (("min", min), ("max", max)):
        for width in (16, 32):
            t, three = f"u{width}", f"u{width} u{width} u{width}"
            yield EVERYWHERE, form(f"v_{name}_u{width}", t, f"{t} {t}", pick)
            yield EVERYWHERE, form(f"v_{name}_i{width}", t, f"{t} {t}", as_signed(pick, width))
            yield EVERYWHERE, form(f"v_{name}3_i{width}", t, three, as_signed(pick, width))
    yield EVERYWHERE, form("v_med3_i32", "u32", "u32 u32 u32", as_signed(lambda *v: sorted(v)[1]))
    yield EVERYWHERE, form("v_med3_u32", "u32", "u32 u32 u32", lambda *v: sorted(v)[1])
    yield EVERYWHERE, form("s_cmp_lg_u64", "scc", "u64 u64", lambda a, b: int(a != b))
    yield EVERYWHERE, form("s_abs_i32", "u32 scc", "u32", _with_scc(as_signed(abs)))


def _truth(rule: Callable[[int, int], bool]) -> Callable[[int, int], int]:
    return lambda a, b: int(rule(a, b))


def packed() -> Iterator[Where]:
    v = "v2u16"
    for name, rule in (("add", lambda a, b: a + b), ("sub", lambda a, b: a - b)):
        yield EVERYWHERE, form(f"v_pk_{name}_u16", v, f"{v} {v}", halves(low(rule, 16)))
    yield EVERYWHERE, form("v_pk_mul_lo_u16", v, f"{v} {v}", halves(low(lambda a, b: a * b, 16)))
    yield (
        EVERYWHERE,
        form("v_pk_mad_i16", v, f"{v} {v} {v}", halves(low(lambda a, b, c: a * b + c, 16))),
    )
    yield (
        EVERYWHERE,
        form("v_pk_lshlrev_b16", v, f"{v} {v}", halves(low(lambda by, a: a << by % 16, 16))),
    )
    yield (
        EVERYWHERE,
        form(
            "v_pk_ashrrev_i16",
            v,
            f"{v} {v}",
            halves(lambda by, a: signed(a, 16) >> by % 16 & 0xFFFF),
        ),
    )
    for count, width in ((4, 8), (8, 4)):
        yield (
            EVERYWHERE,
            form(
                f"v_dot{count}_u32_u{width}", "u32", "u32 u32 u32", low(_dot(width, False, False))
            ),
        )
        yield (
            "906 942 10",
            form(f"v_dot{count}_i32_i{width}", "u32", "u32 u32 u32", low(_dot(width, True, True))),
        )
        yield (
            "11 12",
            form(
                f"v_dot{count}_i32_iu{width}",
                "u32",
                "u32 u32 u32",
                low(_dot(width, True, False)),
                extra=" neg_lo:[1,0,0]",
            ),
        )
    yield "906 942 10", form("v_dot2_i32_i16", "u32", "v2u16 v2u16 u32", low(_dot(16, True, True)))


def _dot(width: int, first: bool, second: bool) -> Callable[[int, int, int], int]:
    def total(a: int, b: int, c: int) -> int:
        pairs = zip(field_list(a, width, first), field_list(b, width, second), strict=True)
        return sum(x * y for x, y in pairs) + c

    return total


def conversions() -> Iterator[Where]:
    for t, bits in (("u32", False), ("i32", True)):
        yield EVERYWHERE, form(f"v_cvt_f32_{t}", "f32", "u32", _from_integer(F32, 32, bits))
        yield EVERYWHERE, form(f"v_cvt_{t}_f32", "u32", "f32", _to_integer(F32, 32, bits))
    for t, bits in (("u16", False), ("i16", True)):
        yield EVERYWHERE, form(f"v_cvt_f16_{t}", "f16", "u16", _from_integer(F16, 16, bits))
        yield EVERYWHERE, form(f"v_cvt_{t}_f16", "u16", "f16", _to_integer(F16, 16, bits))
    for byte in range(4):
        yield (
            EVERYWHERE,
            form(
                f"v_cvt_f32_ubyte{byte}",
                "f32",
                "u32",
                lambda a, at=8 * byte: F32.of_float(float(a >> at & 0xFF)),
            ),
        )
    yield EVERYWHERE, form("v_cvt_f16_f32", "f16", "f32", lambda a: F16.of_float(F32.float_of(a)))
    yield EVERYWHERE, form("v_cvt_f32_f16", "f32", "f16", lambda a: F32.of_float(F16.float_of(a)))
    for where, name in (("906 942 10", "v_cvt_pkrtz_f16_f32"), ("11 12", "v_cvt_pk_rtz_f16_f32")):
        yield where, form(name, "v2f16", "f32 f32", lambda a, b: _cut(a) | _cut(b) << 16)
    yield EVERYWHERE, form("v_pack_b32_f16", "v2f16", "f16 f16", lambda a, b: a | b << 16)
    yield (
        EVERYWHERE,
        form("v_cvt_pk_i16_i32", "v2u16", "u32 u32", lambda a, b: _kept(a) | _kept(b) << 16),
    )


def _from_integer(f: Format, width: int, sign: bool) -> Callable[[int], int]:
    return lambda a: f.of_float(float(signed(a, width) if sign else a))


def _to_integer(f: Format, width: int, sign: bool) -> Callable[[int], int]:
    low_end, high_end = (
        (-(1 << (width - 1)), (1 << (width - 1)) - 1) if sign else (0, (1 << width) - 1)
    )

    def result(bits: int) -> int:
        value = f.float_of(bits)
        if math.isnan(value):
            return 0
        kept = min(max(value, float(low_end)), float(high_end))
        return min(max(math.trunc(kept), low_end), high_end) & ((1 << width) - 1)

    return result


def _cut(bits: int) -> int:
    """float32 to float16 with the fraction cut."""
    if not F32.is_finite(bits) or not F32.magnitude(bits):
        return F16.of_float(F32.float_of(bits))
    value = F32.fraction_of(bits)
    return min(F16.nearest(abs(value), math.floor), F16.infinity - 1) | (
        F16.sign if value < 0 else 0
    )


def _kept(a: int) -> int:
    return min(max(signed(a, 32), -0x8000), 0x7FFF) & 0xFFFF


def forms() -> Iterator[Where]:
    for group in (sums, products, shifts, logic, orders, packed, conversions):
        yield from group()
