"""Problems: in law as if sampled, rescaled as asked, exact for a user's data of any shape and rank."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lazyrich.networks.problem import DISTRIBUTION, problems
from lazyrich.networks.streams import wishart_root

# Two-sample tests at a fixed seed: they pass or fail for good. A correct law fails at this level once in 1000 quantities.
LEVEL = 1e-3


def drawn(replicates, seed=1, fixed=None, **row):
    """The problems of `replicates` replicates."""
    columns = {name: np.full(replicates, value) for name, value in row.items()}
    columns["replicate"] = np.arange(replicates)
    problem, index = problems(columns, fixed or {}, seed)
    assert (index == np.arange(replicates)).all()
    return problem


def explicit(replicates, n, d, spectrum, noise_std, rng, law="gaussian"):
    """(λ_max, γ, ‖y‖, b) of explicitly sampled data, (4, replicates): the definition, with nothing shared."""
    result = []
    for _ in range(replicates):
        z = {
            "gaussian": rng.standard_normal,
            "rademacher": lambda shape: rng.choice([-1.0, 1.0], shape),
            "uniform": lambda shape: rng.uniform(-(3**0.5), 3**0.5, shape),
        }[law]((n, d))
        X = z * np.sqrt(spectrum)
        y = X @ rng.standard_normal(d) + noise_std * rng.standard_normal(n)
        K = X @ X.T
        b = np.linalg.norm(np.linalg.pinv(X) @ y)
        result.append((np.linalg.eigvalsh(K)[-1], y @ K @ y, np.linalg.norm(y), b))
    return np.array(result).T


@pytest.mark.parametrize(
    ("row", "spectrum"),
    [
        ({"spectrum": "isotropic"}, np.ones(7)),
        ({"spectrum": "isotropic", "source": "rademacher"}, np.ones(7)),
        ({"spectrum": "isotropic", "source": "uniform"}, np.ones(7)),
        ({"spectrum": "spiked", "spikes": 2, "spike_strength": 5.0}, np.array([6.0, 6, 1, 1, 1, 1, 1])),
        ({"spectrum": "spiked", "spikes": 7, "spike_strength": 5.0}, np.full(7, 6.0)),
        ({"spectrum": "power_law", "spectrum_exponent": 1.5}, np.arange(1, 8) ** -1.5),
        ({"spectrum": "explicit"}, np.array([4.0, 3, 1, 0, 0.5, 2, 0.1])),
    ],
    ids=["isotropic", "rademacher", "uniform", "spiked", "all spiked", "power law", "explicit"],
)
@pytest.mark.parametrize("n", [3, 9], ids=["n < d", "n > d"])
def test_drawn_problems_have_the_law_of_sampled_ones(row, spectrum, n):
    row = {"source": "gaussian", **row}
    problem = drawn(800, samples=n, dimension=7, noise_std=0.5, fixed={"eigenvalues": list(spectrum)}, **row)
    found = np.array([problem.eigenvalues[:, 0], problem.gamma, problem.y_norm, problem.b])
    truth = explicit(800, n, 7, spectrum, 0.5, np.random.default_rng(0), row["source"])
    for name, a, b in zip(("λ_max", "γ", "‖y‖", "b"), found, truth, strict=True):
        # Rounded, because inputs of ±1 give few distinct values, which rounding errors would tell apart.
        assert stats.ks_2samp(np.round(a, 9), np.round(b, 9)).pvalue > LEVEL, name


@pytest.mark.parametrize("degrees", [0, 1, 2, 4, 9])
def test_wishart_matrices_have_their_law_below_and_above_full_rank(degrees):
    rng = np.random.default_rng(0)
    roots = [wishart_root(rng, 4, degrees) for _ in range(1000)]
    assert all(root.shape == (4, min(4, degrees)) for root in roots)
    found = np.array([(np.trace(r @ r.T), np.linalg.norm(r @ r.T), (r @ r.T)[0, 1]) for r in roots]).T
    plain = [(z := rng.standard_normal((4, degrees))) @ z.T for _ in range(1000)]
    truth = np.array([(np.trace(w), np.linalg.norm(w), w[0, 1]) for w in plain]).T
    for a, b in zip(found, truth, strict=True):
        assert stats.ks_2samp(a, b).pvalue > LEVEL


def test_expected_b_square_of_isotropic_inputs():
    """E b² = ‖β‖² n/d + σ_y² n/(d − n − 1), and κ ≈ d."""
    n, d, replicates = 5, 40, 4000
    problem = drawn(replicates, source="gaussian", samples=n, dimension=d, noise_std=2.0, teacher_norm=3.0)
    expected = 9 * n / d + 4 * n / (d - n - 1)
    error = np.std(problem.b**2) / np.sqrt(replicates)
    assert abs(np.mean(problem.b**2) - expected) < 4 * error  # four standard errors


def test_a_dimension_of_10_to_the_12_costs_nothing():
    problem = drawn(3, source="gaussian", samples=10, dimension=10**12, noise_std=0.1)
    # K/d → I with relative deviations of order √(n/d) = 3e-6.
    np.testing.assert_allclose(problem.eigenvalues, 1e12, rtol=3e-5)
    assert (problem.gram_error < 3e-5 * 1e12).all()


def test_rescaling_sets_norm_and_kappa():
    problem = drawn(4, source="gaussian", samples=6, dimension=50, noise_std=0.1, target_norm=7.0, gram_scale=11.0)
    np.testing.assert_allclose(problem.y_norm, 7.0, rtol=1e-14)
    np.testing.assert_allclose(problem.kappa, 11.0, rtol=1e-14)


def test_replicates_share_draws_across_parameters():
    """Common random numbers: another noise level changes the noise's size, not its direction or the inputs."""
    row = {"source": "gaussian", "samples": 4, "dimension": 30, "teacher_norm": 0.0}
    a, b = drawn(2, noise_std=1.0, **row), drawn(2, noise_std=2.0, **row)
    np.testing.assert_array_equal(a.eigenvalues, b.eigenvalues)
    np.testing.assert_allclose(2 * a.targets, b.targets, rtol=1e-14)


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 7), st.integers(1, 7))
def test_a_file_of_any_shape_and_rank_keeps_its_scalars(tmp_path_factory, seed, n, d, rank):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, min(rank, d))) @ rng.standard_normal((min(rank, d), d))
    y = rng.standard_normal(n)
    path = tmp_path_factory.mktemp("data") / "data.npz"
    np.savez(path, X=X, y=y)
    problem = drawn(1, source="file", path=str(path))
    K, Pi = X @ X.T, X @ np.linalg.pinv(X, rcond=1e-6)
    # Rounding of an SVD of a 7 × 7 matrix; the pseudo-inverse of either side loses as many digits as X has condition.
    condition = np.sqrt(problem.eigenvalues[0, 0] / problem.eigenvalues[0, problem.rank[0] - 1])
    rounding = 1e-14 * condition
    np.testing.assert_allclose(problem.gamma[0], y @ K @ y, rtol=1e-12)
    np.testing.assert_allclose(problem.gamma_2[0], y @ K @ K @ y, rtol=1e-12)
    np.testing.assert_allclose(problem.y_norm[0], np.linalg.norm(y), rtol=1e-13)
    np.testing.assert_allclose(problem.b[0], np.linalg.norm(np.linalg.pinv(X, rcond=1e-6) @ y), rtol=100 * rounding)
    np.testing.assert_allclose(problem.floor[0], np.sum((y - Pi @ y) ** 2), atol=100 * rounding * (y @ y))
    np.testing.assert_allclose(problem.gram_norm[0], np.linalg.norm(K), rtol=1e-12)
    assert problem.rank[0] == min(n, d, rank)


