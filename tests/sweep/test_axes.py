"""Axes: spelling of values, spacing, refusals."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.networks.data import classes_of
from lazyrich.networks.digits import rounded
from lazyrich.sweep.axes import Choice, Classes, Integer, Real, parse_axis, swept

POSITIVE = st.floats(1e-8, 1e8)


@given(POSITIVE, POSITIVE, st.integers(2, 40))
def test_a_log_axis_keeps_its_ends_and_its_ratio(first, last, points):
    if abs(math.log(first / last)) < 1e-6:
        return
    axis = parse_axis({"log": [first, last], "points": points}, Real(0))
    assert (axis.values[0], axis.values[-1]) == (rounded(first), rounded(last))
    ratios = [b / a for a, b in zip(axis.values, axis.values[1:], strict=False)]
    # Each value is rounded to 12 significant digits, so that a ratio is off by at most 1e-11.
    assert all(math.isclose(ratio, (last / first) ** (1 / (points - 1)), rel_tol=2e-11) for ratio in ratios)


@given(st.floats(-1e12, 1e12))
def test_rounding_is_idempotent(value):
    assert rounded(rounded(value)) == rounded(value)


def test_integers_that_coincide_on_a_spaced_axis_are_one_point():
    assert parse_axis({"log": [1, 10], "points": 20}, Integer(1)).values == tuple(range(1, 11))


def test_integers_above_2_53_keep_every_digit():
    assert swept(Integer(1)).parse(2**63 - 1) == 2**63 - 1


def test_numbers_without_a_dot_that_yaml_reads_as_text_are_numbers():
    assert swept(Real()).parse("1e-5") == 1e-5


@given(st.lists(st.integers(0, 99), min_size=1, unique=True))
def test_classes_have_one_spelling(numbers):
    text = "-".join(map(str, numbers))
    one = swept(Classes()).parse(text)
    assert one == swept(Classes()).parse(numbers) == swept(Classes()).parse(one)
    assert classes_of(one) == sorted(numbers)
    if len(numbers) == 1:
        assert swept(Classes()).parse(numbers[0]) == one


@pytest.mark.parametrize("wrong", ["", "-", "3-", "3--8", "-1", "cat", [], [1.5], {"values": [[]]}, True, None, "3-3"])
def test_what_names_no_classes_is_refused_with_a_fix(wrong):
    with pytest.raises(ValueError, match="class.*;"):
        swept(Classes()).parse(wrong)


@pytest.mark.parametrize(
    ("data", "rule", "words"),
    [
        ({"values": []}, Real(), "empty axis"),
        ({"values": [1, 2, 1.0000000000001]}, Real(), "twice"),
        ({"log": [0, 1], "points": 3}, Real(0), "reaches zero"),
        ({"log": [-1, 1], "points": 3}, Real(), "reaches zero"),
        ({"linear": [1, 1], "points": 3}, Real(), "no length"),
        ({"linear": [1, 2], "points": 1}, Real(), "too small"),
        ({"linear": [1], "points": 3}, Real(), "two ends"),
        ({"log": [1, 2]}, Real(), "not an axis"),
        ({"linear": [0, 3], "points": 4}, Integer(1), "too small"),
        ({"linear": [1, 1.0000000000001], "points": 9}, Real(), "significant digits"),
        ({"values": ["a"]}, Choice(("b",)), "not known"),
        ({"linear": [0, 1], "points": 2}, Choice(("b",)), "names"),
        ({"values": [float("nan")]}, Real(), "not finite"),
        ({"values": [10**400]}, Real(), "finite"),
    ],
)
def test_wrong_axes_are_refused_with_a_fix(data, rule, words):
    with pytest.raises(ValueError, match=words) as caught:
        parse_axis(data, rule)
    assert ";" in str(caught.value)  # what is wrong; what to write
