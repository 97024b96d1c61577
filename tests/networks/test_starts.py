"""Second moments of each law of the start against weights drawn one by one in all d dimensions."""

import numpy as np
import pytest
from scipy import stats

from lazyrich.networks.explicit import MOST_EXPLICIT, check_start, engine_of
from lazyrich.networks.initial import _spread, draw
from lazyrich.networks.starts import Law
from tests.networks.test_initial import DRAWS, LEVEL, RANK, statistics

DIMENSION = 5
LAWS = [
    Law("gaussian"),
    Law("positive"),
    Law("signs", "doubled"),
    Law("gaussian", "doubled"),
    Law("signs", "balanced_neurons", DIMENSION),
    Law("positive", "balanced_neurons", DIMENSION),
    Law("signs", "unit_rows", DIMENSION),
    Law("gaussian", "unit_rows", DIMENSION),
    Law("positive", "unit_rows", RANK),
]


def explicit(rng, width, law):
    """z = (v, w on the first RANK axes), (width, RANK + 1), in units of the scales."""
    if law.start == "doubled":
        z = explicit(rng, width // 2, Law(law.second_layer))
        return np.concatenate([z, z * np.array([-1, *[1] * RANK])])
    d = law.dimension or DIMENSION
    W = rng.standard_normal((width, d))
    norm = np.linalg.norm(W, axis=1) / np.sqrt(d)
    v = {"gaussian": rng.standard_normal(width), "signs": rng.choice([-1.0, 1.0], width), "positive": np.ones(width)}
    v = v[law.second_layer] * (norm if law.start == "balanced_neurons" else 1.0)
    W = W / norm[:, None] if law.start == "unit_rows" else W
    return np.column_stack([v, W[:, :RANK]])


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize(("width", "probes"), [(2, 1), (6, 2), (40, 7), (40, 40)])
def test_second_moments_have_the_joint_law_of_explicit_weights(law, width, probes):
    """Boosts mix all of them; and the last probe, with what the others add up to."""
    rng = np.random.default_rng(0)

    def seen(M, z):
        last = z[probes - 1]
        return (*statistics(M), M[0, 0], last[0] * last[1], np.abs(last[0]), last @ M @ last)

    found, truth = [], []
    for _ in range(DRAWS):
        found.append(seen(*draw(rng, RANK, width, probes, law)))
        z = explicit(rng, width, law)
        M = z.T @ z / width
        if law.start == "doubled":  # pairs stand side by side
            z = z.reshape(2, width // 2, -1).swapaxes(0, 1).reshape(width, -1)
        truth.append(seen(M, z))
    for a, b in zip(np.array(found).T, np.array(truth).T, strict=True):
        # ⟨v w⟩ = 0 of pairs, ⟨v²⟩ = 1 of signs: but for rounding both are one number.
        if np.ptp(b) > 1e-12:
            assert stats.ks_2samp(a, b).pvalue > LEVEL / 10
        else:
            np.testing.assert_allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_all_probes_are_the_network_itself(law):
    M, z = draw(np.random.default_rng(0), RANK, 8, 8, law)
    np.testing.assert_allclose(M, z.T @ z / 8, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("law", [law for law in LAWS if law.start in ("drawn", "doubled")], ids=str)
def test_a_width_of_10_to_the_12_approaches_the_wide_limit(law):
    M, _ = draw(np.random.default_rng(0), RANK, 10**12, 64, law)
    np.testing.assert_allclose(M, np.eye(RANK + 1), atol=1e-5)


def test_neurons_that_are_drawn_one_by_one_are_added_block_by_block(monkeypatch):
    """Many blocks have the moments of one, in law: a million neurons are near the wide limit, each entry by some m^−½."""
    monkeypatch.setattr("lazyrich.networks.initial.BLOCK", 4 * 1000)
    for law in LAWS:
        if law.dimension:
            M, z = draw(np.random.default_rng(1), RANK, 10**5, 3, law)
            np.testing.assert_allclose(M, np.eye(RANK + 1), atol=0.03)
            assert len(z) == 3


def test_positive_neurons_are_those_of_signs_turned():
    for start in ("drawn", "balanced_neurons", "unit_rows"):
        (M, z), (turned_M, turned) = (
            draw(np.random.default_rng(2), RANK, 30, 9, Law(name, start, DIMENSION)) for name in ("signs", "positive")
        )
        np.testing.assert_array_equal(turned_M, M)
        np.testing.assert_array_equal(turned, z * np.sign(z[:, :1]))


def test_pairs_need_twice_as_many_neurons_to_be_more_than_samples():
    assert [engine_of("linear", m, 5) for m in (5, 6, 10, 12)] == ["gram", "propagator", "propagator", "propagator"]
    assert [engine_of("linear", m, 5, "doubled") for m in (5, 6, 10, 12)] == ["gram", "gram", "gram", "propagator"]


def test_the_largest_width_that_is_drawn_neuron_by_neuron_is_the_one_that_its_error_names():
    check_start("unit_rows", MOST_EXPLICIT // 100, 100)
    check_start("doubled", 10**15, 100)
    with pytest.raises(ValueError, match=rf"start: unit_rows.*write at most {MOST_EXPLICIT // 100} at 100 samples"):
        check_start("unit_rows", MOST_EXPLICIT // 100 + 1, 100)


@pytest.mark.parametrize("law", [law for law in LAWS if law.start in ("drawn", "doubled")], ids=str)
def test_what_test_inputs_see_has_the_covariance_of_these_very_neurons(law):
    """⟨z h⟩ of explicit neurons, h standard normal, the same for both of a pair: Σ z zᵀ/m² over neurons, or sums of pairs."""
    M, z = draw(np.random.default_rng(3), RANK, 8, 8, law)
    apart = z[::2] + z[1::2] if law.start == "doubled" else z
    root = _spread(M, 8.0, law)
    np.testing.assert_allclose(root @ root.T, apart.T @ apart / 8**2, rtol=0, atol=1e-14)
