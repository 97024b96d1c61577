"""Numbers packed for a page come back to the resolution that is promised, and what is no number stays apart."""

import base64
import gzip

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lazyrich.draw.pack import INFINITE, MISSING, TOP, ZERO, Pack, quantised


def unpacked(pack):
    planes = np.frombuffer(gzip.decompress(base64.b64decode(pack.text())), dtype=np.uint8)
    high, low = np.split(planes, 2)
    return high.astype(int) << 8 | low


@given(
    hnp.arrays(
        float,
        st.integers(1, 50),
        elements=st.one_of(
            st.floats(-1e30, 1e30), st.floats(1e-30, 1e30), st.sampled_from([0.0, np.nan, np.inf, -np.inf])
        ),
    )
)
def test_numbers_come_back_within_half_a_step(values):
    pack = Pack()
    pack.add(np.array([7]))
    place = pack.add_numbers(values)
    assert (place["offset"], place["length"]) == (1, len(values))
    codes = unpacked(pack)[1:]
    np.testing.assert_array_equal(codes == MISSING, np.isnan(values))
    np.testing.assert_array_equal(codes == INFINITE, np.isinf(values))
    if place["log"]:
        np.testing.assert_array_equal(codes == ZERO, values == 0)
    here = codes <= TOP
    low, high, shares = place["low"], place["high"], codes[here] / TOP
    if place["log"]:
        span = np.log(high) - np.log(low)
        found = np.exp(np.log(low) + shares * span)
        # Half a step, and the rounding of logarithms of up to 70.
        assert (np.abs(np.log(found / values[here])) <= span / TOP / 2 + 1e-12).all()
    else:
        found = low + shares * (high - low)
        assert (np.abs(found - values[here]) <= (high - low) / TOP / 2 * (1 + 1e-6) + 1e-15 * abs(high)).all()


def test_what_lies_beyond_its_scale_is_missing():
    codes = quantised(np.array([[0.5, 1.0, 2.0, 4.0, 8.0]]), np.array([[1.0]]), np.array([[4.0]]), log=True)
    assert codes.tolist() == [[MISSING, 0, TOP // 2, TOP, MISSING]]
