"""Lanes: each is a network of its own, and operations are those of IEEE arithmetic."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numba import njit

from lazyrich.engines.simd.lanes import LANES, add, fma, load, mul, store, sub, zero

NUMBERS = hnp.arrays(float, LANES, elements=st.floats(-1e100, 1e100))


@njit
def operations(a, b, c, out):
    """Every operation, at an offset that is no multiple of the vector's size."""
    store(out, 1, add(load(a, 0), load(b, 0)))
    store(out, 1 + LANES, sub(load(a, 0), load(b, 0)))
    store(out, 1 + 2 * LANES, mul(load(a, 0), load(b, 0)))
    store(out, 1 + 3 * LANES, fma(load(a, 0), load(b, 0), load(c, 0)))
    store(out, 1 + 4 * LANES, zero())


@given(NUMBERS, NUMBERS, NUMBERS)
def test_each_lane_computes_what_a_scalar_would(a, b, c):
    out = np.full(5 * LANES + 2, np.nan)
    operations(a, b, c, out)
    found = out[1:-1].reshape(5, LANES)
    np.testing.assert_array_equal(found[0], a + b)
    np.testing.assert_array_equal(found[1], a - b)
    np.testing.assert_array_equal(found[2], a * b)
    np.testing.assert_array_equal(found[4], 0.0)
    # Rounded once: within half a unit in the last place of the exact value, which Python's integers give.
    for x, y, z, value in zip(a, b, c, found[3], strict=True):
        exact = x.as_integer_ratio(), y.as_integer_ratio(), z.as_integer_ratio()
        (xn, xd), (yn, yd), (zn, zd) = exact
        numerator, denominator = xn * yn * zd + zn * xd * yd, xd * yd * zd
        assert value == numerator / denominator or abs(numerator) < denominator * 1e-300
    assert math.isnan(out[0])
    assert math.isnan(out[-1])


@njit
def symbols(a, b, c, out):
    """Arithmetic as it is written, of lanes and of numbers."""
    x, y = load(a, 0), load(b, 0)
    store(out, 0, x + y)
    store(out, LANES, x - y)
    store(out, 2 * LANES, x * y)
    store(out, 3 * LANES, x / y)
    store(out, 4 * LANES, c - x)
    store(out, 5 * LANES, x / c)


@given(NUMBERS, hnp.arrays(float, LANES, elements=st.floats(1e-50, 1e100)), st.floats(1e-50, 1e100))
def test_symbols_are_the_operations_and_numbers_fill_all_lanes(a, b, c):
    out = np.empty(6 * LANES)
    symbols(a, b, c, out)
    np.testing.assert_array_equal(out.reshape(6, LANES), [a + b, a - b, a * b, a / b, c - a, a / c])
