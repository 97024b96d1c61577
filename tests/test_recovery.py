"""Stage one read backwards: numbers that are known come back from curves, published or simulated."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lazyrich
from lazyrich.published import load_published
from lazyrich.recovery import ONSET, recover
from lazyrich.theory import stage_one

REFERENCE = Path(__file__).parents[1] / "config" / "reference"
BALANCE = 0.001  # σ₀/v₀ of the simulated networks
OVERLAP = 1 - np.sqrt(1 - ONSET)  # ⟨y, f⟩/‖y‖² at onset


def shortfall(k):
    """Share of χ that t₁(δ) = ln(δ/χ)/(2 ln(1 + k)) loses, which takes the output for small.

    The force falls with the residual, by Σ 2k/(1 + k) of all overlaps so far; and δ for twice the overlap.
    """
    return 2 * k / (1 + k) * OVERLAP / (1 - (1 + k) ** -2) + 2 * OVERLAP / ONSET - 1


def as_published(run, row=0):
    """Curves of one network in the columns of a published table."""
    return {
        "step": run.step.values[row].astype(float),
        **{name: run[name].values[row].astype(float) for name in ("loss", "rho_over_v")},
    }


def test_figure_1_says_what_is_known_of_it():
    """k = 0.6824, √γ = 34943; c = 2, σ₀ = 0.001, v₀ = 0.01 meet its points (tests/test_figure1.py)."""
    found = recover(load_published(REFERENCE / "figure1.csv"), samples=10, loss_factor=2)
    # All digits that these have: the points have six, and k is their ratio at step 1.
    assert round(found.k, 4) == 0.6824
    assert round(found.root_gamma) == 34943
    size = np.hypot(0.001, 0.01)
    # v_eff² is off by the shortfall, and by 2⟨b_r v_r⟩/√γ = 2σ₀v₀g/√m of this network's draw, to three standard deviations; the
    # overlap between two points is taken for exponential, which it is to the same order as the shortfall.
    tolerance = shortfall(0.6824) + 3 * 2 * 0.001 * 0.01 / np.sqrt(1024) / size**2
    assert abs(found.v_eff**2 / size**2 - 1) < tolerance
    assert found.balance_low <= 0.1 <= found.balance_high
    assert found.plateau == 3


@pytest.mark.parametrize(
    "problem", [{"dimension": 10**6}, {"dimension": 30, "spectrum": "power_law", "spectrum_exponent": 1}]
)
@pytest.mark.parametrize("k", [0.01, 0.1])
def test_numbers_of_a_simulated_network_come_back(problem, k):
    """Whatever K: stage one does not ask for its shape."""
    steps = round(12 / np.log1p(k))
    run = lazyrich.run(
        {
            "problem": {"samples": 10, **problem},
            "network": {"width": 10**12, "laziness": 1e-7, "balance": BALANCE},
            "training": {"growth_per_step": k, "steps": steps, "loss": "mse"},
            "record": {"every": max(1, round(0.25 / k))},
            "replicates": 4,
        }
    )
    for row in range(4):
        found = recover(as_published(run, row), samples=10, loss_factor=2)
        # The plateau lacks 2e^{−2kt}, about 2χ/δ at onset; the mean b_r of 64 probes is up to three standard deviations from 0,
        # a share of √γ v_r by which |ρ| and |v| are off; records hold float32.
        expected = np.sqrt(run.gamma.values[row])
        least = 2 * found.chi / ONSET + 3 * BALANCE / np.sqrt(64) + 1e-6
        assert abs(found.root_gamma / expected - 1) < least
        # x/((1 − x²) artanh x) = 1.8 at x = ¾ is what becomes of that in k.
        assert abs(found.k / k - 1) < 2 * least
        size = run.sigma_0.values[row] ** 2 + run.v_0.values[row] ** 2
        # Beside the shortfall, an error of k counts 2t₁ times; beyond K = κI, ‖f‖² is larger than ⟨y, f⟩²/‖y‖² by φ₂‖y‖²/γ².
        spread = run.phi.values[row] * run.y_norm.values[row] ** 2 / run.gamma.values[row] ** 2
        tolerance = spread * shortfall(k) + 2 * found.onset * np.log1p(k) * 2 * least
        assert abs(found.v_eff**2 / size - 1) < tolerance
        assert abs(found.k_from_loss / k - 1) < spread * shortfall(k) + 0.01


def test_the_end_of_a_rich_linear_network_says_b():
    run = lazyrich.run(
        {
            "problem": {"source": "digits", "samples": 5, "inputs": "standardised"},
            "network": {"width": 10**12, "laziness": 1e-6, "balance": 1},
            "training": {"growth_per_step": 0.02, "steps": 20000, "loss": "mse"},
            "record": {"points": 2000},
            "replicates": 4,
        }
    )
    for row in range(4):
        # b of flow; a descent in steps of k, with the drift of v_r v_s − ⟨w_r, w_s⟩, ends of order k beside it.
        assert recover(as_published(run, row), samples=5, loss_factor=2).b == pytest.approx(float(run.b[row]), rel=0.02)


@given(
    k=st.floats(0.001, 0.02),
    root_gamma=st.floats(1.0, 1e5),
    balance=st.floats(0.0, 1.0),
    moving=st.sampled_from([1.0, 0.5]),
    chi=st.floats(1e-8, 1e-5),
)
def test_curves_of_stage_one_itself_come_back(k, root_gamma, balance, moving, chi):
    """With half of the neurons at rest too, and with b_r; the loss by the logistic curve of K = κI."""
    y_square = 300.0
    steps = np.arange(0.0, 10 / k, 0.1 / k).round()
    rho, v = stage_one.mean_sizes(steps, balance * root_gamma, 1.0, k, root_gamma**2)
    grown = moving * chi / 2 * (1 + k) ** (2 * steps)
    overlap = grown / (1 + grown)
    points = {
        "step": steps,
        "loss": 30.0 * (1 - overlap) ** 2,
        "rho_over_v": np.maximum.accumulate(np.where(overlap < 0.5, moving * rho / (moving * v + 1 - moving), 0.0)),
    }
    found = recover(points, samples=10, loss_factor=2, moving=moving)
    # With half of the neurons at rest the plateau lacks 2e^{−kt}, √χ where the loss falls; some more where neurons turn round
    # first, whose b_r outweighs √γ v_r.
    least = (np.sqrt(chi) if moving < 1 else 0) + 0.001 + 0.01 * balance
    assert abs(found.root_gamma / root_gamma - 1) < least
    # x/((1 − x²) artanh x) = 1.8 at x = ¾ is what becomes of that in k; with neurons at rest the inverse is that of flow (k/2);
    # b_r counts from the second order on.
    assert abs(found.k / k - 1) < 2 * least + (1 - moving) * k + 0.1 * balance**2
    # 1 − √(L/L(0)) to the line's end, GROWTH[1]/2 = 0.01, falls behind exponential growth by itself.
    assert abs(found.k_from_loss / k - 1) < 0.011 + k
    # In v_eff², by its own k, which is good to 0.011: 2t₁ times that.
    expected = 2 * y_square * chi / root_gamma
    assert abs(np.log(found.v_eff_from_loss**2 / expected)) < 2 * found.onset * k * 0.011 + OVERLAP
    assert found.v_eff == pytest.approx(np.hypot(found.sigma_0, found.v_0))


def test_balance_is_that_of_the_curve():
    """Where the curve is stage one's own and k is right, which the early rise gives to a percent."""
    steps = np.arange(0.0, 2000.0, 20)
    rho, v = stage_one.mean_sizes(steps, 0.6, 1.0, 0.007, 1.0)
    loss = 30.0 * (1 - np.minimum(1e-7 * (1.007) ** (2 * steps), 1)) ** 2
    found = recover({"step": steps, "loss": loss, "rho_over_v": rho / v}, samples=10, loss_factor=2)
    assert found.balance == pytest.approx(0.6, abs=0.05)
    assert found.balance_low <= 0.6 <= found.balance_high


@pytest.mark.parametrize(
    "changes",
    [
        {"rho_over_v": np.array([1.0, 1.0, 1.0])},
        {"rho_over_v": np.array([0.0, 0.9, 1.0])},
        {"loss": np.array([1.0, 0.99, 0.98])},
    ],
)
def test_curves_that_show_no_stage_one_are_one_clear_error(changes):
    points = {"step": np.arange(3.0), "loss": np.array([1.0, 0.9, 0.1]), "rho_over_v": np.array([0.0, 0.5, 1.0])}
    assert recover(points, samples=3, loss_factor=1).k == pytest.approx(0.5)
    with pytest.raises(
        ValueError, match="published curves: show no early rise of rho_over_v, or no fall of the loss; give"
    ):
        recover(points | changes, samples=3, loss_factor=1)
