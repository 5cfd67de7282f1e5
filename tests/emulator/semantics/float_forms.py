"""Float instructions and what they are by definition: exact fractions, rounded once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any

from tests.emulator.semantics.exact import BF16, F16, F32, F64, FORMATS, Format, rounded_once
from tests.emulator.semantics.source import Form

Where = tuple[str, Form]  # generations that have it ("9 10 11 12"), the form
EVERYWHERE = "906 942 10 11 12"
FROM_11 = "11 12"


def form(name: str, dst: str, src: str, result: Callable[..., Any], **more: Any) -> Form:
    """A form whose text is its name and all operands in order."""
    kinds_out, kinds_in = tuple(dst.split()), tuple(src.split())
    used = kinds_in[:-1] if more.get("reads_dst") else kinds_in
    count = sum(kind != "scc" for kind in kinds_out) if name.startswith("s_") else len(kinds_out)
    shown = [f"%{n}" for n in range(count)]
    shown += [f"%{len(kinds_out) + n}" for n, kind in enumerate(used) if kind not in ("scc", "vcc")]
    text = f"{name} {', '.join(shown)}{more.pop('extra', '')}"
    return Form(name, more.pop("text", text), kinds_out, kinds_in, result, **more)


def halves(result: Callable[..., int], width: int = 16) -> Callable[..., int]:
    """`result` on the low and on the high halves of packed operands."""
    mask = (1 << width) - 1

    def packed(*words: int) -> int:
        low = result(*(word & mask for word in words))
        return low | result(*(word >> width for word in words)) << width

    return packed


def arithmetic() -> Iterator[Where]:
    for t, f in (("f16", F16), ("f32", F32)):
        yield EVERYWHERE, form(f"v_add_{t}", t, f"{t} {t}", rounded_once(_add, f, f, f))
        yield EVERYWHERE, form(f"v_sub_{t}", t, f"{t} {t}", rounded_once(_sub, f, f, f))
        yield EVERYWHERE, form(f"v_subrev_{t}", t, f"{t} {t}", rounded_once(_rsub, f, f, f))
        yield EVERYWHERE, form(f"v_mul_{t}", t, f"{t} {t}", rounded_once(_mul, f, f, f))
        fused = rounded_once(_fma, f, f, f, f)
        yield EVERYWHERE, form(f"v_fma_{t}", t, f"{t} {t} {t}", fused)
    fused = rounded_once(_fma, F32, F32, F32, F32)
    yield EVERYWHERE, form("v_fmac_f32", "f32", "f32 f32 f32", fused, reads_dst=True)
    constant = rounded_once(_fma, F32, F32, F32, F32)
    add_k = "v_fmaak_f32 %0, %1, %2, 0x3eaaaaab"
    by_k = "v_fmamk_f32 %0, %1, 0x3eaaaaab, %2"
    yield (
        "942 10 11 12",
        form("v_fmaak_f32", "f32", "f32 f32", lambda a, b: constant(a, b, 0x3EAAAAAB), text=add_k),
    )
    yield (
        "942 10 11 12",
        form("v_fmamk_f32", "f32", "f32 f32", lambda a, b: constant(a, 0x3EAAAAAB, b), text=by_k),
    )
    for t, f in (("f16", F16), ("f32", F32)):
        where = EVERYWHERE if t == "f16" else "942"
        v, width = f"v2{t}", f.width
        for name, formula, count in (("add", _add, 2), ("mul", _mul, 2), ("fma", _fma, 3)):
            once = rounded_once(formula, f, *[f] * count)
            yield where, form(f"v_pk_{name}_{t}", v, " ".join([v] * count), halves(once, width))


def modified() -> Iterator[Where]:
    """The same sums through the operand modifiers, so that those are met as well."""
    flipped = rounded_once(lambda a, b: abs(b) - a, F32, F32, F32)
    text = "v_add_f32 %0, -%1, |%2|"
    yield EVERYWHERE, form("v_add_f32", "f32", "f32 f32", flipped, text=text)
    fused = rounded_once(_fma, F16, F16, F16, F16)

    def crossed(a: int, b: int, c: int) -> int:
        return halves(fused)(a >> 16 | a << 16 & 0xFFFF0000, b ^ 0x80000000, c)

    text = "v_pk_fma_f16 %0, %1, %2, %3 op_sel:[1,0,0] op_sel_hi:[0,1,1] neg_hi:[0,1,0]"
    yield EVERYWHERE, form("v_pk_fma_f16", "v2f16", "v2f16 v2f16 v2f16", crossed, text=text)
    mixed = rounded_once(_fma, F32, F16, F32, F16)
    text = "v_fma_mix_f32 %0, %1, %2, -%3 op_sel:[1,0,0] op_sel_hi:[1,0,1]"
    yield EVERYWHERE, form(
        "v_fma_mix_f32", "f32", "v2f16 f32 v2f16", text=text,
        result=lambda a, b, c: mixed(a >> 16, b, c & 0xFFFF ^ 0x8000),
    )  # fmt: skip
    single = rounded_once(_fma, F32, F32, F32, F32)

    def kept(a: int, b: int, c: int, old: int) -> int:
        return _narrowed(single(a, b, c)) << 16 | old & 0xFFFF

    yield EVERYWHERE, form("v_fma_mixhi_f16", "v2f16", "f32 f32 f32 u32", kept, reads_dst=True)


def _narrowed(bits: int) -> int:
    return F16.of_float(F32.float_of(bits))


def _add(a: Any, b: Any) -> Any:
    return a + b


def _sub(a: Any, b: Any) -> Any:
    return a - b


def _rsub(a: Any, b: Any) -> Any:
    return b - a


def _mul(a: Any, b: Any) -> Any:
    return a * b


def _fma(a: Any, b: Any, c: Any) -> Any:
    return a * b + c


def _order(f: Format, bits: int) -> int:
    """Numbers in order, -0 just below +0."""
    size = f.magnitude(bits)
    return -size - 1 if bits & f.sign else size


def extreme(f: Format, pick: Callable[..., int], quiets: bool) -> Callable[..., int]:
    """The number where one operand is NaN; NaN of a signalling one if `quiets`."""

    def result(a: int, b: int) -> int:
        if quiets and any(f.is_nan(v) and not v & 1 << (f.fraction - 1) for v in (a, b)):
            return f.nan
        valid = [v for v in (a, b) if not f.is_nan(v)]
        return pick(valid, key=lambda v: _order(f, v)) if valid else f.nan

    return result


def _median(f: Format, quiets: bool) -> Callable[..., int]:
    """The larger of the two that are left without the first that equals the largest (ISA)."""
    low, high = extreme(f, min, quiets), extreme(f, max, quiets)

    def result(a: int, b: int, c: int) -> int:
        if any(f.is_nan(v) for v in (a, b, c)):
            return low(low(a, b), c)
        most = f.float_of(max((a, b, c), key=lambda v: _order(f, v)))
        at = next(n for n, v in enumerate((a, b, c)) if f.float_of(v) == most)
        return high(*[v for n, v in enumerate((a, b, c)) if n != at])

    return result


def extremes() -> Iterator[Where]:
    for t, f in (("f16", F16), ("f32", F32)):
        for infix, where, quiets in (("", "906 942 10 11", True), ("_num", "12", False)):
            for name, pick in (("min", min), ("max", max)):
                yield where, form(f"v_{name}{infix}_{t}", t, f"{t} {t}", extreme(f, pick, quiets))
            yield where, form(f"v_med3{infix}_{t}", t, f"{t} {t} {t}", _median(f, quiets))
            low, high = extreme(f, min, quiets), extreme(f, max, quiets)
            three = f"{t} {t} {t}"
            where = where.replace("906 942 10 ", "")
            yield where, form(f"v_maxmin{infix}_{t}", t, three, _chained(high, low))
            yield where, form(f"v_minmax{infix}_{t}", t, three, _chained(low, high))
    yield (
        "906 942 10 11",
        form("v_pk_max_f16", "v2f16", "v2f16 v2f16", halves(extreme(F16, max, True))),
    )
    yield "12", form("v_pk_min_num_f16", "v2f16", "v2f16 v2f16", halves(extreme(F16, min, False)))


def _chained(first: Callable[..., int], then: Callable[..., int]) -> Callable[..., int]:
    return lambda a, b, c: then(first(a, b), c)


def _unary(f: Format, function: Callable[[float], float]) -> Callable[[int], int]:
    def result(bits: int) -> int:
        value = f.float_of(bits)
        return f.of_float(function(value) if math.isfinite(value) else value)

    return result


def _keeping_sign(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda v: math.copysign(function(v), v)


def whole() -> Iterator[Where]:
    rules: dict[str, Callable[[float], int]] = {
        "trunc": math.trunc,
        "floor": math.floor,
        "ceil": math.ceil,
        "rndne": round,
    }
    for t, f in (("f16", F16), ("f32", F32)):
        for name, rule in rules.items():
            yield EVERYWHERE, form(f"v_{name}_{t}", t, t, _unary(f, _keeping_sign(rule)))
        yield EVERYWHERE, form(f"v_frexp_mant_{t}", t, t, _unary(f, lambda v: math.frexp(v)[0]))
    yield EVERYWHERE, form("v_frexp_exp_i32_f32", "u32", "f32", _frexp_exponent)
    yield EVERYWHERE, form("v_ldexp_f32", "f32", "f32 u32", _scaled)


def _frexp_exponent(bits: int) -> int:
    value = F32.float_of(bits)
    return math.frexp(value)[1] & 0xFFFFFFFF if math.isfinite(value) else 0


def _scaled(bits: int, power: int) -> int:
    power = max(min(power - (1 << 32) if power >> 31 else power, 1000), -1000)
    if not F32.magnitude(bits) or not F32.is_finite(bits):
        return bits
    return F32.nearest(F32.fraction_of(bits) * Fraction(2) ** power)


def _flushing(function: Callable[[float], float]) -> Callable[[int], int]:
    def result(bits: int) -> int:
        if F32.is_denormal(bits):
            bits &= F32.sign
        value = function(F32.float_of(bits))
        return (
            F32.sign * (math.copysign(1, value) < 0)
            if abs(value) < 2.0**-126
            else F32.of_float(value)
        )

    return result


def _or_nan(function: Callable[[float], float], *poles: float) -> Callable[[float], float]:
    """`function` where Python's raises: `poles` are its values at -inf, -0, +0, +inf, negatives."""

    def total(value: float) -> float:
        minus_infinity, minus_zero, zero, infinity, negative = poles
        if math.isnan(value):
            return value
        if math.isinf(value):
            return infinity if value > 0 else minus_infinity
        if value == 0:
            return zero if math.copysign(1, value) > 0 else minus_zero
        return function(value) if value > 0 or math.isnan(negative) is False else negative

    return total


