"""The engine of each width against explicit weights trained by torch autograd: the same numbers to rounding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lazyrich
from lazyrich.engines import dense
from lazyrich.engines.trajectories import Status
from lazyrich.networks import observables
from lazyrich.networks.losses import LOSSES
from lazyrich.planning.plan import whole
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep

# Both engines are exact, so that they differ by rounding: about 1e-16 a step and an operation, 30 steps and up to 100
# terms in a sum, amplified by growth along the way. Relative to the scale of each quantity, 1e-12 leaves two digits.
ROUNDING = 1e-12


def problem(seed, n, d, m, rank):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, min(rank, d))) @ rng.standard_normal((min(rank, d), d)) / np.sqrt(d)
    y = rng.standard_normal(n) + X @ rng.standard_normal(d)
    return X, y, 0.3 * rng.standard_normal((m, d)), 0.2 * rng.standard_normal(m)


def both(tmp_path, X, y, W, v, *, rate=0.3, steps=30, loss="half_mse", activation="linear"):
    """The same networks by both engines: the dataset of `lazyrich.run`, the trajectories of explicit weights.

    `rate` is the share of the largest stable step; of a loss without one, k."""
    rng = np.random.default_rng(len(y))
    X_test, y_test = rng.standard_normal((5, X.shape[1])) / np.sqrt(X.shape[1]), rng.standard_normal(5)
    signs = bool((np.abs(y) == 1).all())
    y_test = np.sign(y_test) if signs else y_test
    measure = "growth_per_step" if LOSSES[loss].curvature is None else "stability_fraction"
    np.savez(tmp_path / "data.npz", X=X, y=y, W=W, v=v, X_test=X_test, y_test=y_test)
    data = lazyrich.run(
        {
            "problem": {"source": "file", "path": str(tmp_path / "data.npz"), "test_samples": 5},
            "training": {measure: rate, "steps": steps, "loss": loss},
            "record": {"every": 1, "observables": asked(activation, signs)},
            "network": {"probes": {"count": len(v), "keep": True}, "activation": activation},
        }
    )
    truth = dense.train(
        X,
        y,
        W,
        v,
        learning_rate=data.learning_rate.item(),
        loss_factor=data.loss_factor.item(),
        loss=loss,
        curvature=LOSSES[loss].curvature or np.nan,
        activation=activation,
        record_steps=np.arange(steps + 1),
        keep_probes=len(v),
        test=(X_test, y_test),
    )
    return data, truth


def asked(activation, signs):
    """Every observable that such a network has."""
    return [
        name
        for name, each in observables.OBSERVABLES.items()
        if (signs or not each.signs) and (activation == "linear" or name != "balance_drift")
    ]


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 8),
    d=st.integers(1, 12),
    m=st.integers(1, 9),
    rank=st.integers(1, 12),
    loss=st.sampled_from([*LOSSES]),
    signs=st.booleans(),
    activation=st.sampled_from(["linear", "linear", "relu", "tanh"]),
)
def test_every_observable_equals_explicit_weights(tmp_path_factory, seed, n, d, m, rank, loss, signs, activation):
    """Random shapes, n > d and rank-deficient X included; squares whose samples are told apart, and not."""
    X, y, W, v = problem(seed, n, d, m, rank)
    signs = signs or LOSSES[loss].targets == "signs"
    y = np.sign(y) if signs else y
    data, truth = both(tmp_path_factory.mktemp("data"), X, y, W, v, loss=loss, activation=activation)
    for i, name in enumerate(observables.NAMES):
        if name not in asked(activation, signs):
            continue
        if observables.OBSERVABLES[name].square and not LOSSES[loss].square:
            assert np.isnan(data[name]).all(), name
            continue
        expected = truth.observables[0, :, i]
        scale = expected[0] if name == "loss" else max(1.0, np.nanmax(np.abs(expected)))
        if name == "balance_drift":  # a difference of squares of weights, relative to those at the start
            scale = max(scale, np.max(truth.v_r**2) / (np.mean(W**2) + np.mean(v**2)))
        np.testing.assert_allclose(data[name].values[0], expected, rtol=0, atol=ROUNDING * scale, err_msg=name)
    for name in ("onset_step", "end_step", "status"):
        assert data[name].fillna(-1).item() == getattr(truth, name)[0], name
    for name in ("loss_max", "sharpness_start", "sharpness_end", "b_rms"):
        assert np.isnan(data[name].item()) == (name.startswith("sharpness") and LOSSES[loss].curvature is None)
        np.testing.assert_allclose(data[name].item(), getattr(truth, name)[0], rtol=ROUNDING, err_msg=name)
    np.testing.assert_allclose(data.rho_r.values[0], truth.rho_r[0], atol=ROUNDING * np.abs(truth.rho_r).max())
    np.testing.assert_allclose(data.v_r.values[0], truth.v_r[0], atol=ROUNDING * np.abs(truth.v_r).max())


@pytest.mark.parametrize(("activation", "engine"), [("linear", "propagator"), ("relu", "gram")])
def test_weights_that_do_not_fit_are_refused_with_the_engine_to_use(activation, engine):
    """Before anything of that size is made: the arrays given here share one number."""
    n, d, m = 10, 10**6, 10**4
    X, y, W, v = (np.broadcast_to(1.0, shape) for shape in ((n, d), (n,), (m, d), (m,)))
    with pytest.raises(MemoryError, match=f"would need .* GiB .*; use the {engine} engine"):
        dense.train(X, y, W, v, learning_rate=0.1, loss_factor=1.0, record_steps=np.array([0]), activation=activation)


def test_narrow_networks_end_as_explicit_weights_do():
    """Where the rounding of second moments would grow faster than the network: the propagator alone ends elsewhere."""
    sweep = {
        "problem": {"samples": 5, "dimension": 40},
        "network": {"width": {"values": [1, 2]}, "laziness": 2.0, "balance": {"values": [1, 30, 1000]}},
        "training": {"stability_fraction": {"values": [0.4, 0.7]}, "tau": 300},
        "record": {"summary": True},
        "replicates": 4,
    }
    recipe = whole(load_sweep(sweep))
    found, truth, moments = (simulate(recipe, engine=engine) for engine in (None, "dense", "propagator"))
    assert found.attrs["engine"] == "gram"
    np.testing.assert_array_equal(found.status, truth.status)
    np.testing.assert_array_equal(found.end_step, truth.end_step)
    assert (moments.status != truth.status).any()  # else nothing is shown here
    both = (truth.status == Status.converged).values
    # Explicit neurons amplify rounding where they nearly diverge: Gram and dense agreed to 2e-7 there.
    np.testing.assert_allclose(found.kernel_change[both], truth.kernel_change[both], rtol=1e-5)
