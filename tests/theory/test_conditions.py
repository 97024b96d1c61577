"""Assumption 4.1: each margin is 1 at its bound, scales as it should, and knows zeros and missing numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.theory import conditions, scalars

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
        "trace": {"v_0": -0.5, "learning_rate": -0.5, "trace": 1, "signal": 1},
        "sub_gaussian": {"trace": -2},
        "signal": {"v_0": -1, "learning_rate": -1, "noise": 2, "signal": 2},
    }
    before = at(case)
    for quantity, expected in powers.items():
        after = at(case, **{quantity: case[quantity] * factor})
        for name in conditions.NAMES:
            # The two bounds on σ0, and the constant beside √ε‖β̃‖ of the trace condition, are not plain powers.
            if (quantity, name) in (("trace", "sigma_0"), ("signal", "sigma_0"), ("signal", "trace")):
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
    assert conditions.smallest(found) == min(found["width"], found["learning_rate"], found["trace"], found["signal"])
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
