"""Assumption 4.1: each margin is 1 at its bound, scales as it should, and knows zeros and missing numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.theory import conditions, scalars, two_stage

POSITIVE = st.floats(1e-3, 1e3)
# 1e-3 to 1e3 to some powers, a few multiplications and roots.
ROUNDING = 1e-12


@st.composite
def cases(draw):
    names = ("width", "sigma_0", "v_0", "learning_rate", "label_noise", "trace", "norm", "frobenius", "signal")
    case = {name: draw(POSITIVE) for name in names}
    case |= {"samples": draw(st.integers(1, 1000)), "dimension": draw(st.integers(1, 10**6))}
    case |= {
        "accuracy": draw(POSITIVE),
        "sub_gaussian": draw(POSITIVE),
        "loss_factor": draw(st.sampled_from([1.0, 2.0])),
    }
    constants = conditions.Constants(*(draw(POSITIVE) for _ in conditions.Constants._fields))
    return {**case, "constants": constants}


def at(case, **changes):
    return conditions.margins(**{**case, **changes})


@given(cases())
def test_margins_are_one_at_the_bounds_of_the_paper(case):
    n, d, m, trace, signal, eps = (
        case[name] for name in ("samples", "dimension", "width", "trace", "signal", "accuracy")
    )
    C = case["constants"]
    sigma_0 = min(C.sigma_0 / np.sqrt(n * d * signal**2 * trace), np.sqrt(eps) / (n**0.25 * signal**0.5 * trace**0.25))
    rate = C.learning_rate * np.sqrt(n) * m / (np.sqrt(trace) * signal) / case["loss_factor"]
    anisotropy = case["sub_gaussian"] ** 2 * (n * case["norm"] + np.sqrt(n) * case["frobenius"])
    bounds = {
        "width": {"width": C.width * np.log(2 * n)},
        "sigma_0": {"sigma_0": sigma_0},
        "v_0": {"v_0": C.v_0 / np.sqrt(n * signal**2 * trace)},
        "learning_rate": {"learning_rate": rate},
        "noise": {"label_noise": np.sqrt(8 * n) * signal},
        "trace": {"trace": max(C.trace, np.sqrt(eps) * signal) * anisotropy},
        "trace_repaired": {"trace": max(C.trace, signal / np.sqrt(eps)) * anisotropy},
        "signal": {"trace": C.signal / signal**2},
    }
    assert tuple(bounds) == conditions.NAMES == tuple(at(case))
    for name, change in bounds.items():
        np.testing.assert_allclose(at(case, **change)[name], 1.0, rtol=ROUNDING)


@given(cases(), st.floats(1.0, 10.0))
def test_margins_scale_with_the_right_power(case, factor):
    """How each margin answers to each quantity by which it is a plain power."""
    powers = {
        "width": {"width": 1, "learning_rate": 1},
        "sigma_0": {"sigma_0": -1},
        "v_0": {"v_0": -1},
        "learning_rate": {"learning_rate": -1},
        "loss_factor": {"learning_rate": -1},
        "label_noise": {"noise": -2},
        "trace": {"v_0": -0.5, "learning_rate": -0.5, "trace": 1, "trace_repaired": 1, "signal": 1},
        "sub_gaussian": {"trace": -2, "trace_repaired": -2},
        "signal": {"v_0": -1, "learning_rate": -1, "noise": 2, "signal": 2},
    }
    before = at(case)
    for quantity, expected in powers.items():
        after = at(case, **{quantity: case[quantity] * factor})
        for name in conditions.NAMES:
            # The two bounds on σ0, and the constant beside ‖β̃‖ of the trace condition, are not plain powers.
            if (
                name in ("sigma_0", "trace", "trace_repaired")
                and quantity == "signal"
                or name == "sigma_0"
                and quantity == "trace"
            ):
                continue
            power = expected.get(name, 0)
            np.testing.assert_allclose(after[name] / before[name], factor**power, rtol=ROUNDING)


@given(cases())
def test_the_learning_rate_condition_is_one_on_k(case):
    case |= {"constants": conditions.UNIT}
    gamma = case["trace"] * case["samples"] * case["signal"] ** 2
    k = scalars.growth_per_step(case["learning_rate"], gamma, case["width"], case["samples"], case["loss_factor"])
    np.testing.assert_allclose(at(case)["learning_rate"], 1 / k, rtol=ROUNDING)


def ordinary(**changes):
    case = {
        "samples": 10,
        "dimension": 1000,
        "width": 1024.0,
        "sigma_0": 1e-6,
        "v_0": 1e-6,
        "learning_rate": 0.1,
        "loss_factor": 1.0,
        "label_noise": 0.1,
        "trace": 1000.0,
        "norm": 1.0,
        "frobenius": np.sqrt(1000.0),
        "signal": 1.0,
        "accuracy": 0.1,
    }
    return {**case, **changes}


def test_what_is_zero_is_infinitely_within_its_bound():
    found = conditions.margins(**ordinary(sigma_0=0.0, v_0=0.0, label_noise=0.0))
    assert [found[name] for name in ("sigma_0", "v_0", "noise")] == [np.inf] * 3
    left = [found[name] for name in ("width", "learning_rate", "signal")]
    assert conditions.smallest(found) == min(*left, found["trace"])
    assert conditions.smallest(found, "repaired") == min(*left, found["trace_repaired"])
    silent = conditions.margins(**ordinary(signal=0.0))
    assert silent["signal"] == 0 == conditions.smallest(silent)


def test_real_data_know_only_some_of_the_conditions():
    missing = dict.fromkeys(("label_noise", "trace", "norm", "frobenius", "signal"), np.nan)
    found = conditions.margins(**ordinary(**missing, sigma_0=0.0))
    assert found["width"] == pytest.approx(1024 / np.log(20))
    assert all(np.isnan(found[name]) for name in conditions.NAMES if name != "width")
    assert np.isnan(conditions.smallest(found))


def test_networks_are_judged_one_by_one():
    found = conditions.margins(**ordinary(v_0=np.array([1e-6, 1.0, np.nan])))
    smallest = conditions.smallest(found)
    np.testing.assert_array_equal(smallest >= 1, [True, False, False])
    assert smallest[1] == found["v_0"][1] == pytest.approx(0.01)


# ---- the two forms of condition (6) ---------------------------------------------------------------------------------


@given(cases(), st.sampled_from(["printed", "repaired"]))
def test_the_smallest_margin_counts_one_form_of_the_trace_condition(case, form):
    found = at(case)
    other = {"printed": "trace_repaired", "repaired": "trace"}[form]
    assert conditions.smallest(found, form) == min(margin for name, margin in found.items() if name != other)


def test_only_the_repaired_form_asks_for_more_where_the_accuracy_is_finer():
    """As printed, √ε‖β̃‖ falls below C₂ and the condition no longer knows ε; repaired it goes as √ε."""
    coarse, fine = (conditions.margins(**ordinary(accuracy=epsilon)) for epsilon in (1e-4, 1e-8))
    assert coarse["trace"] == fine["trace"]
    assert fine["trace_repaired"] / coarse["trace_repaired"] == pytest.approx(1e-2, rel=ROUNDING)
    assert conditions.margins(**ordinary(accuracy=0.0))["trace_repaired"] == 0
    # The repaired one never asks for less where ε ≤ 1.
    assert fine["trace_repaired"] < fine["trace"]


# ---- condition (3) and the second bullet of Lemma 5.3 ---------------------------------------------------------------

K = 0.005  # growth per step of the descent below


def at_alignment(scale, rng):
    """Descend on explicit weights from W = 0 and v = ±v₀, √γ v₀ = `scale`, until ρ_r passes 1: |ρ_r|, √γ|v_r| and γ."""
    n, d, m = 5, 2000, 16
    X = rng.standard_normal((n, d))
    y = X @ rng.standard_normal(d) / np.sqrt(d)
    target = X.T @ y
    gamma = target @ target
    root = np.sqrt(gamma)
    v = scale / root * np.where(np.arange(m) % 2 == 0, 1.0, -1.0)
    W = np.zeros((m, d))
    rate = K * m * n / root
    while np.abs(W @ target).max() < 1:
        force = rate / (m * n) * (y - X @ (v @ W) / m)
        W, v = W + v[:, None] * (X.T @ force), v + W @ (X.T @ force)
    rho = np.abs(W @ target)
    return rho, root * np.abs(v), gamma


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_imbalance_at_alignment_is_that_of_explicit_weights(scale):
    """A step of descent takes K² of γv² − ρ²: 2K or less in t₁ ≤ (log(2/scale) + 1)/K steps; what f has fitted is less."""
    rho, size, gamma = at_alignment(scale, np.random.default_rng(0))
    expected = 1 + conditions.imbalance(rho, scale / np.sqrt(gamma), gamma)
    np.testing.assert_allclose(size / rho, expected, rtol=2.5 * K)


@pytest.mark.parametrize(("factor", "within"), [(0.97, True), (1.03, False)])
def test_the_second_bullet_holds_at_t_1_up_to_root_5_over_2(factor, within):
    """3 % about √γ v₀ = √5/2; t₁ is a step late at most, which raises ρ_r by √γ v_r K ≤ 1.5 K."""
    rho, size, _ = at_alignment(factor * conditions.LARGEST_SECOND_LAYER, np.random.default_rng(1))
    assert (np.abs(rho - size) <= 0.5 * rho).all() == within
    assert conditions.imbalance(1.0, conditions.LARGEST_SECOND_LAYER, 1.0) == pytest.approx(0.5, rel=ROUNDING)


@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_off_the_line_at_t_1_eq_11_is_off_by_no_more_than_its_imbalance_allows(scale):
    """Explicit weights and one sample, so that K = κI: all that is left is the line ρ = √γ v, and steps of order K."""
    rng = np.random.default_rng(2)
    d, m = 2000, 16
    x, y = rng.standard_normal(d), 3.0
    target = x * y
    gamma, phi = target @ target, (x @ x) ** 2 * y**2
    root, limit = np.sqrt(gamma), float(np.sqrt(two_stage.limit(gamma, phi)))
    v = scale / root * np.where(np.arange(m) % 2 == 0, 1.0, -1.0)
    W = np.zeros((m, d))
    rate = K * m / root
    aligned, delta, worst = None, 0.0, 0.0
    for _ in range(int(12 / K)):
        pull = rate / m * (y - x @ (v @ W) / m) * x
        W, v = W + np.outer(v, pull), v + W @ pull
        rho = (W @ target)[0]
        if aligned is None and rho >= 1:
            aligned, delta = rho, root * v[0] / rho - 1
        elif aligned is not None:
            aligned = two_stage.aligned_step(aligned, K, gamma, phi)
            worst = max(worst, abs(aligned - rho) / limit)
    assert rho == pytest.approx(limit, rel=1e-3)  # to the end of stage two
    allowed = delta / (3 * np.sqrt(3))
    assert 0.3 * allowed < worst < allowed + K


def test_condition_6_as_the_proof_needs_it_bounds_its_last_display():
    """2‖β̃‖²ε_λ²/tr Σ² = 2ε at a margin of 1; a smaller ε makes it harder, where the printed condition gets easier."""
    trace, signal, anisotropy = 50.0, 3.0, 4.0
    for accuracy in (1e-6, 1e-2):
        margin = conditions.repaired_trace_margin(trace, anisotropy, signal, accuracy)
        display = 2 * signal**2 * anisotropy**2 / trace**2
        assert display == pytest.approx(2 * accuracy / margin**2, rel=ROUNDING)
    easy, hard = (conditions.repaired_trace_margin(trace, anisotropy, signal, eps) for eps in (1e-2, 1e-6))
    assert hard < easy
    others = dict.fromkeys(("width", "sigma_0", "v_0", "learning_rate", "loss_factor", "label_noise"), 1.0)
    case = {**others, "samples": 5, "dimension": 10, "trace": trace, "norm": 0.5, "frobenius": 1.0, "signal": 100.0}
    printed = [conditions.margins(**case, accuracy=eps)["trace"] for eps in (1e-2, 1e-6)]
    assert printed[1] > printed[0]
    assert np.isnan(conditions.repaired_trace_margin(np.nan, np.nan, np.nan, 0.1))