def transcendental() -> Iterator[Where]:
    nan, inf = math.nan, math.inf
    functions = {
        "rcp": _or_nan(lambda v: 1 / v, -0.0, -inf, inf, 0.0, 0.0),
        "rsq": _or_nan(lambda v: v**-0.5, nan, -inf, inf, 0.0, nan),
        "sqrt": _or_nan(math.sqrt, nan, -0.0, 0.0, inf, nan),
        "exp": _or_nan(_power_of_two, 0.0, 1.0, 1.0, inf, 0.0),
        "log": _or_nan(math.log2, nan, -inf, -inf, inf, nan),
    }
    for name, function in functions.items():
        yield EVERYWHERE, form(f"v_{name}_f32", "f32", "f32", _flushing(function), ulps=1)
        yield "12", form(f"v_s_{name}_f32", "f32", "f32", _flushing(function), ulps=1)
        yield EVERYWHERE, form(f"v_{name}_f16", "f16", "f16", _through(F16, function), ulps=1)
    yield EVERYWHERE, form("v_rcp_iflag_f32", "f32", "f32", _flushing(functions["rcp"]), ulps=1)


def _power_of_two(value: float) -> float:
    return math.inf if value >= 1024 else 2.0**value


def _through(f: Format, function: Callable[[float], float]) -> Callable[[int], int]:
    return lambda bits: f.of_float(function(f.float_of(bits)))


