"""The Gram engine against explicit weights trained by autograd, for any activation and shape."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lazyrich
from lazyrich.engines import dense, gram, pieces, propagator
from lazyrich.networks import activations, observables
from lazyrich.networks.losses import LOSSES
from tests.engines.common import assert_same, batch
from tests.shared import ALWAYS

# As in test_exactness: rounding of up to 30 steps, relative to the scale of each quantity.
ROUNDING = 1e-12
OWN = """
import torch
from torch.nn.functional import softplus

def cube(x):
    return 0.1 * x**3 + 0.5 * x
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "phi.py"
    path.write_text(OWN)
    return path


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 7),
    d=st.integers(1, 9),
    m=st.integers(1, 12),
    rank=st.integers(1, 9),
    activation=st.sampled_from([*activations.NAMES, "cube", "softplus"]),
    loss=st.sampled_from([name for name, each in LOSSES.items() if each.square]),
)
def test_every_observable_equals_explicit_weights(tmp_path_factory, own, seed, n, d, m, rank, activation, loss):
    """Random shapes, n > d and rank-deficient X included, where a network that is not linear fits more than range(X)."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, min(rank, d))) @ rng.standard_normal((min(rank, d), d)) / np.sqrt(d)
    y = rng.standard_normal(n) + X @ rng.standard_normal(d)
    W, v = 0.7 * rng.standard_normal((m, d)), 0.5 * rng.standard_normal(m)
    path = tmp_path_factory.mktemp("data") / "data.npz"
    X_test, y_test = rng.standard_normal((5, d)), rng.standard_normal(5)
    np.savez(path, X=X, y=y, W=W, v=v, X_test=X_test, y_test=y_test)
    name = activation if activation in activations.NAMES else f"{own}:{activation}"
    names = [name for name in ALWAYS if activation == "linear" or name != "balance_drift"]
    data = lazyrich.run(
        {
            "problem": {"source": "file", "path": str(path), "test_samples": 5},
            "network": {"activation": name, "probes": {"count": m, "keep": True}},
            "training": {"stability_fraction": 0.2, "steps": 25, "loss": loss},
            "record": {"every": 1, "observables": names},
        },
        engine="gram",
    )
    truth = dense.train(
        X,
        y,
        W,
        v,
        learning_rate=data.learning_rate.item(),
        loss_factor=data.loss_factor.item(),
        record_steps=np.arange(26),
        activation=name,
        keep_probes=m,
        test=(X_test, y_test),
    )
    for name in names:
        expected = truth.observables[0, :, observables.NAMES.index(name)]
        scale = expected[0] if name == "loss" else max(1.0, np.nanmax(np.abs(expected)))
        np.testing.assert_allclose(data[name].values[0], expected, rtol=0, atol=ROUNDING * scale, err_msg=name)
    for name in ("onset_step", "end_step", "status", "period"):
        assert data[name].fillna(-1).item() == getattr(truth, name)[0], name
    for name in ("loss_max", "sharpness_start", "sharpness_end", "b_rms"):
        np.testing.assert_allclose(data[name].item(), getattr(truth, name)[0], rtol=ROUNDING, err_msg=name)
    np.testing.assert_allclose(data.rho_r.values[0], truth.rho_r[0], atol=ROUNDING * max(1, np.abs(truth.rho_r).max()))
    np.testing.assert_allclose(data.v_r.values[0], truth.v_r[0], atol=ROUNDING * np.abs(truth.v_r).max())


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_networks_drawn_in_law_are_those_of_explicit_weights(activation):
    """Several widths, activations and lengths in one sweep; the same draws, trained by autograd."""
    sweep = {
        "problem": {"samples": 4, "dimension": {"values": [3, 50]}, "noise_std": 0.1},
        "network": {"width": {"values": [3, 70]}, "activation": {"values": ["linear", activation]}, "laziness": 0.3},
        "training": {"stability_fraction": 0.3, "steps": {"values": [7, 40]}},
        "record": {"points": 8},
        "replicates": 2,
    }
    run, truth = lazyrich.run(sweep), lazyrich.run(sweep, engine="dense")
    assert run.attrs["engine"] == "gram, propagator"
    assert truth.attrs["engine"] == "dense"
    of_few = (run.width.values <= 64) | (run.activation.values == activation)
    for name in observables.DEFAULT:
        rows = of_few if name in ("rho", "v", "rho_over_v") else slice(None)  # of many linear neurons, some are probes
        a, b = run[name].values[rows], truth[name].values[rows]
        assert (np.abs(a - b) <= ROUNDING * np.abs(b).max(axis=1, keepdims=True)).all(), name
    np.testing.assert_array_equal(run.status, truth.status)


def test_linear_networks_are_those_of_the_propagator():
    # Test samples of explicit neurons are those of the Gram engine alone.
    names = tuple(name for name in ALWAYS if name != "test_loss")
    networks, recording = batch(explicit=True, network__width=20, keep_probes=8, names=names)
    assert_same(gram.evolve(networks, recording), propagator.evolve(networks, recording), 1e-10, 1e-20)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_batch_changes_nothing_but_rounding(monkeypatch, activation):
    """Networks of other lengths come and go beside a network; on a CPU one size of batch gives one set of bits."""
    names = tuple(name for name in ALWAYS if name != "balance_drift")
    networks, recording = batch(
        network__width=30, network__activation=activation, names=names, training__steps={"values": [3, 50, 70]}
    )
    first, again = gram.evolve(networks, recording), gram.evolve(networks, recording)
    for name in ("observables", "loss_end", "sharpness_end", "rho_r"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name), err_msg=name)
    monkeypatch.setattr(pieces, "CACHE_BYTES", 1)  # one network at a time
    assert_same(gram.evolve(networks, recording), first, 1e-12, 1e-20)


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu"])
def test_homogeneous_networks_know_no_unit_of_length(tmp_path, activation):
    """(X, W, v, η) → (aX, W/√a, v/√a, η/a) is the same training; with a = 4 all factors are powers of two."""
    rng = np.random.default_rng(3)
    X, y, W, v = (rng.standard_normal(shape) for shape in ((4, 9), 4, (6, 9), 6))

    def loss(path, X, W, v, eta):
        np.savez(path, X=X, y=y, W=W, v=v)
        return lazyrich.run(
            {
                "problem": {"source": "file", "path": str(path)},
                "network": {"activation": activation},
                "training": {"learning_rate": eta, "steps": 50},
            }
        ).loss.values

    a = loss(tmp_path / "a.npz", X, W, v, 0.2)
    b = loss(tmp_path / "b.npz", 4 * X, W / 2, v / 2, 0.05)
    assert a[0, -1] < 0.5 * a[0, 0]
    np.testing.assert_allclose(a, b, rtol=1e-12)  # rounding of decompositions that see other numbers


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 6),
    d=st.integers(1, 8),
    m=st.integers(1, 7),
    activation=st.sampled_from(activations.NAMES),
)
def test_permuting_neurons_and_rotating_inputs_changes_nothing(tmp_path_factory, seed, n, d, m, activation):
    rng = np.random.default_rng(seed)
    X, y, W, v = (rng.standard_normal(shape) for shape in ((n, d), n, (m, d), m))
    rotation, _ = np.linalg.qr(rng.standard_normal((d, d)))
    order = rng.permutation(m)
    folder = tmp_path_factory.mktemp("data")
    np.savez(folder / "a.npz", X=X, y=y, W=W, v=v)
    np.savez(folder / "b.npz", X=X @ rotation, y=y, W=(W @ rotation)[order], v=v[order])
    a, b = (
        lazyrich.run(
            {
                "problem": {"source": "file", "path": str(folder / name)},
                "network": {"activation": activation},
                "training": {"learning_rate": 0.05, "steps": 30},
            },
            engine="gram",
        )
        for name in ("a.npz", "b.npz")
    )
    for name in ("loss", "rho", "v", "ntk_change"):
        # Rounding of the data, 1e-16 of up to 8 terms, along 30 steps.
        np.testing.assert_allclose(a[name], b[name], rtol=0, atol=1e-12 * np.abs(a[name].values).max(), err_msg=name)


def test_pairs_of_relu_neurons_start_as_linear_ones(tmp_path):
    """Neurons in pairs (w, v), (−w, −v) of a ReLU network give relu(x) − relu(−x) = x, at the start."""
    rng = np.random.default_rng(0)
    X, y, W, v = (rng.standard_normal(shape) for shape in ((4, 9), 4, (5, 9), 5))

    def run(path, activation, W, v):
        np.savez(path, X=X, y=y, W=W, v=v)
        sweep = {
            "problem": {"source": "file", "path": str(path)},
            "network": {"activation": activation},
            "training": {"learning_rate": 0.05, "steps": 1},
            "record": {"every": 1, "observables": ["target_overlap", "loss"]},
        }
        return lazyrich.run(sweep)

    paired = run(tmp_path / "a.npz", "relu", np.vstack([W, -W]), np.append(v, -v))
    linear = run(tmp_path / "b.npz", "linear", np.vstack([W, W]) / 2, np.append(v, v))
    np.testing.assert_allclose(paired.loss[0, 0], linear.loss[0, 0], rtol=1e-13)
    np.testing.assert_allclose(paired.target_overlap[0, 0], linear.target_overlap[0, 0], rtol=1e-13)


def test_a_network_too_large_for_memory_names_the_fix(monkeypatch):
    networks, recording = batch(network__width=30, network__activation="relu", names=("loss",), keep_probes=0)

    def no_memory(*arguments):
        raise MemoryError("no")

    monkeypatch.setattr(gram, "_train", no_memory)
    with pytest.raises(MemoryError, match="fewer samples or a smaller width"):
        gram.evolve(networks, recording)


def test_a_kernel_that_overflows_leaves_its_neighbours_alone(tmp_path):
    """exp of pre-activations of 1000 is infinite from the start: diverged, while smaller starts train."""
    (tmp_path / "phi.py").write_text("from torch import exp\n")
    run = lazyrich.run(
        {
            "problem": {"samples": 4, "dimension": 10**6, "target_norm": 1.0},
            "network": {
                "width": 16,
                "activation": f"{tmp_path}/phi.py:exp",
                "sigma_0": {"values": [1e-3, 1.0]},
                "v_0": 0.1,
            },
            "training": {"learning_rate": 1e-8, "steps": 9},
        }
    )
    assert run.status.values[1] == 2
    assert np.isnan(run.loss.values[1]).all()
    assert np.isfinite(run.loss.values[0]).all()


def test_a_diverging_network_stops_and_leaves_its_neighbours_alone():
    networks, recording = batch(
        network={"width": 40, "activation": "relu", "laziness": 1.0},
        training={"stability_fraction": {"values": [0.2, 30.0]}, "steps": 60},
        names=("loss",),
        keep_probes=0,
    )
    result = gram.evolve(networks, recording)
    fast = networks.stability_fraction > 1
    assert (result.status[fast] == 2).all()
    assert np.isnan(result.observables[fast, -1, 0]).all()
    assert np.isfinite(result.observables[~fast, :, 0]).all()
    alone = gram.evolve(networks.part(np.flatnonzero(~fast)), recording.part(np.flatnonzero(~fast)))
    np.testing.assert_allclose(result.observables[~fast, :, 0], alone.observables[:, :, 0], rtol=1e-12)
