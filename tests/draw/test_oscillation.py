"""A network that goes up and down between its records is drawn as dots: no line shows a wandering that never was."""

import holoviews as hv
import numpy as np
import pytest
import xarray as xr

import lazyrich
from lazyrich.draw import curves, oscillation, trajectories
from lazyrich.engines.trajectories import Status
from lazyrich.explore.panels import Panels

ORBIT = {2: [1.0, 3.0], 3: [1.0, 3.0, 2.0]}


def made_up(steps, loss, period=0, status=Status.running, onset=5.0):
    """One network with these records of its loss."""
    loss = np.asarray(loss, dtype=float)
    one = {
        "loss_floor": 0.0,
        "loss_end": loss[-1],
        "loss_min": loss.min(),
        "period": period,
        "status": status,
        "onset_step": onset,
    }
    fields = {name: ("network", [value]) for name, value in one.items()}
    records = {"step": [np.asarray(steps)], "loss": [loss]}
    return xr.Dataset(fields | {name: (("network", "record"), values) for name, values in records.items()})


@pytest.mark.parametrize("gap", [7, 10, 12, 20, 21])
@pytest.mark.parametrize("period", ORBIT)
def test_no_line_joins_records_of_an_orbit(period, gap):
    """Whether its alias is a plateau (the period divides the gap), a slow beat or a zigzag."""
    steps = np.arange(0, 48 * gap, gap)
    loss = np.where(steps < 40, 30.0 - 0.5 * steps, np.resize(ORBIT[period], steps[-1] + 1)[steps])
    data = made_up(steps, loss, period)
    joined = oscillation.resolved(data)[0]
    assert not joined[steps[:-1] >= 40].any()
    assert oscillation.words(data) == f"oscillates, period {period}"
    line = oscillation.parted(data["step"].values, data["loss"].values, joined[None])
    known = np.isfinite(line[1])
    assert set(line[0][1:][known[1:] & known[:-1]]) <= set(steps[1:][joined].tolist())
    # Every record is still there.
    at, values = oscillation.dots(data["step"].values, data["loss"].values, joined[None])
    assert (
        dict(zip(at, values, strict=True)).items()
        >= dict(zip(steps[steps >= 50], loss[steps >= 50], strict=True)).items()
    )


def test_a_passing_oscillation_is_dots_and_the_rest_a_line():
    """A catapult, which converges after all."""
    steps = np.arange(0, 300, 10)
    loss = np.exp(-0.05 * steps)
    loss[4:10:2] *= 50
    joined = oscillation.resolved(made_up(steps, loss, status=Status.converged))[0]
    assert joined[[0, 1, 12, 20, 28]].all() and not joined[4:8].any()


@pytest.mark.parametrize(
    ("steps", "loss"),
    [
        (np.arange(60), np.resize([1.0, 3.0], 60)),  # every step is recorded: so it went
        (np.arange(0, 480, 10), 2 + np.sin(np.arange(48) * 2 * np.pi / 12)),  # slow, with 12 records a turn
        (np.arange(0, 480, 10), np.exp(-0.1 * np.arange(48))),
        (np.arange(0, 480, 10), np.r_[1.0, 1e-20 * np.resize([1.0, 3.0], 47)]),  # rounding
    ],
)
def test_what_is_resolved_stays_a_line(steps, loss):
    assert oscillation.resolved(made_up(steps, loss, status=Status.converged)).all()
    assert oscillation.resolved(made_up(np.arange(len(loss)), loss, period=2)).all()


@pytest.fixture(scope="module")
def cell():
    """Two networks with steps just beyond the largest stable one: both end in an orbit of period 2."""
    data = lazyrich.run(
        {
            "problem": {"samples": 5, "dimension": 100},
            "network": {"width": 64, "laziness": 0.05},
            "training": {"growth_per_step": 1.0, "steps": 1000},
            "record": {"points": 48},
            "replicates": 2,
        }
    )
    assert (data["period"] == 2).all()
    return data


def longest(element):
    """The most steps that a line of an element goes on for."""
    steps, values = element.array().T
    ends = np.flatnonzero(~np.isfinite(steps + values))
    return max(
        (np.ptp(part[np.isfinite(part)]) for part in np.split(steps, ends) if np.isfinite(part).any()), default=0.0
    )


@pytest.mark.parametrize("backend", ["matplotlib", "bokeh"])
def test_a_figure_draws_an_orbit_as_dots_and_says_so(cell, backend):
    loss, *_ = curves.panels(cell, None, backend, "")
    lines = loss.traverse(lambda x: x, [hv.Curve])
    assert max(longest(line) for line in lines if "closed form" not in line.label) < 100
    (dots,) = loss.traverse(lambda x: x, [hv.Scatter])
    assert dots.label == "simulated, each of 2: oscillates, period 2" and len(dots) >= 90
    assert not [line for line in lines if "median" in line.label]


def test_the_explorer_draws_it_so_too(cell):
    panels = Panels()
    panels.show(cell)
    drawn = {each.name: each for each in panels.figures["loss"].renderers}
    assert drawn["dots_loss"].visible and not drawn["loss"].visible
    assert len(drawn["dots_loss"].data_source.data["step"]) >= 90
    shown = [item.label.value for item in panels.figures["loss"].legend[0].items if item.visible]
    assert "simulated: oscillates between records" in shown and "simulated" not in shown


def test_medians_part_where_half_of_the_networks_do():
    steps = np.tile(np.arange(0, 50, 10), (2, 1))
    joined = np.array([[True, False, False, True], [True, True, True, True]])
    at, values = trajectories.median_curve(steps, np.ones((2, 5)), False, joined)
    np.testing.assert_array_equal(at[np.isfinite(values)], steps[0])
    assert np.isnan(values[[2, 4]]).all() and len(values) == 7
