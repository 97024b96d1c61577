"""Starts other than the paper's: exact properties of each, and trajectories against explicit weights."""

from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

import lazyrich
from lazyrich.networks import activations, observables
from lazyrich.networks.starts import BOUND
from lazyrich.shards.replay import realise, replay

# As in test_replay: two exact ways in float64, 60 steps and sums of some 100 terms.
ROUNDING = 1e-12
LAWS = [
    ("gaussian", "drawn"),
    ("positive", "drawn"),
    ("signs", "doubled"),
    ("gaussian", "doubled"),
    ("signs", "balanced_neurons"),
    ("positive", "balanced_neurons"),
    ("signs", "unit_rows"),
    ("gaussian", "unit_rows"),
]
OWN = """
import torch

def bent(x):
    return torch.sin(x) + 0.3 * x**2
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "phi.py"
    path.write_text(OWN)
    return f"{path}:bent"


def run(
    second_layer="signs", start="drawn", *, problem=None, record=None, training=None, seed=0, replicates=1, **network
):
    network = {"width": 8, "laziness": 0.1, "probes": {"count": 6, "keep": True}, **network}
    return lazyrich.run(
        {
            "problem": {"samples": 5, "dimension": 9, "noise_std": 0.3, **(problem or {})},
            "network": {"second_layer": second_layer, "start": start}
            | {key: value for key, value in network.items() if value is not None},
            "training": {
                key: value
                for key, value in {"stability_fraction": 0.2, "steps": 60, **(training or {})}.items()
                if value is not None
            },
            "record": record or {"points": 9},
            "seed": seed,
            "replicates": replicates,
        },
        device="cpu",
    )


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
@pytest.mark.parametrize(("second_layer", "start"), LAWS)
def test_trajectories_are_those_of_explicit_weights(second_layer, start, activation):
    """n below and above d; every observable at every record, of held-out samples, too, where there can be some."""
    # What wants targets of 1 and −1 is of other data.
    kept = [name for name, observable in observables.OBSERVABLES.items() if not observable.signs]
    names = [name for name in kept if activation == "linear" or name != "balance_drift"]
    problem = {"dimension": {"values": [3, 40]}}
    if start in BOUND:
        names.remove("test_loss")
    else:
        problem["test_samples"] = 4
    widths = [2, 30, 10**9] if activation == "linear" and start not in BOUND else [2, 30]
    record = {"points": 9, "observables": names}
    data = run(second_layer, start, problem=problem, record=record, activation=activation, width={"values": widths})
    assert (data.status < 3).all()
    for network in range(data.sizes["network"]):
        found = replay(data, network)
        assert found.agrees, [(one.name, one.relative.max()) for one in found.compared if not one.fits.all()]
        assert {"loss", "rho_r", "v_r"} <= {one.name for one in found.compared}
        for one in found.compared:
            # Explicit weights lose `balance_drift` in a difference of squares, some b/D larger than it.
            if one.name != "balance_drift":
                size = np.maximum(one.size, 1.0) if one.name in ("target_overlap", "alignment") else one.size
                assert (one.difference <= ROUNDING * size).all(), (network, one.name, one.relative)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
@pytest.mark.parametrize(("second_layer", "start"), LAWS)
def test_neurons_take_the_steps_that_are_written_here(second_layer, start, activation):
    """Plain numpy from the start that `realise` returns; every neuron is the network's own."""
    phi, slope = {
        "linear": (lambda p: p, np.ones_like),
        "relu": (lambda p: np.maximum(p, 0), lambda p: (p > 0).astype(float)),
        "tanh": (np.tanh, lambda p: 1 / np.cosh(p) ** 2),
    }[activation]
    record = {"every": 10, "observables": ["loss", "target_overlap"]}
    data = run(second_layer, start, activation=activation, record=record, width=6)
    one = realise(data, 0)
    W, v, m, n = one.W.copy(), one.v.copy(), len(one.v), len(one.y)
    assert m == 6
    for t in range(61):
        f = phi(one.X @ W.T) @ v / m
        if t % 10 == 0:
            row = data.isel(network=0, record=t // 10)
            scale = float(data.loss[0].max())
            assert abs(np.sum((f - one.y) ** 2) / (2 * n) - float(row.loss)) <= ROUNDING * scale
            np.testing.assert_allclose(row.v_r, v, rtol=1e-6, atol=1e-7 * np.abs(v).max())  # float32 would do as well
        s = one.learning_rate / (m * n) * (one.y - f)
        p = one.X @ W.T
        W, v = W + (slope(p) * s[:, None] * v).T @ one.X, v + phi(p).T @ s


@settings(max_examples=60, deadline=None)
@given(
    half=st.integers(1, 40),
    samples=st.integers(1, 9),
    dimension=st.integers(1, 12),
    probes=st.integers(1, 9),
    activation=st.sampled_from([*activations.NAMES, "own"]),
    second_layer=st.sampled_from(["signs", "gaussian"]),
    seed=st.integers(0, 10**6),
)
@example(half=11, samples=101, dimension=100, probes=1, activation="relu", second_layer="gaussian", seed=0)
@example(half=501, samples=101, dimension=13, probes=1, activation="tanh", second_layer="signs", seed=1)
def test_a_doubled_start_has_no_output_at_all(own, half, samples, dimension, probes, activation, second_layer, seed):
    """Not one of rounding: the loss at the start is that of f = 0 to the last bit, for every φ."""
    data = run(
        second_layer,
        "doubled",
        problem={"samples": samples, "dimension": dimension},
        record={"points": 2, "observables": ["target_overlap", "loss"]},
        training={"steps": 1},
        seed=seed,
        width=2 * half,
        activation=own if activation == "own" else activation,
        probes={"count": probes, "keep": True},
        **({"sigma_0": 0.7, "v_0": 1.3, "laziness": None}),
    )
    assert (data.target_overlap[:, 0] == 0).all()
    v = data.v_r[0, 0].values
    whole = len(v) // 2 * 2
    np.testing.assert_array_equal(v[0:whole:2], -v[1:whole:2])


def test_a_doubled_start_of_10_to_the_12_neurons_has_no_output_either():
    data = run("signs", "doubled", width=10**12, laziness=3.0)
    assert data.target_overlap[0, 0] == 0 and data.loss_end < data.loss_start


@pytest.mark.parametrize(
    ("activation", "width"), [("linear", 30), ("linear", 10), ("linear", 10**9), ("relu", 8), ("tanh", 8)]
)
def test_a_doubled_start_has_no_output_on_test_samples(activation, width):
    """Both neurons of a pair see the same there, too: the loss at the start is that of f = 0, whatever the scale."""
    record = {"points": 3, "observables": ["test_loss"]}
    data = run(
        "gaussian",
        "doubled",
        problem={"test_samples": 9},
        record=record,
        activation=activation,
        width=width,
        laziness={"values": [1e-9, 3.0]},
    )
    small, large = data.test_loss[:, 0].values
    np.testing.assert_allclose(large, small, rtol=1e-13)
    assert data.test_loss[1, -1] != data.test_loss[1, 0]


@pytest.mark.parametrize(
    ("second_layer", "start", "activation", "width"),
    [
        ("gaussian", "drawn", "linear", 20),
        ("signs", "doubled", "linear", 20),
        ("signs", "doubled", "linear", 4),
        ("signs", "doubled", "relu", 4),
    ],
)
def test_test_losses_have_the_law_of_sampled_networks(second_layer, start, activation, width):
    """Weights and inputs in all d dimensions, trained in plain numpy; each of five quantities at 1e-3 / 5."""
    networks, n, rows, d, steps, eta = 3000, 3, 4, 8, 12, 0.04
    phi = (lambda p: p) if activation == "linear" else (lambda p: np.maximum(p, 0))
    slope = np.ones_like if activation == "linear" else (lambda p: (p > 0).astype(float))
    rng = np.random.default_rng(7)
    X, X_test = rng.standard_normal((networks, n, d)), rng.standard_normal((networks, rows, d))
    beta = rng.standard_normal((networks, d))
    y, y_test = np.einsum("ijk,ik->ij", X, beta), np.einsum("ijk,ik->ij", X_test, beta)
    half = width // 2 if start == "doubled" else width
    W = 0.6 * rng.standard_normal((networks, half, d))
    v = 0.8 * (
        rng.standard_normal((networks, half))
        if second_layer == "gaussian"
        else rng.choice([-1.0, 1.0], (networks, half))
    )
    if start == "doubled":
        W, v = np.concatenate([W, W], axis=1), np.concatenate([v, -v], axis=1)

    def outputs(X):
        p = np.einsum("ijk,irk->ijr", X, W)
        return p, np.einsum("ijr,ir->ij", phi(p), v) / width

    def losses():
        return [np.mean((outputs(x)[1] - t) ** 2, axis=1) / 2 for x, t in ((X_test, y_test), (X, y))]

    truth = losses()
    for _ in range(steps):
        p, f = outputs(X)
        s = eta * (y - f) / (width * n)
        W = W + np.einsum("ij,ijr,ir,ijk->irk", s, slope(p), v, X)
        v = v + np.einsum("ij,ijr->ir", s, phi(p))
    truth += losses()
    data = run(
        second_layer,
        start,
        problem={"samples": n, "test_samples": rows, "dimension": d, "noise_std": 0},
        record={"points": 2, "observables": ["test_loss", "loss"]},
        training={"stability_fraction": None, "learning_rate": eta, "steps": steps},
        replicates=networks,
        activation=activation,
        width=width,
        laziness=None,
        sigma_0=0.6,
        v_0=0.8,
        probes=1,
    )
    found = [data[name][:, record].values for record in (0, 1) for name in ("test_loss", "loss")]
    truth.append(truth[2] / truth[0])
    found.append(found[2] / found[0])
    for a, b in zip(truth, found, strict=True):
        assert stats.ks_2samp(a, b).pvalue > 1e-3 / 5


def test_the_output_of_a_linear_network_does_not_know_whether_its_second_layer_is_positive():
    """z_r → −z_r changes no second moment: the same bits in law, and the same neurons but for their sign."""
    signs, positive = (
        run(law, width={"values": [3, 10**9]}, record={"points": 9, "observables": ["loss", "ntk_norm"]}, replicates=2)
        for law in ("signs", "positive")
    )
    wide = np.flatnonzero(signs.width.values > 5)
    np.testing.assert_array_equal(positive.loss[wide], signs.loss[wide])
    np.testing.assert_array_equal(positive.ntk_norm[wide], signs.ntk_norm[wide])
    np.testing.assert_allclose(positive.loss, signs.loss, rtol=ROUNDING)
    np.testing.assert_allclose(np.abs(positive.v_r), np.abs(signs.v_r), rtol=1e-6)
    assert (positive.v_r[:, 0].fillna(1) > 0).all()
    assert (signs.v_r[:, 0] < 0).any()


@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize("scales", [{"sigma_0": 0.7}, {"laziness": 0.1}, {"width_exponent_s": 0.25}])
def test_balanced_neurons_are_balanced(scales, activation):
    """n above d, so that X sees all of w_r: |v_r| = ‖w_r‖, one by one; v0 is σ0√d in every family of scales."""
    network = {"laziness": None, **scales, "activation": activation, "width": 16, "probes": 16}
    data = run("signs", "balanced_neurons", problem={"samples": 7, "dimension": 4}, **network)
    one = realise(data, 0)
    np.testing.assert_allclose(np.abs(one.v), np.linalg.norm(one.W, axis=1), rtol=1e-13)
    assert (one.v > 0).any() and (one.v < 0).any()
    np.testing.assert_allclose(data.v_0, 2 * data.sigma_0, rtol=1e-14)
    np.testing.assert_allclose(data.v_rms[0], np.sqrt(np.mean(one.v**2)), rtol=1e-13)
    if "laziness" in scales:
        np.testing.assert_allclose(data.laziness, 0.1, rtol=1e-13)
    elif "sigma_0" in scales:
        assert data.sigma_0 == 0.7
    else:
        np.testing.assert_allclose(data.sigma_0, 0.5, rtol=1e-14)  # 16^−¼


@pytest.mark.parametrize("second_layer", ["signs", "gaussian", "positive"])
def test_unit_rows_have_one_norm(second_layer):
    data = run(second_layer, "unit_rows", problem={"samples": 9, "dimension": 4}, sigma_0=0.3, v_0=0.2, laziness=None)
    one = realise(data, 0)
    np.testing.assert_allclose(np.linalg.norm(one.W, axis=1), 0.3 * 2, rtol=1e-13)
    # Of d = 40 dimensions 5 samples see a part.
    part = realise(run(second_layer, "unit_rows", problem={"dimension": 40}, sigma_0=0.3, v_0=0.2, laziness=None), 0)
    assert (np.linalg.norm(part.W, axis=1) < 0.3 * np.sqrt(40)).all()


def test_starts_side_by_side_are_those_of_sweeps_of_their_own():
    """Laws as axes share the streams of data: each network is the one that it is alone."""
    laws = {"values": ["signs", "positive"]}, {"values": ["drawn", "balanced_neurons", "unit_rows"]}
    record = {"points": 3, "observables": ["loss"]}
    together = run(*laws, width={"values": [4, 40]}, record=record)
    table = {}
    for i in range(together.sizes["network"]):
        row = together.isel(network=i)
        table[row.second_layer.item(), row.start.item(), row.width.item()] = row.loss.values
    assert len(table) == 12
    for second_layer, start, width in product(laws[0]["values"], laws[1]["values"], [4, 40]):
        alone = run(second_layer, start, width=width, record=record)
        np.testing.assert_allclose(alone.loss[0], table[second_layer, start, width], rtol=ROUNDING)


def weights_of_a_file(folder, scale=1.0, name="data.npz", width=12):
    rng = np.random.default_rng(4)
    arrays = {"X": rng.standard_normal((6, 9)), "y": rng.standard_normal(6)}
    arrays |= {"X_test": rng.standard_normal((7, 9)), "y_test": rng.standard_normal(7)}
    arrays |= {"W": scale * rng.standard_normal((width, 9)), "v": scale * rng.standard_normal(width)}
    np.savez(folder / name, **arrays)
    return {"source": "file", "path": str(folder / name), "test_samples": 7}


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
@pytest.mark.parametrize("width", [4, 12])
def test_scaled_weights_of_a_file_are_those_of_a_scaled_file(tmp_path, activation, width):
    """An axis of scales; in test losses, too; laziness follows with the square."""
    scales = [0.1, 1.0, 3.0]
    common = {
        "training": {"learning_rate": 0.05, "steps": 40},
        "record": {"points": 9, "observables": ["loss", "test_loss", "ntk_change", "weight_change", "rho"]},
    }
    problem = weights_of_a_file(tmp_path, width=width)
    network = {"activation": activation, "weight_scale": {"values": scales}}
    data = lazyrich.run({"problem": problem, "network": network, **common}, device="cpu")
    np.testing.assert_array_equal(data.weight_scale, scales)
    for i, scale in enumerate(scales):
        problem = weights_of_a_file(tmp_path, scale, f"{i}.npz", width)
        alone = lazyrich.run({"problem": problem, "network": {"activation": activation}, **common}, device="cpu")
        for name in ("loss", "test_loss", "ntk_change", "weight_change", "rho", "laziness", "sharpness_start"):
            a, b = data[name][i].values, alone[name][0].values
            np.testing.assert_allclose(a, b, rtol=1e-12 if a.dtype == np.float64 else 1e-6, err_msg=name)
        assert replay(data, i).agrees
    np.testing.assert_allclose(data.laziness / data.laziness[1], np.square(scales), rtol=1e-13)