def comparisons() -> Iterator[Where]:
    rules: dict[str, Callable[[float, float], bool]] = {
        "lt": lambda a, b: a < b, "eq": lambda a, b: a == b, "le": lambda a, b: a <= b,
        "gt": lambda a, b: a > b, "lg": lambda a, b: a < b or a > b, "ge": lambda a, b: a >= b,
        "o": lambda a, b: a == a and b == b, "u": lambda a, b: a != a or b != b,
        "nge": lambda a, b: not a >= b, "nlg": lambda a, b: not (a < b or a > b),
        "ngt": lambda a, b: not a > b, "nle": lambda a, b: not a <= b,
        "neq": lambda a, b: a != b, "nlt": lambda a, b: not a < b,
    }  # fmt: skip
    for t, f in (("f16", F16), ("f32", F32), ("f64", F64)):
        for name, rule in rules.items():
            yield EVERYWHERE, form(f"v_cmp_{name}_{t}", "mask", f"{t} {t}", _holds(f, rule))
            if t == "f32":
                yield "12", form(f"s_cmp_{name}_{t}", "scc", f"{t} {t}", _holds(f, rule))
    yield EVERYWHERE, form("v_cmp_class_f32", "mask", "f32 u32", _class(F32))
    yield EVERYWHERE, form("v_cmp_class_f16", "mask", "f16 u16", _class(F16))


