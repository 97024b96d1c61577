"""The best C₁ of the literal t₁: planted networks in which one constant does, and in which none does."""

import numpy as np

from lazyrich.analysis.claims import literal_time, verdicts
from lazyrich.analysis.claims.alignment_path import Path
from lazyrich.analysis.claims.verdicts import Verdict

FORMULA = np.repeat([60.0, 120.0, 240.0], 6)
TRIED = np.geomspace(0.2, 1.0, 801)
VARIED = {"1/v₀": np.exp(FORMULA)}


def planted(constants):
    """Return rms ρ_r at C·formula of networks that grow by e a step and come to 1 at C₁·formula, (constants, networks)."""
    paths = [
        Path(np.exp(np.arange(400) - C * time), np.clip(2 - np.arange(400) / time, 0, 1))
        for C, time in zip(constants, FORMULA, strict=True)
    ]
    found = [[one.rho_at(C * time) for one, time in zip(paths, FORMULA, strict=True)] for C in TRIED]
    return paths, np.array(found)


def test_a_constant_that_does_is_found_and_holds():
    _, rho = planted(np.full(len(FORMULA), 0.5))
    best = literal_time._best(rho)
    assert abs(TRIED[best] / 0.5 - 1) <= np.log(5) / 800  # a step of the constants that are tried
    # Off 1 by half a step of C₁ at most, e to the power of 240 steps times that.
    assert literal_time._decades_off(rho[best]) <= 240 * 0.5 * np.log(5) / 1600 / np.log(10) + 1e-9
    assert verdicts.order(rho[best], VARIED).verdict == Verdict.holds_with_constant


def test_constants_of_their_own_make_it_fail_however_good_the_best_is():
    """Scatter by 10 %: e^(±24) at the longest."""
    _, rho = planted(0.5 * np.tile([0.9, 0.95, 1, 1, 1.05, 1.1], 3))
    best = literal_time._best(rho)
    assert 0.45 < TRIED[best] < 0.55
    assert literal_time._decades_off(rho[best]) > 3
    assert verdicts.order(rho[best], VARIED).verdict == Verdict.fails


def test_stage_one_lasts_while_the_median_network_keeps_half_of_its_loss():
    """The planted loss falls linearly from the formula's time on, to nothing at twice that."""
    paths, _ = planted(np.full(len(FORMULA), 0.5))
    tried = np.array([0.9, 1.4, 1.49, 1.51, 1.6])
    assert literal_time._in_stage_one(paths, FORMULA, tried).tolist() == [True, True, True, False, False]
