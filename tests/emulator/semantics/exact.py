"""Number formats by their bits, in integers and fractions; nothing of the emulator is used."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True)
class Format:
    """An IEEE binary format: `width` bits, `fraction` of them after the point."""

    width: int
    fraction: int

    @property
    def bias(self) -> int:
        return (1 << (self.width - self.fraction - 2)) - 1

    @property
    def infinity(self) -> int:
        return (2 * self.bias + 1) << self.fraction

    @property
    def sign(self) -> int:
        return 1 << (self.width - 1)

    @property
    def nan(self) -> int:
        return self.infinity | 1 << (self.fraction - 1)

    def magnitude(self, bits: int) -> int:
        return bits & (self.sign - 1)

    def is_nan(self, bits: int) -> bool:
        return self.magnitude(bits) > self.infinity

    def is_finite(self, bits: int) -> bool:
        return self.magnitude(bits) < self.infinity

    def is_denormal(self, bits: int) -> bool:
        return 0 < self.magnitude(bits) < 1 << self.fraction

    def fraction_of(self, bits: int) -> Fraction:
        """The value of a finite number."""
        size = self.magnitude(bits)
        exponent = max(size >> self.fraction, 1)
        digits = size - ((exponent - 1) << self.fraction)
        value = digits * Fraction(2) ** (exponent - self.bias - self.fraction)
        return -value if bits & self.sign else value

    def float_of(self, bits: int) -> float:
        if self.is_nan(bits):
            return math.nan
        if not self.is_finite(bits):
            return -math.inf if bits & self.sign else math.inf
        return math.copysign(float(abs(self.fraction_of(bits))), -1 if bits & self.sign else 1)

    def nearest(self, value: Fraction, rounding: Callable[[Fraction], int] = round) -> int:
        """Bits of a nonzero value, to nearest and ties to even unless told otherwise."""
        size = abs(value)
        power = size.numerator.bit_length() - size.denominator.bit_length()
        if Fraction(2) ** power > size:
            power -= 1
        power = max(power, 1 - self.bias)
        digits = rounding(size / Fraction(2) ** (power - self.fraction))
        bits = min(((power + self.bias - 1) << self.fraction) + digits, self.infinity)
        return bits | (self.sign if value < 0 else 0)

    def of_float(self, value: float) -> int:
        """Bits of a float, with one rounding."""
        if math.isnan(value):
            return self.nan
        sign = self.sign if math.copysign(1, value) < 0 else 0
        if math.isinf(value):
            return sign | self.infinity
        return self.nearest(Fraction(value)) if value else sign


F16, BF16, F32, F64 = Format(16, 10), Format(16, 7), Format(32, 23), Format(64, 52)
FORMATS = {"f16": F16, "bf16": BF16, "f32": F32, "f64": F64}


def rounded_once(formula: Callable[..., Any], into: Format, *formats: Format) -> Callable[..., int]:
    """`formula` of numbers of `formats`, exact, then rounded once to `into`.

    Infinities, NaN and the sign of an exact zero follow the formula on Python's floats.
    """

    def result(*operands: int) -> int:
        pairs = list(zip(formats, operands, strict=True))
        plain = formula(*(f.float_of(v) for f, v in pairs))
        if not all(f.is_finite(v) for f, v in pairs):
            return into.of_float(plain)
        value = formula(*(f.fraction_of(v) for f, v in pairs))
        if value:
            return into.nearest(Fraction(value))
        return into.sign if math.copysign(1, plain) < 0 else 0

    return result


def signed(bits: int, width: int) -> int:
    bits &= (1 << width) - 1
    return bits - (1 << width) if bits >> (width - 1) else bits


def field_list(word: int, width: int, sign: bool) -> list[int]:
    parts = [(word >> at) & ((1 << width) - 1) for at in range(0, 32, width)]
    return [signed(part, width) for part in parts] if sign else parts
