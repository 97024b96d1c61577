"""Networks trained on data that are there: all engines see the same, and it is what was chosen."""

import numpy as np
import pytest

import lazyrich
from lazyrich.engines.trajectories import Status
from lazyrich.networks import observables
from lazyrich.networks.batch import Reason
from lazyrich.networks.data.source import data_of
from lazyrich.planning.plan import whole
from lazyrich.shards.replay import replay
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep

# As in test_gram: rounding of up to 60 steps, relative to the largest value of each quantity.
ROUNDING = 1e-12

DIGITS = {"source": "digits", "samples": {"values": [4, 12]}, "classes": {"values": ["3-8", "0-1-2"]}}
SWEEP = {
    "problem": {**DIGITS, "inputs": "scaled", "targets": "centred"},
    "network": {"width": 40, "activation": {"values": ["linear", "relu"]}, "laziness": {"values": [0.1, 3]}},
    "training": {"stability_fraction": 0.2, "steps": 60},
    "record": {"points": 8},
    "replicates": 2,
}


@pytest.fixture(scope="module")
def dense():
    return lazyrich.run(SWEEP, engine="dense")


@pytest.mark.parametrize("engine", ["gram", None])
def test_engines_agree_with_explicit_weights(dense, engine):
    run = lazyrich.run(SWEEP, engine=engine)
    assert run.attrs["engine"] == (engine or "gram, propagator")
    for name in observables.DEFAULT:
        a, b = run[name].values, dense[name].values
        assert (np.abs(a - b) <= ROUNDING * np.abs(b).max(axis=1, keepdims=True)).all(), name
    np.testing.assert_array_equal(run.status, dense.status)


@pytest.mark.parametrize("inputs", ["raw", "scaled", "standardised"])
@pytest.mark.parametrize("targets", ["labels", "one_vs_rest"])
def test_chosen_images_are_what_a_file_of_them_is(tmp_path, inputs, targets):
    """The same rows as a user's file; weights are drawn alike for what has the same K and y."""
    problem = {"source": "digits", "samples": 6, "classes": "2-5", "inputs": inputs, "targets": targets}
    other = {"network": {"width": 9, "laziness": 0.5, "activation": "tanh"}, "training": SWEEP["training"], "seed": 4}
    X, y, weights, *_ = data_of(problem, 4, 0)
    assert weights is None
    np.savez(tmp_path / "data.npz", X=X, y=y)
    of_file = {"source": "file", "path": str(tmp_path / "data.npz")}
    a, b = (lazyrich.run({"problem": one, **other}) for one in (problem, of_file))
    np.testing.assert_array_equal(a.eigenvalues, b.eigenvalues)
    np.testing.assert_array_equal(a.loss, b.loss)


def test_replicates_and_seeds_choose_other_images_and_a_grid_the_same(dense):
    """K's trace is Σ‖x‖² of the images: it tells draws apart, and is the same for every laziness and activation."""
    trace = dense.eigenvalues.sum("mode").values
    cells = {}
    for key, value in zip(
        zip(*(dense[name].values for name in ("samples", "classes", "replicate")), strict=True), trace, strict=True
    ):
        cells.setdefault(key, []).append(value)
    assert all(len(set(values)) == 1 for values in cells.values())
    assert len({values[0] for values in cells.values()}) == len(cells) == 2 * 2 * 2
    other = lazyrich.run({**SWEEP, "seed": 1})
    assert not set(other.eigenvalues.sum("mode").values) & set(trace)


def test_networks_on_images_are_replayed():
    run = lazyrich.run(SWEEP)
    for row in (0, run.sizes["network"] - 1):
        assert replay(run, row).agrees


def test_data_that_were_edited_since_they_were_planned_are_not_trained_on(tmp_path):
    path = tmp_path / "data.npz"
    rng = np.random.default_rng(0)
    np.savez(path, X=rng.random((4, 6)), y=rng.random(4))
    planned = whole(
        load_sweep({**SWEEP, "problem": {"source": "file", "path": str(path)}, "network": {"width": 5, "laziness": 1}})
    )
    np.savez(path, X=rng.random((4, 6)), y=rng.random(4))
    with pytest.raises(ValueError, match=r"data.npz: was edited since these networks were planned; start again"):
        simulate(planned)


def test_an_image_without_a_pixel_fails_alone(tmp_path):
    """Of a file with such a row, the networks whose one sample it is have nothing to learn; the others train."""
    X = np.eye(4, 5)
    X[2] = 0
    np.savez(tmp_path / "data.npz", X=X, y=np.ones(4))
    run = lazyrich.run(
        {
            **SWEEP,
            "problem": {"source": "file", "path": str(tmp_path / "data.npz"), "samples": 1},
            "network": {"width": 5, "laziness": 1},
            "replicates": 12,
        }
    )
    failed = run.gamma.values == 0
    assert 0 < failed.sum() < 12
    np.testing.assert_array_equal(run.status == Status.failed, failed)
    np.testing.assert_array_equal(run.reason == Reason.no_signal, failed)
    assert (run.loss_end < run.loss_start)[~failed].all()
