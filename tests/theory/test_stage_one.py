"""Stage one against the exact engine and against the recursion of single neurons."""

import numpy as np
import pytest

from lazyrich.analysis.theories import predictions
from lazyrich.theory import stage_one
from tests.theory.common import trained


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


def test_a_neuron_is_the_recursion_of_its_weights():
    """w_r ← w_r + v_r Xᵀs and v_r ← v_r + ⟨X w_r, s⟩ with f ≈ 0, so that s = cηy/(mn), whatever K."""
    rng = np.random.default_rng(0)
    X, y, neurons = rng.standard_normal((4, 9)), rng.standard_normal(4), 6
    w, v = rng.standard_normal((neurons, 9)), rng.choice([-0.3, 0.3], neurons)
    gamma = y @ X @ X.T @ y
    k = 0.2
    s = k / np.sqrt(gamma) * y
    b, v_start, w_start = w @ X.T @ y, v, w
    for t in np.arange(1.0, 41.0):
        w, v = w + np.outer(v, X.T @ s), v + w @ X.T @ s
        rho, v_predicted = stage_one.neuron(t, b, v_start, k, gamma)
        scale = 1.2**t  # rounding, of the mode that grows
        np.testing.assert_allclose((w - w_start) @ X.T @ y, rho, rtol=0, atol=1e-13 * scale)
        np.testing.assert_allclose(v, v_predicted, rtol=0, atol=1e-13 * scale)


def test_probes_of_the_engine_are_such_neurons():
    probes = {"probes": {"count": 8, "keep": True}}
    run = trained(
        samples=6, dimension=20, k=0.2, steps=30, network={**probes, "laziness": 1e-9, "balance": 1e-12, "width": 10**9}
    )
    t, gamma = run.step.values[0, :, None].astype(float), run.gamma.item()
    v_r, rho_r = run.v_r.values[0], run.rho_r.values[0]
    # σ0 is so small that b_r = 0 to 1e-12 of √γ v0.
    rho, v = stage_one.neuron(t, 0.0, v_r[0], run.growth_per_step.item(), gamma)
    early = np.abs(run.target_overlap.values[0]) < 1e-5
    assert early.sum() > 20
    # The force is too large by the output's share of y, at most (√(tr K ‖y‖²/γ) ≤ 10) 1e-5 and summed over a geometric growth
    # (1/k + 1): a few times 1e-4.
    np.testing.assert_allclose(rho_r[early], rho[early], rtol=1e-3, atol=1e-12 * np.sqrt(gamma) * run.v_0.item())
    np.testing.assert_allclose(v_r[early], v[early], rtol=1e-3)
    assert np.abs(rho[early][-1] / rho[1]).min() > 30


def test_magnitudes_are_those_of_the_neurons():
    """rms ρ̂_r and v_r of neurons that each follow `neuron`; only moments of the start go in."""
    rng = np.random.default_rng(3)
    b, v, k, gamma = 0.4 * rng.standard_normal(500), 0.1 * rng.choice([-1.0, 1.0], 500), 0.3, 7.0
    for t in (0.0, 1.0, 6.0, 25.0):
        rho, now = stage_one.neuron(t, b, v, k, gamma)
        found = stage_one.magnitudes(t, np.sqrt(np.mean(b**2)), 0.1, np.mean(b * v), k, gamma)
        expected = np.sqrt(np.mean((rho + b) ** 2)), np.sqrt(np.mean(now**2))
        # Sums of 500 terms, whose cancellation (modes of both signs at t = 0) costs two digits.
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("gaussian", [False, True])
@pytest.mark.parametrize(("b_rms", "v_0"), [(0.4, 0.1), (0.01, 0.3), (0.0, 0.2), (0.3, 0.0)])
def test_mean_sizes_are_those_of_many_neurons(b_rms, v_0, gaussian):
    """Within four standard errors of 200 000 neurons; of signs exactly |v_r(0)| at the start and where b_r = 0."""
    rng = np.random.default_rng(5)
    b, k, gamma = b_rms * rng.standard_normal(200_000), 0.3, 7.0
    v = v_0 * (rng.standard_normal(200_000) if gaussian else rng.choice([-1.0, 1.0], 200_000))
    for t in (0.0, 1.0, 6.0, 25.0):
        for found, neurons in zip(
            stage_one.mean_sizes(t, b_rms, v_0, k, gamma, gaussian), stage_one.neuron(t, b, v, k, gamma), strict=True
        ):
            sizes = np.abs(neurons)
            error = 4 * sizes.std() / np.sqrt(len(sizes)) + 1e-12 * sizes.mean()
            assert abs(found - sizes.mean()) <= error
