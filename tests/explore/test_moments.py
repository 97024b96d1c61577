"""Maps at a time of training, against the trajectories that they are read from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lazyrich
from lazyrich.analysis.stages import Stage
from lazyrich.engines.trajectories import Status
from lazyrich.explore.moments import DURING, MOMENTS, _at, moment_diagrams, moments
from lazyrich.explore.source import Source
from lazyrich.networks.observables import NAMES

from .conftest import SWEEP


@pytest.fixture(scope="module")
def done(folder):
    return Source("done", folder / "config/sweeps/done.yaml", folder / "results")


@pytest.fixture(scope="module")
def run():
    return lazyrich.run(SWEEP)


def rows(run, summary, place):
    """The networks of a cell."""
    found = np.ones(run.sizes["network"], dtype=bool)
    for name, i in place.items():
        found &= np.isclose(run[name].values, summary[name].values[i], rtol=1e-9)
    return np.flatnonzero(found)


def made(source, name):
    return source.moments(next(each for each in source.diagrams if each.name == DURING + name))


def value(network, name, time):
    """What a network's record says at a time, by its definition."""
    before = np.flatnonzero(network.tau.values <= time * (1 + 1e-6))
    ended = time > network.tau.values[-1] * (1 + 1e-6)
    if ended and network.status != Status.converged:
        return np.nan
    return float(network[name].values[before[-1]])


@pytest.mark.parametrize("name", ["loss", "ntk_change"])
def test_an_observable_at_a_time_is_the_last_record_before_it(done, run, name):
    found = made(done, name)
    seen = set()
    for moment in (0, MOMENTS // 2, MOMENTS - 1):
        plane = found.plane({"samples": 1}, moment, 0.5)
        assert plane.dims == tuple(dim for dim in done.summary.phase.dims if dim != "samples")
        for i in range(7):
            for j in range(5):
                place = {"samples": 1, "laziness": i, "growth_per_step": j}
                each = [
                    value(run.isel(network=row), name, done.times[moment]) for row in rows(run, done.summary, place)
                ]
                expected = np.median([v for v in each if np.isfinite(v)] or [np.nan])
                np.testing.assert_allclose(
                    plane.isel(laziness=i, growth_per_step=j), expected, rtol=1e-6
                )  # float32's rounding
                seen.add(bool(np.isfinite(expected)))
    assert seen == {True, False}  # some have diverged or ended


def test_colours_are_the_same_at_all_times_and_not_those_of_numbers_on_their_way_to_infinity(done, run):
    others = run.isel(network=np.flatnonzero(run.status != Status.diverged))
    assert others.sizes["network"] < run.sizes["network"]
    largest = 0.0
    for time in done.times:
        last = (others.tau <= time * (1 + 1e-6)).sum("record") - 1
        known = (time <= others.tau[:, -1] * (1 + 1e-6)) | (others.status == Status.converged)
        largest = max(largest, float(others.loss.isel(record=last).where(known).max()))
    np.testing.assert_allclose(made(done, "loss").whole.loss.values[1], largest, rtol=1e-6)  # float32's rounding


def test_the_stage_of_a_cell_is_that_of_its_networks(done, run):
    found = made(done, "stage")
    codes = set()
    for moment in range(0, MOMENTS, 8):
        plane, time = found.plane({"samples": 0}, moment, 0.5), done.times[moment]
        for i in range(7):
            for j in range(5):
                expected = []
                for row in rows(run, done.summary, {"samples": 0, "laziness": i, "growth_per_step": j}):
                    network = run.isel(network=row)
                    steps = time / float(network.stability_fraction)
                    known = network.tau.values[np.isfinite(network.loss.values)].max() * (1 + 1e-6)
                    if steps >= network.end_step:
                        expected.append(Stage.learned)
                    elif time > known:
                        expected.append(Stage.diverged if network.status == Status.diverged else Stage.ended)
                    else:
                        expected.append(Stage.two if steps >= network.onset_step else Stage.one)
                if len(set(expected)) == 1:
                    assert plane.isel(laziness=i, growth_per_step=j) == expected[0], (time, i, j)
                codes |= set(expected)
    assert codes >= {Stage.one, Stage.two, Stage.learned, Stage.diverged}


def test_of_a_sweep_that_runs_other_cells_are_not_run(folder):
    begun = Source("begun", folder / "config/sweeps/begun.yaml", folder / "results")
    stages = made(begun, "stage").values
    # How many replicates of a cell are trained: the shards' end may part them.
    trained = begun.summary.networks.values.ravel()
    assert ((stages != Stage.not_run).sum(axis=2) == trained).all() and {0, 2} <= set(trained)


@given(
    taus=st.lists(st.lists(st.floats(0.01, 10), min_size=1, max_size=6), min_size=1, max_size=4),
    times=st.lists(st.floats(0, 60), min_size=1, max_size=5),
    held=st.booleans(),
)
def test_values_at_times_are_those_of_a_search(taus, times, held):
    records = max(map(len, taus))
    tau = np.array([np.cumsum([0.0, *row, *[1.0] * (records - len(row))]) for row in taus], dtype=np.float32)
    values = np.arange(tau.size, dtype=np.float32).reshape(tau.shape)
    # Away from records, on which either side may be meant.
    times = np.array(sorted(t for t in times if (np.abs(tau - t) > 1e-3).all()))
    found = _at(tau, values, np.full(len(tau), held), times)
    for i, row in enumerate(tau):
        for j, time in enumerate(times):
            place = np.searchsorted(row, time, side="right") - 1
            expected = values[i, place] if held or place < records else np.nan
            np.testing.assert_equal(found[j, i], np.float32(expected))


def test_times_are_even_where_runs_are_equally_long_and_logarithmic_elsewhere():
    assert moments(np.array([np.nan]), np.array([np.nan])).tolist() == [0.0]
    even = moments(np.array([0.1, 0.1]), np.array([300.0, 300.0]))
    np.testing.assert_allclose(even, np.linspace(0, 30, MOMENTS), rtol=1e-12, atol=1e-12)
    # What cannot converge (h ≥ 1) does not decide how long one looks.
    uneven = moments(np.array([0.01, 0.5, 3.0, np.nan]), np.array([100.0, 100.0, 100.0, np.nan]))
    assert uneven[-1] == pytest.approx(50, rel=1e-12)
    np.testing.assert_allclose(np.diff(np.log(uneven)), np.log(uneven[1] / uneven[0]), rtol=1e-9)


def test_diagrams_of_moments_have_names_of_their_own(done):
    headings = [each.heading for each in moment_diagrams(done)]
    assert len(set(headings)) == len(headings) == len([name for name in NAMES if name in done.recorded]) + 1
