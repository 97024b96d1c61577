"""The closed form for K = κI against the exact engine."""

import numpy as np
import pytest

from lazyrich.analysis.theories import predictions
from lazyrich.theory import closed_form
from tests.theory.common import trained


@pytest.mark.parametrize("laziness", [1e-7, 1e-3, 0.1, 1.0])
def test_the_closed_form_is_the_limit_of_small_steps(laziness):
    """K = κI exactly (n = 1), any laziness: the distance to descent falls with k, and stays within 2 % at k = 0.02."""
    errors = []
    for k in (0.02, 0.01):
        run = trained(laziness=laziness, k=k, steps=round(30 / k), width=1000)
        errors.append(np.max(np.abs(predictions(run)["closed_form"] - run.target_overlap.values)))
    if laziness > 1e-5:
        assert errors[0] < 0.02
    # Deep in the rich regime onset is late: its time, ln(1/χ)/(2 ln(1 + k)), is off by k/2 of itself.
    assert errors[0] < 0.02 + 0.5 * 0.02 * np.log(1 / min(laziness, 1.0))
    assert errors[1] / errors[0] == pytest.approx(0.5, rel=0.1)


def test_the_closed_form_starts_where_it_is_told():
    start = closed_form.overlap(np.zeros(1), 0.2, 0.5, 0.1, 0.01, 4.0, 3.0)
    np.testing.assert_allclose(start, np.sqrt(4.0) * 0.1 / 3.0, rtol=1e-12)
