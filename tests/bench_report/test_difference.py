"""The rule for differences: its parts, and how often it is wrong about equal things."""

from __future__ import annotations

import random

import pytest

from tests.bench_report import made_up
from tests.bench_report.conftest import Reader
from tools.bench import welch
from tools.bench.difference import CHANCE, Verdict, between
from tools.bench.rows import Row

SAME = [100.0, 100.5, 101.0]


def judged(
    reader: Reader, first: list[float], second: list[float], better: str = "higher"
) -> Verdict:
    a, b = reader([made_up.row(samples=s, better=better) for s in (first, second)])
    return between(a, b).verdict


@pytest.mark.parametrize(
    ("t", "freedom", "p"),
    # Student's table: two-sided quantiles
    [(12.706, 1, 0.05), (63.657, 1, 0.01), (2.776, 4, 0.05), (4.604, 4, 0.01), (3.169, 10, 0.01),
     (2.704, 40, 0.01), (0, 5, 1)],
)  # fmt: skip
def test_students_table(t: float, freedom: float, p: float) -> None:
    assert welch.student_tails(t, freedom) == pytest.approx(p, rel=2e-3)


def test_welch_on_samples_worked_by_hand() -> None:
    """Means 2 and 6, variances 1 and 4, so t = 4 / sqrt(5 / 3) with 50 / 17 degrees of freedom."""
    p = welch.p_value([1, 2, 3], [4, 6, 8])
    assert p == pytest.approx(welch.student_tails(4 / (5 / 3) ** 0.5, 50 / 17), rel=1e-6)
    assert 0.05 < p < 0.06
    assert welch.p_value([1, 1], [1, 1]) == 1 and welch.p_value([1, 1], [2, 2]) == 0


def test_direction_comes_from_better(reader: Reader) -> None:
    more = [value * 1.2 for value in SAME]
    assert judged(reader, SAME, more) is Verdict.BETTER
    assert judged(reader, more, SAME) is Verdict.WORSE
    assert judged(reader, SAME, more, "lower") is Verdict.WORSE
    assert judged(reader, more, SAME, "lower") is Verdict.BETTER


def test_where_no_direction_is_good_it_is_only_different(reader: Reader) -> None:
    more = [value * 1.2 for value in SAME]
    assert judged(reader, SAME, more, "neither") is Verdict.OTHER
    assert judged(reader, SAME, SAME, "neither") is Verdict.WITHIN


def test_two_samples_say_nothing(reader: Reader) -> None:
    assert judged(reader, SAME, [1.0, 1.0]) is Verdict.FEW
    assert judged(reader, [1.0], [2.0]) is Verdict.FEW


def test_intervals_that_touch_are_the_same(reader: Reader) -> None:
    low, high = [100.0, 100.1, 100.2, 104.0], [104.0, 108.0, 108.1, 108.2]
    assert judged(reader, low, high) is Verdict.WITHIN
    assert judged(reader, low, [104.1, *high[1:]]) is Verdict.BETTER


def test_percentiles_take_over_from_ten_samples_on(reader: Reader) -> None:
    """One outlier among many does not hide a difference; among few it does."""
    many = [100.0 + i / 100 for i in range(11)]
    assert judged(reader, [*many, 121.0], [value + 20 for value in many]) is Verdict.BETTER
    assert judged(reader, [*many[:5], 121.0], [value + 20 for value in many[:5]]) is Verdict.WITHIN


def test_less_than_a_per_cent_is_no_difference(reader: Reader) -> None:
    tight = [100.0, 100.001, 100.002]
    assert judged(reader, tight, [value * 1.009 for value in tight]) is Verdict.WITHIN
    assert judged(reader, tight, [value * 1.011 for value in tight]) is Verdict.BETTER


def test_separate_samples_are_not_enough_if_few_and_wide(reader: Reader) -> None:
    """Three above three happens by chance in one case of ten."""
    assert judged(reader, [90.0, 100.0, 109.0], [110.0, 115.0, 130.0]) is Verdict.WITHIN


def test_one_slow_sample_does_not_hide_a_multiple(reader: Reader) -> None:
    """Of the samples themselves the t-test would say 1.1 %."""
    slow, fast = [112.0, 112.0, 148.0], [8.5, 8.6, 9.1]
    assert welch.p_value(slow, fast) > CHANCE
    assert judged(reader, slow, fast, "lower") is Verdict.BETTER


def test_exact_numbers_differ_without_a_spread(reader: Reader) -> None:
    assert judged(reader, [4096.0] * 3, [4096.0] * 3) is Verdict.WITHIN
    assert judged(reader, [4096.0] * 3, [2048.0] * 3) is Verdict.WORSE
    assert judged(reader, [0.0] * 3, [2048.0] * 3, "lower") is Verdict.WORSE


def test_negative_savings_are_compared_as_they_are(reader: Reader) -> None:
    assert judged(reader, [-1.0, -1.01, -1.02], [1.0, 1.01, 1.02], "lower") is Verdict.WORSE


def test_failed_rows_are_not_compared(reader: Reader) -> None:
    a, b = reader([made_up.row(), made_up.failed()])
    with pytest.raises(ValueError, match="failed row"):
        between(a, b)


@pytest.mark.parametrize("count", [3, 5, 12])
def test_equal_things_seldom_differ(count: int) -> None:
    """Noise of 3 %: the rule is wrong less often than it says."""
    chance = random.Random(count)
    wrong = sum(
        between(_noisy(chance, count, 100), _noisy(chance, count, 100)).verdict
        is not Verdict.WITHIN
        for _ in range(1500)
    )
    assert wrong / 1500 < CHANCE


@pytest.mark.parametrize("count", [3, 5, 12])
def test_a_tenth_is_seen_through_one_per_cent_of_noise(count: int) -> None:
    chance = random.Random(count)
    seen = sum(
        between(_noisy(chance, count, 100, 1), _noisy(chance, count, 110, 1)).verdict
        is Verdict.BETTER
        for _ in range(200)
    )
    assert seen / 200 > 0.9


def _noisy(chance: random.Random, count: int, middle: float, sigma: float = 3) -> Row:
    made = made_up.row(samples=[chance.gauss(middle, sigma) for _ in range(count)])
    del made["schema"]
    return Row(**made)
