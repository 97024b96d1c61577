"""Phases and votes, on numbers made up for the purpose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.analysis.phases import PHASES, RICH_VOTES, VOTES, Phase, Rich, phase, threshold, votes
from lazyrich.engines.trajectories import Status
from lazyrich.sweep.schema import Phases


@pytest.mark.parametrize(
    ("status", "change", "loss", "loss_max", "period", "expected"),
    [
        (Status.converged, 0.1, [1, 0.5, 0], 1, 0, Phase.lazy),
        (Status.converged, 5.0, [1, 0.5, 0], 1, 0, Phase.rich_two_stage),
        (Status.converged, 5.0, [1, 3, 0], 3, 0, Phase.catapult),
        (Status.running, 5.0, [1, 0.5, 0.4], 1, 0, Phase.unfinished),
        (Status.running, 5.0, [1, 0.2, 0.4], 1, 0, Phase.oscillating),
        (Status.running, 5.0, [1, 0.5, 0.4], 1, 2, Phase.oscillating),
        (Status.diverged, np.nan, [1, 5, np.nan], 5, 0, Phase.diverging),
        (Status.failed, np.nan, [np.nan] * 3, np.nan, 0, Phase.failed),
    ],
)
def test_every_phase_from_its_numbers(status, change, loss, loss_max, period, expected):
    found = phase(
        np.array([status]),
        np.array([change]),
        np.array([1.0]),
        *(np.array([value], dtype=float) for value in (loss[0], loss[-1], np.min(loss), loss_max)),
        np.array([period]),
        Phases(),
    )
    assert found.tolist() == [expected]


def test_the_default_threshold_is_the_kernel_change_at_laziness_one():
    assert threshold(Phases(), np.array([10.0]))[0] == pytest.approx(0.5 * np.sqrt(1.3) * (np.sqrt(2) - 1))
    assert threshold(Phases(kernel_change=2), np.array([10.0])).tolist() == [2.0]


VALUES = st.sampled_from([0.5, 1.0, 2.0, np.nan])  # below, at and above a threshold of 1, and not recorded


@given(st.lists(st.tuples(st.sampled_from(list(Phase)), VALUES, VALUES, VALUES), min_size=1, max_size=20))
def test_votes_are_those_of_the_order_parameters_that_were_recorded(cases):
    of_phase, kernel, alignment, weights = (np.array(column) for column in zip(*cases, strict=True))
    # Thresholds of 2, 5 and 11, in whose units the values are: half of each is above the one before.
    found, disagree = votes(
        of_phase.astype(int),
        2 * kernel,
        np.full(len(cases), 2.0),
        5 * alignment,
        11 * weights,
        Phases(alignment=5, weight_change=11),
    )
    for code, divided, (one, *values) in zip(found, disagree, cases, strict=True):
        if one not in (Phase.lazy, Phase.rich_two_stage):
            assert code == VOTES.not_settled and np.isnan(divided)
            continue
        said = {name: value >= 1 for name, value in zip(("kernel", "alignment", "weights"), values, strict=True)}
        rich = [name for name, yes in said.items() if yes]
        voters = [name for name, value in zip(said, values, strict=True) if not np.isnan(value)]
        unanimous = "all_rich" if rich else "none_rich"
        assert VOTES(code).name == (unanimous if rich in ([], voters) else "_".join(rich))
        assert divided == (rich not in ([], voters))


def test_votes_have_a_code_and_words_for_every_outcome():
    assert {int(code) for code in VOTES} == {*range(int(~Rich(0)) + 1), int(VOTES.not_settled)}
    for code in set(VOTES) - {VOTES.none_rich, VOTES.all_rich, VOTES.not_settled}:
        assert Rich(code) == Rich(sum(Rich[name] for name in code.name.split("_")))
    assert set(RICH_VOTES.looks) == set(VOTES) and set(PHASES.looks) == set(Phase)
