"""Weights in law: the joint law of what training sees is that of explicit weights, at any width."""

import numpy as np
import pytest
from scipy import stats

from lazyrich.networks.initial import draw

LEVEL = 1e-3  # as in test_problem: at a fixed seed, once in 1000 quantities
DRAWS = 1500
RANK = 3


def statistics(M):
    """Quantities that mix all second moments: output norm, traces, and their product after a boost along one axis."""
    boost = np.eye(RANK + 1)
    boost[0, 0] = boost[1, 1] = np.cosh(0.7)
    boost[0, 1] = boost[1, 0] = np.sinh(0.7)
    later = boost @ M @ boost.T
    return (
        np.linalg.norm(M[0, 1:]),
        np.trace(M[1:, 1:]),
        M[0, 1] * M[1, 1],
        later[0, 1],
        np.linalg.norm(later[1:, 1:]),
        np.linalg.norm(later[0, 1:]) * np.trace(later),
    )


def explicit(rng, width):
    z = np.column_stack([rng.choice([-1.0, 1.0], width), rng.standard_normal((width, RANK))])
    return z.T @ z / width


@pytest.mark.parametrize(("width", "probes"), [(1, 1), (2, 1), (3, 1), (5, 2), (40, 8), (40, 40)])
def test_second_moments_have_the_joint_law_of_explicit_weights(width, probes):
    rng = np.random.default_rng(0)
    found = np.array([statistics(draw(rng, RANK, width, probes)[0]) for _ in range(DRAWS)]).T
    truth = np.array([statistics(explicit(rng, width)) for _ in range(DRAWS)]).T
    for a, b in zip(found, truth, strict=True):
        assert stats.ks_2samp(a, b).pvalue > LEVEL


def test_all_probes_are_the_network_itself():
    M, z = draw(np.random.default_rng(0), RANK, 8, 8)
    np.testing.assert_allclose(M, z.T @ z / 8, rtol=1e-14)


def test_a_width_of_10_to_the_12_approaches_the_wide_limit():
    M, z = draw(np.random.default_rng(0), RANK, 10**12, 64)
    # Fluctuations of a mean over 10¹² neurons are of order 10⁻⁶.
    np.testing.assert_allclose(M, np.eye(RANK + 1), atol=6e-6)
    assert set(np.unique(z[:, 0])) == {-1.0, 1.0}
