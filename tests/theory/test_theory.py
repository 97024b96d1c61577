"""The theory's formulas against the exact engine, or against an independent definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lazyrich
from lazyrich.comparison import predictions
from lazyrich.theory import boundaries, closed_form, lazy, scalars, stage_one, two_stage


def trained(*, samples=1, dimension=1000, laziness=1e-4, k=0.1, steps=200, width=10**9, replicates=1, **more):
    """Networks at the given dimensionless numbers; samples = 1 makes K = κI exactly."""
    return lazyrich.run(
        {
            "problem": {"samples": samples, "dimension": dimension, "noise_std": 0.1},
            "network": {"width": width, "laziness": laziness, **more.pop("network", {})},
            "training": {"growth_per_step": k, "steps": steps},
            "record": {"every": 1},
            "replicates": replicates,
            **more,
        }
    )


@given(st.integers(1, 6), st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6))
def test_largest_end_eigenvalue_is_that_of_the_matrix(n, seed, size):
    rng = np.random.default_rng(seed)
    eigenvalues, y = np.sort(rng.exponential(size=n))[::-1], rng.standard_normal(n)
    b = np.sqrt(np.sum(y**2 / eigenvalues))
    growth = 0.5 * (np.sqrt(size**2 + 4 * b**2) - size)
    matrix = (size + growth) * np.diag(eigenvalues) + growth * np.outer(y, y) / b**2
    found = scalars.largest_end_eigenvalue(eigenvalues[None], y[None], np.array([size]))[0]
    # Rounding; the naive G above loses up to 1e-16 size²/b² of itself, a share b²/size² of the matrix.
    np.testing.assert_allclose(found, np.linalg.eigvalsh(matrix)[-1], rtol=1e-12)


def test_h_is_k_times_the_root_for_an_isotropic_kernel():
    for laziness in (1e-3, 1.0, 30.0):
        run = trained(laziness=laziness, k=0.01, steps=1)
        expected = run.growth_per_step * np.sqrt(1 + run.laziness**2)
        np.testing.assert_allclose(run.stability_fraction, expected, rtol=1e-12)


def test_scalars_by_their_definitions():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((4, 9)), rng.standard_normal(4)
    K = X @ X.T
    eigenvalues, U = np.linalg.eigh(K)
    targets = U.T @ y
    np.testing.assert_allclose(scalars.gamma(eigenvalues, targets), y @ K @ y, rtol=1e-13)
    np.testing.assert_allclose(scalars.phi(eigenvalues, targets), y @ K @ K @ y, rtol=1e-13)
    np.testing.assert_allclose(
        scalars.least_norm(eigenvalues, targets), np.linalg.norm(np.linalg.pinv(X) @ y), rtol=1e-12
    )


@pytest.mark.parametrize("width", [7, 10**9])
def test_stage_one_is_exact_while_the_output_is_small(width):
    """Relative error of the overlap ≤ a few overlaps themselves: the force is reduced by (1 − overlap)."""
    run = trained(laziness=1e-8, k=0.3, steps=20, width=width, replicates=3)
    predicted = predictions(run)["stage_one"]
    measured = run.target_overlap.values
    largest = np.maximum.accumulate(np.abs(measured), axis=1)
    early = largest < 1e-3
    assert early.sum() > 20
    # Relative: the overlap by which each step's force was too large, summed over a geometric growth (a factor 1/k and a bit);
    # absolute: rounding of the modes ±, whose size is χ and whose difference is the overlap.
    assert (np.abs(predicted - measured)[early] < 10 * largest[early] ** 2 + 1e-14 * 1e-8).all()


def test_onset_time_predicts_the_measured_onset():
    run = trained(laziness=1e-6, k=0.05, steps=400, replicates=1)
    predicted = stage_one.onset_time(0.05, run.laziness.values, run.growth_per_step.values)
    # At a share δ the loss (1 − o)² has fallen by 2o − o²: the formula's first order in δ = 5 % moves ln δ by 1.3 %, and a
    # measured onset is a whole step.
    assert abs(run.onset_step.item() - predicted[0]) < 2
    assert stage_one.onset_time(0.05, 1.0, 0.1) == 0


def test_eq_10_on_the_line_is_eq_11_and_both_end_at_the_limit():
    steps = np.arange(400)[None]
    one = {"k": np.array([0.1]), "gamma": np.array([9.0]), "phi": np.array([30.0])}
    start = (np.array([0]), np.array([1e-3]))
    full = two_stage.evolve(steps, *start, **one)
    aligned = two_stage.evolve_aligned(steps, *start, **one)
    np.testing.assert_allclose(full, aligned, rtol=1e-10)  # 400 steps of rounding
    limit = two_stage.limit(one["gamma"], one["phi"])
    np.testing.assert_allclose(aligned[:, -1] * np.sqrt(9.0), limit, rtol=1e-10)


def test_continuous_eq_11_is_the_small_step_limit():
    errors = []
    for k in (0.02, 0.01):
        steps = np.arange(0, round(8 / k) + 1)[None]
        one = {"k": np.array([k]), "gamma": np.array([9.0]), "phi": np.array([30.0])}
        discrete = two_stage.evolve_aligned(steps, np.array([0]), np.array([0.01]), **one)[0] * 3.0
        rho_limit = np.sqrt(two_stage.limit(9.0, 30.0))
        smooth = two_stage.continuous(steps[0].astype(float), 0.03, k, rho_limit)
        errors.append(np.max(np.abs(discrete - smooth)) / rho_limit**2)
    assert errors[0] < 0.1
    assert errors[1] / errors[0] == pytest.approx(0.5, rel=0.1)  # first order in k


def test_the_two_stage_recursion_follows_rich_networks():
    """n = 1, deep rich: Eq. 10 is exact but for the part that stage one left unaligned, of order χ/δ."""
    run = trained(laziness=1e-6, k=0.3, steps=60)
    predicted, measured = predictions(run)["two_stage"], run.target_overlap.values
    after = run.step.values >= run.onset_step.values[:, None]
    # Begun with stage one's amplitude at onset, which is too large by the overlap there (about δ/2 to δ), it runs ahead by
    # at most that share of an e-folding.
    assert np.nanmax(np.abs(predicted - measured)[after]) < 0.05
    assert np.isnan(predicted[~after]).all()


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


def test_the_lazy_reference_is_approached_with_the_square_of_the_laziness():
    errors = []
    for laziness in (10.0, 20.0, 40.0):
        # So wide that Θ(0) is (Dκ/m) I far below the errors that are compared.
        run = trained(laziness=laziness, k=0.02 / laziness, steps=300, width=10**16)
        predicted = lazy.overlap(
            run.step.values.astype(float), laziness, 0.02 / laziness, run.target_overlap.values[:, :1]
        )
        measured = run.target_overlap.values
        errors.append(np.max(np.abs(predicted - measured)))
        # The engine's own distance to the linearised network is the same quantity for n = 1.
        assert np.max(run.lazy_error.values) == pytest.approx(errors[-1], rel=0.02)
    # Falls as χ⁻²; corrections are of relative order χ⁻².
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4.0, rtol=0.05)


def test_kernel_change_of_flow_and_its_isotropic_form():
    """Measured at small steps and large width; sampled K with n = 8, d = 20 far from isotropic."""
    run = lazyrich.run(
        {
            "problem": {"samples": 8, "dimension": 20, "noise_std": 0.5},
            "network": {"width": 10**14, "laziness": {"log": [0.01, 10], "points": 5}},
            "training": {"stability_fraction": 0.002, "tau": 60},
            "record": {"summary": True},
        }
    )
    size = run.sigma_0.values**2 + run.v_0.values**2
    predicted = boundaries.kernel_change(
        size, run.b.values, run.gamma.values, run.gram_norm.values, run.y_norm.values**2
    )
    # First order in the step h = 0.002, with a factor of a few.
    np.testing.assert_allclose(run.ntk_change.values[:, -1], predicted, rtol=0.01)

    n, kappa, y = 10, 7.0, 3.0
    chi = np.array([0.1, 1.0, 10.0])
    b = y / np.sqrt(kappa)
    general = boundaries.kernel_change(2 * b * chi, np.full(3, b), kappa * y**2, kappa * np.sqrt(n), y**2)
    np.testing.assert_allclose(general, boundaries.kernel_change_isotropic(chi, n), rtol=1e-12)
    np.testing.assert_allclose(boundaries.critical_laziness(general, n), chi, rtol=1e-10)
    assert boundaries.kernel_change_isotropic(1.0, 10) == pytest.approx(0.236, abs=5e-4)
    assert boundaries.critical_laziness(1.0, 10) == pytest.approx(0.39, abs=5e-3)
