"""Stage one read backwards: numbers that are known come back from curves, published or simulated."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erfc

import lazyrich
from lazyrich.analysis.matching import match_start
from lazyrich.analysis.published import load_published
from lazyrich.analysis.recovery import GROWTH, ONSET, RISE, calibration, curves, read, recover
from lazyrich.theory import stage_one

REFERENCE = Path(__file__).parents[2] / "config" / "reference"
BALANCE = 0.001  # σ₀/v₀ of the simulated networks
OVERLAP = 1 - np.sqrt(1 - ONSET)  # ⟨y, f⟩/‖y‖² at onset


def shortfall(k):
    """Share of χ that t₁(δ) = ln(δ/χ)/(2 ln(1 + k)) loses, which takes the output for small.

    The force falls with the residual, by Σ 2k/(1 + k) of all overlaps so far; and δ for twice the overlap.
    """
    return 2 * k / (1 + k) * OVERLAP / (1 - (1 + k) ** -2) + 2 * OVERLAP / ONSET - 1


def fold(deviation):
    """⟨|x|⟩/⟨x⟩ − 1 of x normal, of `deviation`·⟨x⟩."""
    inverse = 1 / max(deviation, 0.025)  # all of 1e-176 below
    return np.sqrt(2 / np.pi) / inverse * np.exp(-(inverse**2) / 2) - erfc(inverse / np.sqrt(2))


def test_figure_1_says_what_is_known_of_it():
    """k = 0.6824, √γ = 34943; c = 2, σ₀ = 0.001, v₀ = 0.01 meet its points (tests/analysis/test_figure1.py)."""
    found = recover(load_published(REFERENCE / "figure1.csv"), samples=10, loss_factor=2)
    # All digits that these have: the points have six, and k is their ratio at step 1.
    assert round(found.k, 4) == 0.6824
    assert round(found.root_gamma) == 34943
    size = np.hypot(0.001, 0.01)
    # v_eff² is off by the shortfall, and by 2⟨b_r v_r⟩/√γ = 2σ₀v₀g/√m of this network's draw, to three standard deviations; the
    # overlap between two points is taken for exponential, which it is to the same order as the shortfall.
    tolerance = shortfall(0.6824) + 3 * 2 * 0.001 * 0.01 / np.sqrt(1024) / size**2
    assert abs(found.v_eff**2 / size**2 - 1) < tolerance
    assert found.early == 3


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
        found = recover(curves(run, row), samples=10, loss_factor=2)
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
        assert recover(curves(run, row), samples=5, loss_factor=2).b == pytest.approx(float(run.b[row]), rel=0.02)


@given(
    k=st.floats(0.001, 0.02),
    root_gamma=st.floats(1.0, 1e5),
    balance=st.floats(0.0, 1.0),
    chi=st.floats(1e-8, 1e-5),
)
def test_curves_of_stage_one_itself_come_back(k, root_gamma, balance, chi):
    """With b_r too; the loss by the logistic curve of K = κI."""
    y_square = 300.0
    steps = np.arange(0.0, 10 / k, 0.1 / k).round()
    rho, v = stage_one.mean_sizes(steps, balance * root_gamma, 1.0, k, root_gamma**2)
    grown = chi / 2 * (1 + k) ** (2 * steps)
    overlap = grown / (1 + grown)
    points = {
        "step": steps,
        "loss": 30.0 * (1 - overlap) ** 2,
        "rho_over_v": np.maximum.accumulate(np.where(overlap < 0.5, rho / v, 0.0)),
    }
    found = recover(points, samples=10, loss_factor=2)
    # Curves end a record (e^0.1) before (1 + k)ᵗ = √(2/χ). There ρ_r − √γ v_r = −b_r but for the mode that decays: of ⟨|v_r|⟩ ≥
    # ½(1 + k)ᵗ that is ⟨b_r sign⟩ ≤ √(2/π) σ₀√γ at most, and 2e^{−2kt}.
    late = np.exp(0.11) * np.sqrt(chi / 2)
    least = 2 * np.sqrt(2 / np.pi) * balance * late + 2 * late**2
    assert abs(found.root_gamma / root_gamma - 1) < least + 1e-9
    # x/((1 − x²) artanh x) = 1.8 at x = ¾ is what becomes of that in k; and of the neurons that b_r turns round: |ρ_r|
    # and |v_r| have deviations of at most σ₀/v₀·tanh kt of their means, with tanh kt ≤ RISE.
    assert abs(found.k / k - 1) < 1.8 * (least + fold(RISE * balance)) + 1e-6
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


def relu(k, v_eff, balance=0.25, **changes):
    """A sweep of ReLU networks on images whose pixels are all ≥ 0."""
    v_0 = v_eff / float(np.hypot(1, balance))
    return {
        "problem": {"source": "digits", "samples": 10, "inputs": "scaled", "target_norm": 18, "gram_scale": 245},
        "network": {"width": 512, "activation": "relu", "sigma_0": balance * v_0, "v_0": v_0},
        "training": {"growth_per_step": k, "loss": "mse", "steps": round(np.log(1 / v_eff) / np.log1p(k))},
        "record": {"every": round(0.2 / k)},
        "replicates": 6,
        **changes,
    }


@pytest.mark.parametrize(("k", "v_eff", "balance"), [(0.0065, 0.0017, 0.1), (0.02, 0.0005, 0.25), (0.02, 0.0017, 1.0)])
def test_k_and_root_gamma_of_trained_relu_networks_come_back(k, v_eff, balance):
    """Whichever neurons are switched off, and whenever: neither formula nor share of them goes in."""
    networks = lazyrich.run(relu(k, v_eff, balance))
    ratios = calibration(networks)
    assert set(ratios) == {"root_gamma", "k_from_loss"}  # of nothing else is anything claimed
    # As for linear networks (‖f‖² is larger than ⟨y, f⟩²/‖y‖² by φ₂‖y‖²/γ²), of a loss
    # that is fitted until it has fallen by 2 %.
    spread = (networks.phi * networks.y_norm**2 / networks.gamma**2).values
    assert (abs(ratios["k_from_loss"] - 1) < spread * GROWTH[1] / 2 + k).all()
    # A share 1 − a of neurons at rest keeps |v_r| ~ v₀, where the others have v² = oD/(2aχ), D = v_eff², at the overlap o, and
    # |ρ|/|v| lacks (1 − a)/a·v₀/v. It is largest at onset or later; a is ¼ or more (at
    # onset |ρ_r| is over a fifth of its rms in 36 to 43 % of these networks' neurons).
    least = 3 * np.sqrt(0.5 * networks.laziness.values / ONSET)
    assert (abs(ratios["root_gamma"] - 1) < least).all()


def test_the_start_of_trained_relu_networks_is_matched_by_others():
    """From twice the size, on other images: the network's own is found to the scatter of those."""
    k, v_eff = 0.02, 0.0017
    known = lazyrich.run(relu(k, v_eff, seed=3, replicates=4))
    tried = relu(k, 2 * v_eff, replicates=8)
    for row in range(4):
        (found,) = match_start(tried, curves(known, row), balances=(0.25,))
        # The range of eight is 2.85 standard deviations; the known network has its own scatter, their median √(π/2/8) of one.
        deviation = np.log(found.v_eff_high / found.v_eff_low) / 2.85
        assert deviation < 0.1
        assert abs(np.log(found.v_eff / v_eff)) < 3 * deviation * np.sqrt(1 + np.pi / 16)


def test_matching_scales_the_start_to_the_published_onset():
    """The homogeneity that it rests on: at the matched size, the same networks start to learn when the points do."""
    k = 0.02
    points = curves(lazyrich.run(relu(k, 0.0017, replicates=1)), 0)
    tried = relu(k, 0.004, replicates=3)
    (found,) = match_start(tried, points, balances=(0.25,))
    matched = lazyrich.run(relu(k, found.v_eff, replicates=3))
    onset = np.median([read(curves(matched, row)).onset for row in range(3)])
    # f at the trial's start is of order σ₀v₀√κ/√m, a share 2√χ·4/√m of what grows: 1e-3, 0.05 steps; records at other phases of
    # the curve read t₁ off by up to (2k·10)²·0.05/8/2k of a step.
    assert abs(onset - read(points).onset) < 0.2


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
