"""Targets with Xᵀy = 0, as XOR and parities have them: networks that are not linear train, without k, h and χ."""

import numpy as np
import pytest

import lazyrich
from lazyrich.engines.trajectories import Status
from lazyrich.networks.batch import Reason
from lazyrich.networks.problem import problems

CORNERS = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1.0]])
XOR = CORNERS[:, 0] * CORNERS[:, 1]
BIASED = np.column_stack([CORNERS, np.ones(4)])  # tanh networks without a bias are odd, and XOR is even
NARROW = {"width": 3, "sigma_0": 1, "v_0": 1}
TRAINING = {"learning_rate": 8, "steps": 80}
UNDEFINED = (
    "growth_per_step",
    "stability_fraction",
    "laziness",
    "tau",
    "alignment",
    "ntk_target_error",
    "ntk_end_error",
)


def sweep_of(path, X=BIASED, y=XOR, network=None, training=TRAINING, activation="tanh", **problem):
    np.savez(path, X=X, y=y)
    return {
        "problem": {"source": "file", "path": str(path), **problem},
        "network": {
            "activation": activation,
            **({"width": 12, "sigma_0": 1, "v_0": 1} if network is None else network),
        },
        "training": training,
        "record": {"points": 5},
    }


def test_tanh_networks_learn_xor(tmp_path):
    sweep = sweep_of(tmp_path / "data.npz")
    run, dense = lazyrich.run(sweep), lazyrich.run(sweep, engine="dense")
    assert run.status.item() == Status.converged
    assert run.loss_end.item() < 1e-3 * run.loss_start.item()
    np.testing.assert_allclose(run["loss"], dense["loss"], rtol=1e-9, atol=1e-16)
    np.testing.assert_allclose(run["ntk_change"], dense["ntk_change"], rtol=1e-7)
    for each in (run, dense):
        for name in UNDEFINED:
            assert np.isnan(each[name].values).all(), name
        assert each.gamma.item() == 0 and each.b.item() == 0 and each.y_norm.item() == 2


def test_training_is_that_of_explicit_weights(tmp_path):
    rng = np.random.default_rng(0)
    W, v = rng.standard_normal((7, 3)), rng.standard_normal(7)
    path = tmp_path / "data.npz"
    sweep = sweep_of(path, network={})
    np.savez(path, X=BIASED, y=XOR, W=W, v=v)
    found = lazyrich.run(sweep)
    for step in range(81):
        p = BIASED @ W.T
        r = XOR - np.tanh(p) @ v / 7
        if step % 20 == 0:
            assert found["loss"].values[0, step // 20] == pytest.approx(r @ r / 8, rel=1e-8)
        s = 8 / 7 / 4 * r
        W, v = W + ((1 - np.tanh(p) ** 2) * v * s[:, None]).T @ BIASED, v + s @ np.tanh(p)


@pytest.mark.parametrize("scale", [1e-20, 1.0, 3e7])
def test_rounding_is_no_signal(tmp_path, scale):
    """A parity of three bits in rotated axes: Xᵀy is rounding, and of that k, h and χ would be."""
    bits = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    X, y = bits @ rotation * 0.1 * scale, bits.prod(axis=1) * 0.3
    assert 0 < np.linalg.norm(X.T @ y) < 1e-14 * scale
    path = tmp_path / "data.npz"
    np.savez(path, X=X, y=y)
    columns = {"source": np.array(["file"]), "path": np.array([str(path)]), "replicate": np.zeros(1, dtype=int)}
    problem, _ = problems(columns, {}, 0)
    assert (problem.gamma, problem.b, problem.gamma_2) == (0, 0, 0)
    assert problem.floor == pytest.approx(y @ y, rel=1e-14)


def test_a_signal_just_above_rounding_is_one(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, X=CORNERS, y=XOR + 1e-13 * CORNERS[:, 0])
    columns = {"source": np.array(["file"]), "path": np.array([str(path)]), "replicate": np.zeros(1, dtype=int)}
    problem, _ = problems(columns, {}, 0)
    assert problem.b[0] == pytest.approx(1e-13, rel=1e-2)


@pytest.mark.parametrize(
    ("network", "training", "reason"),
    [
        ({"sigma_0": 1, "v_0": 1}, TRAINING, Reason.none),
        ({"sigma_0": 1, "v_0": 1}, {"stability_fraction": 0.1, "steps": 5}, Reason.no_signal),
        ({"sigma_0": 1, "v_0": 1}, {"growth_per_step": 0.1, "steps": 5}, Reason.no_signal),
        ({"sigma_0": 1, "v_0": 1}, {"learning_rate": 1, "tau": 5}, Reason.no_signal),
        ({"laziness": 1}, TRAINING, Reason.no_signal),
    ],
)
def test_drawn_samples_without_a_signal_train_if_nothing_needs_it(tmp_path, network, training, reason):
    """Which samples are drawn is known too late for an error: such networks fail alone, with the reason."""
    sweep = sweep_of(tmp_path / "data.npz", network={"width": 8, **network}, training=training, samples=4)
    run = lazyrich.run(sweep)
    assert run.reason.item() == reason
    assert (run.status.item() == Status.failed) == (reason != Reason.none)


def test_linear_networks_of_drawn_samples_without_a_signal_fail(tmp_path):
    run = lazyrich.run(sweep_of(tmp_path / "data.npz", activation="linear", samples=4, network=NARROW))
    assert run.reason.item() == Reason.no_signal


@pytest.mark.parametrize(("X", "y"), [(BIASED, 0 * XOR), (0 * BIASED, XOR)], ids=["y = 0", "X = 0"])
def test_nothing_is_learnt_of_nothing(tmp_path, X, y):
    rows = np.concatenate([X, BIASED]), np.concatenate([y, XOR])  # only the labels of all are checked
    run = lazyrich.run({**sweep_of(tmp_path / "data.npz", *rows, samples=1), "replicates": 12})
    nothing = (run.y_norm.values == 0) | (run.gram_norm.values == 0)
    assert 0 < nothing.sum() < 12
    np.testing.assert_array_equal(run.reason.values == Reason.no_signal, nothing)
