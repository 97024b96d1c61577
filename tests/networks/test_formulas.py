"""Formulas: their values, their one spelling, and what is refused, quickly and with a fix."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.networks.digits import rounded
from lazyrich.networks.formulas import Formula, evaluated

NUMBERS = st.floats(1e-3, 1e3)


@given(NUMBERS, NUMBERS)
def test_a_formula_is_what_python_computes(a, b):
    cases = {
        "a + 2*b - 1": a + 2 * b - 1,
        "a**2 / (3 - -b)": a**2 / (3 + b),
        "sqrt(a)*exp(-b/100)": math.sqrt(a) * math.exp(-b / 100),
        "log(a) + abs(b - a)": math.log(a) + abs(b - a),
        "min(a, b, 1) + max(a, b)": min(a, b, 1) + max(a, b),
        "2*pi*a": 2 * math.pi * a,
        "-a**0.5": -(a**0.5),
    }
    for text, value in cases.items():
        assert Formula(text).values([{"a": a, "b": b}]) == [rounded(value) + 0.0]


@given(st.floats(0.5, 1e9))
def test_integer_keys_get_integers_of_every_digit(a):
    assert Formula("round(a)", integer=True).values([{"a": a}]) == [round(a)]
    (large,) = Formula("m + 1", integer=True).values([{"m": 2**62}])
    assert large == 2**62 + 1
    assert Formula("1/a**2", integer=True).values([{"a": 0.1}]) == [100]  # 99.99999999999999 in floating point


def test_spaces_make_no_other_formula():
    assert Formula(" 2 *\n( a+1 ) ") == Formula("2*(a+1)")
    assert Formula("b*a + sqrt(b) + pi").names == ("b", "a")


def test_formulas_follow_each_other():
    formulas = {"width": Formula("2*n", integer=True), "learning_rate": Formula("0.1/width")}
    assert evaluated(formulas, {"n": 5}) == {"n": 5, "width": 10, "learning_rate": 0.01}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "neither a number nor a formula"),
        ("a b", "neither a number nor a formula"),
        ("(a", "neither a number nor a formula"),
        ("2^a", "write a power as **"),
        ("σ*2", "'σ' is not allowed"),
        ("__import__('os').system('true')", '"\'" is not allowed'),
        ("__import__(a)", "calls __import__, which is no function"),
        ("a.real", "not a formula"),
        ("network.width", "write a key without its section, width"),
        ("(a).__class__", "not a formula"),
        ("a[0]", "'[' is not allowed"),
        ("sin(a)", "calls sin, which is no function"),
        ("sqrt", "names the function sqrt without"),
        ("sqrt(a, 2)", "give it one number"),
        ("min(a)", "give it two numbers or more"),
        ("max(*a, 2)", "not a formula"),
        ("a, 2", "not a formula"),
        ("a // 2", "not a formula"),
        ("a if a else 2", "not a formula"),
        ("True", "not a formula"),
        ("2j", "not a formula"),
        ("1e999*a", "too large"),
        ("a" + "+a" * 150, "characters"),
        ("-" * 200 + "a", "nested"),
    ],
)
def test_what_is_no_formula_is_refused_with_a_fix(text, words):
    with pytest.raises(ValueError, match=";") as caught:
        Formula(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1/a", "divides by 0 at a = 0"),
        ("a**-1", "divides by 0"),
        ("log(a)", "root or a logarithm"),
        ("sqrt(a - 1)", "root or a logarithm"),
        ("(a - 8)**0.5", "root of a negative number at a = 0"),
        ("exp(1000 + a)", "too large"),
        ("1/(1e308*(a + 10))", "too large"),  # and not 0, by way of an infinity
        ("9**9**9", "too large"),
        ("999999999**99999999 - a", "too large"),
    ],
)
def test_a_formula_without_a_value_names_the_cell_at_once(text, words):
    begun = time.monotonic()
    with pytest.raises(ValueError, match=";") as caught:
        Formula(text).values([{"a": 0.0}])
    assert words in str(caught.value)
    assert time.monotonic() - begun < 1
