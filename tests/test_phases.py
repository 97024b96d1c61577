"""Phases and boundaries, on numbers made up for the purpose."""

import numpy as np
import pytest

from lazyrich.engines.trajectories import Status
from lazyrich.phases import Phase, coordinate, level_set, phase, threshold
from lazyrich.sweep import Phases


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


def test_level_sets_are_exact_for_power_laws_on_log_axes():
    x, y = np.logspace(-3, 1, 9), np.logspace(-2, 2, 7)
    lines = level_set(x, y, np.outer(x**-1.0, y**-2.0), 1.0)
    line = np.concatenate(lines)
    np.testing.assert_allclose(line[:, 0] * line[:, 1] ** 2, 1.0, rtol=1e-10)


def test_level_sets_leave_out_cells_without_a_number_and_follow_falling_axes():
    x, y = np.linspace(3, 0, 4), np.linspace(0, 3, 4)
    field = np.add.outer(x, y)
    line = np.concatenate(level_set(x, y, field, 2.5))
    np.testing.assert_allclose(line.sum(axis=1), 2.5)
    field[x == 0] = np.nan
    assert np.concatenate(level_set(x, y, field, 2.5))[:, 0].min() >= 1
    assert level_set(x, y, np.full((4, 4), np.nan), 1.0) == []
    assert level_set(x[:1], y, field[:1], 1.0) == []


def test_an_axis_is_read_in_the_coordinate_in_which_it_is_even():
    assert coordinate(np.logspace(-3, 0, 7))[1]
    assert not coordinate(np.linspace(1, 2, 7))[1]
    assert not coordinate(np.array([0.0, 1, 10]))[1]