def _holds(f: Format, rule: Callable[[float, float], bool]) -> Callable[[int, int], int]:
    return lambda a, b: int(rule(f.float_of(a), f.float_of(b)))


def _class(f: Format) -> Callable[[int, int], int]:
    def result(bits: int, wanted: int) -> int:
        if f.is_nan(bits):
            at = 1 if bits & 1 << (f.fraction - 1) else 0
        else:
            size = f.magnitude(bits)
            kind = 0 if size == f.infinity else 3 if size == 0 else 2 if f.is_denormal(bits) else 1
            at = 2 + kind if bits & f.sign else 9 - kind
        return wanted >> at & 1

    return result


def dots() -> Iterator[Where]:
    """Order and rounding inside are the hardware's: an ulp, and what cancellation leaves."""
    for kind, f, names in (
        ("f16", F16, (("906 942 10 11 12", "v_dot2_f32_f16"), ("942 10", "v_dot2c_f32_f16"),
                      ("11", "v_dot2acc_f32_f16"))),
        ("bf16", BF16, (("11 12", "v_dot2_f32_bf16"),)),
    ):  # fmt: skip
        result = rounded_once(_dot2, F32, f, f, f, f, F32)
        spread = _spread(f)
        for where, name in names:
            more = {} if name.startswith("v_dot2_") else {"reads_dst": True}
            yield (
                where,
                form(
                    name,
                    "f32",
                    f"v2{kind} v2{kind} f32",
                    _of_pairs(result),
                    ulps=1,
                    slack=spread,
                    **more,
                ),
            )


def _dot2(a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
    return a * c + b * d + e


def _of_pairs(result: Callable[..., int]) -> Callable[..., int]:
    return lambda a, b, c: result(a & 0xFFFF, a >> 16, b & 0xFFFF, b >> 16, c)


def _spread(f: Format) -> Callable[..., float]:
    """The largest term times 2^-50."""

    def slack(a: int, b: int, c: int) -> float:
        pairs = ((a & 0xFFFF, b & 0xFFFF), (a >> 16, b >> 16))
        terms = [abs(f.float_of(x) * f.float_of(y)) for x, y in pairs]
        return max((*(t for t in terms if math.isfinite(t)), 0.0)) * 2.0**-50

    return slack


def division() -> Iterator[Where]:
    """All steps of LLVM's division and square root: the results must be IEEE's."""
    yield EVERYWHERE, form("v_div_fixup_f32", "f32", "f32 f32 f32", partial(_fixed_up, F32))
    for name, src, code, result in (
        ("division", "f32 f32", "a / b", lambda a, b: _quotient(F32, a, b)),
        ("square_root", "f32", "__builtin_sqrtf(a)", _root),
        ("division_f16", "f16 f16", "x / y", lambda a, b: _quotient(F16, a, b)),
    ):
        yield EVERYWHERE, form(name, src[:3], src, result, code=code)


def _quotient(f: Format, a: int, b: int) -> int:
    if not (f.is_finite(a) and f.is_finite(b) and f.magnitude(a) and f.magnitude(b)):
        return _fixed_up(f, 0, b, a)
    return f.nearest(f.fraction_of(a) / f.fraction_of(b)) or (a ^ b) & f.sign


def _root(a: int) -> int:
    value = F32.float_of(a)
    return F32.nan if value < 0 else F32.of_float(math.sqrt(value))


def _fixed_up(f: Format, quotient: int, denominator: int, numerator: int) -> int:
    sign = (denominator ^ numerator) & f.sign
    over, under = f.float_of(numerator), f.float_of(denominator)
    if math.isnan(over) or math.isnan(under) or (over == 0 == under):
        return f.nan
    if math.isinf(over) and math.isinf(under):
        return f.nan
    if under == 0 or math.isinf(over):
        return sign | f.infinity
    if over == 0 or math.isinf(under):
        return sign
    return sign | (f.infinity if f.is_nan(quotient) else f.magnitude(quotient))


def forms() -> Iterator[Where]:
    for group in (
        arithmetic,
        modified,
        extremes,
        whole,
        transcendental,
        comparisons,
        dots,
        division,
    ):
        yield from group()


__all__ = ["EVERYWHERE", "FORMATS", "Where", "form", "forms"]