# ---- what is known of the law ---------------------------------------------------------------------------------------

EXPLICIT = [4.0, 3, 1, 0, 0.5, 2, 0.1]
# Keys of a spectrum in seven dimensions and its eigenvalues.
SPECTRA = {
    "isotropic": ({"spectrum": "isotropic"}, np.ones(7)),
    "spiked": ({"spectrum": "spiked", "spikes": 2, "spike_strength": 5.0}, np.array([6.0, 6, 1, 1, 1, 1, 1])),
    "all spiked": ({"spectrum": "spiked", "spikes": 7, "spike_strength": 5.0}, np.full(7, 6.0)),
    "power law": ({"spectrum": "power_law", "spectrum_exponent": 1.5}, np.arange(1, 8) ** -1.5),
    "explicit": ({"spectrum": "explicit"}, np.array(EXPLICIT)),
}
spectra = pytest.mark.parametrize(("row", "spectrum"), SPECTRA.values(), ids=SPECTRA)


def of_law(replicates, row, source="gaussian", n=3, noise_std=0.5, **more):
    row = {"source": source, "samples": n, "dimension": 7, "noise_std": noise_std, **row, **more}
    return drawn(replicates, fixed={"eigenvalues": EXPLICIT}, **row)


@spectra
@pytest.mark.parametrize("source", ["gaussian", "rademacher"])
def test_the_covariance_of_a_law_is_known(row, spectrum, source):
    problem = of_law(2, row, source)
    np.testing.assert_allclose(problem.covariance_trace, np.trace(np.diag(spectrum)), rtol=1e-14)
    np.testing.assert_allclose(problem.covariance_norm, np.linalg.norm(np.diag(spectrum), 2), rtol=1e-14)
    np.testing.assert_allclose(problem.covariance_frobenius, np.linalg.norm(np.diag(spectrum)), rtol=1e-14)
    np.testing.assert_array_equal(problem.label_noise, 0.5)


@spectra
def test_signal_norms_have_the_law_of_sampled_teachers(row, spectrum):
    """βᵀΣβ of β ~ N(0, I), sampled with nothing shared; without a spread of λ it is a χ² itself."""
    found = of_law(800, row).signal_norm ** 2
    truth = np.random.default_rng(0).standard_normal((800, 7)) ** 2 @ spectrum
    assert stats.ks_2samp(found, truth).pvalue > LEVEL
    if np.ptp(spectrum) == 0:
        assert stats.kstest(found / spectrum[0], stats.chi2(7).cdf).pvalue > LEVEL


@spectra
@pytest.mark.parametrize("more", [{}, {"teacher_norm": 3.0}, {"target_norm": 7.0}, {"gram_scale": 2.0}], ids=str)
@pytest.mark.parametrize("noise_std", [0.0, 0.8])
def test_targets_have_the_size_that_signal_and_noise_say(row, spectrum, more, noise_std):
    """Of Gaussian inputs and a given β, y ~ N(0, (‖β̃‖² + σ_y²) I): ‖y‖² over that variance is χ²_n, whatever is rescaled."""
    n = 4
    problem = of_law(800, row, n=n, noise_std=noise_std, **more)
    sizes = problem.y_norm**2 / (problem.signal_norm**2 + problem.label_noise**2)
    assert stats.kstest(sizes, stats.chi2(n).cdf).pvalue > LEVEL


@spectra
def test_a_teacher_of_given_norm_has_the_law_of_a_direction(row, spectrum):
    """Exact where Σ is isotropic; else ‖β̃‖²/‖β‖² of a random direction."""
    found = of_law(800, row, teacher_norm=3.0).signal_norm
    beta = np.random.default_rng(0).standard_normal((800, 7))
    directions = beta**2 @ spectrum / np.sum(beta**2, axis=1)
    if np.ptp(spectrum) == 0:
        np.testing.assert_allclose(found, 3 * np.sqrt(spectrum[0]), rtol=1e-14)
    else:
        assert stats.ks_2samp((found / 3) ** 2, directions).pvalue > LEVEL
    np.testing.assert_allclose(of_law(5, row, teacher_norm=0.0).signal_norm, 0, atol=0)


@spectra
def test_rescaled_targets_rescale_signal_and_noise(row, spectrum):
    before, after = of_law(4, row), of_law(4, row, target_norm=7.0)
    factor = 7.0 / before.y_norm
    np.testing.assert_allclose(after.signal_norm, before.signal_norm * factor, rtol=1e-13)
    np.testing.assert_allclose(after.label_noise, 0.5 * factor, rtol=1e-13)
    for name in ("covariance_trace", "covariance_norm", "covariance_frobenius"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


@spectra
@pytest.mark.parametrize("target", [{}, {"target_norm": 7.0}], ids=str)
def test_rescaled_inputs_rescale_the_covariance_and_leave_the_signal(row, spectrum, target):
    """X → sX with the targets kept is β → β/s: Σ → s²Σ, with s² the factor of K's eigenvalues."""
    before, after = of_law(4, row, **target), of_law(4, row, gram_scale=2.0, **target)
    factor = after.eigenvalues[:, 0] / before.eigenvalues[:, 0]
    for name in ("covariance_trace", "covariance_norm", "covariance_frobenius"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name) * factor, rtol=1e-13)
    for name in ("signal_norm", "label_noise"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    # The trace that K is held against is the one that is kept (n = 3 < 7 but for the zeros of `explicit`: full rank).
    error = np.max(np.abs(after.eigenvalues - after.covariance_trace[:, None]), axis=1)
    np.testing.assert_allclose(after.gram_error, error, rtol=1e-12)


def test_the_law_of_a_large_dimension_is_known_at_no_cost():
    problem = drawn(3, source="gaussian", samples=4, dimension=10**12, spectrum="spiked", spikes=3, spike_strength=4.0)
    np.testing.assert_allclose(problem.covariance_trace, 10**12 + 12, rtol=1e-15)
    np.testing.assert_allclose(problem.covariance_frobenius, np.sqrt(10**12 + 3 * (25 - 1)), rtol=1e-15)
    np.testing.assert_array_equal(problem.covariance_norm, 5)
    # Relative fluctuations of χ² of 10¹² degrees: √2·10⁻⁶.
    np.testing.assert_allclose(problem.signal_norm**2, 1e12, rtol=1e-5)


def test_nobody_knows_the_law_of_a_file(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", X=rng.standard_normal((4, 9)), y=rng.standard_normal(4))
    problem = drawn(1, source="file", path=str(tmp_path / "data.npz"), target_norm=3.0, gram_scale=2.0)
    for name in DISTRIBUTION:
        assert np.isnan(getattr(problem, name)).all(), name


def test_each_problem_keeps_its_own_law():
    """Several spectra in one batch, and a part of it."""
    exponents = np.array([0.5, 1.0, 2.0])
    columns = {"source": np.full(3, "gaussian"), "spectrum": np.full(3, "power_law"), "spectrum_exponent": exponents}
    columns |= {"samples": np.full(3, 2), "dimension": np.full(3, 50), "replicate": np.zeros(3, dtype=int)}
    batch, _ = problems(columns, {}, 1)
    traces = [np.sum(np.arange(1, 51) ** -exponent) for exponent in exponents]
    np.testing.assert_allclose(batch.covariance_trace, traces, rtol=1e-13)
    np.testing.assert_allclose(batch.part(np.array([2, 0])).covariance_trace, [traces[2], traces[0]], rtol=1e-13)
