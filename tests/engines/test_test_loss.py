"""The loss of held-out samples in every engine, against explicit weights on the test inputs themselves."""

import numpy as np
import pytest

import lazyrich
from lazyrich.engines.dense import train
from lazyrich.networks.data.source import data_of
from lazyrich.shards.replay import replay

# As in test_gram: rounding of up to 60 steps, relative to the largest value of each trajectory.
ROUNDING = 1e-12
TRAINING = {"learning_rate": 0.5, "steps": 60, "loss": "mse"}
STEPS = np.round(60 * np.arange(8) / 7).astype(int)


def given(path, *, n=6, d=9, rows=8, m=10, seed=0):
    """A file of data, test data and weights, and what it holds."""
    rng = np.random.default_rng(seed)
    arrays = {
        "X": rng.standard_normal((n, d)) / np.sqrt(d),
        "y": rng.standard_normal(n),
        "X_test": rng.standard_normal((rows, d)) / np.sqrt(d),
        "y_test": rng.standard_normal(rows),
        "W": rng.standard_normal((m, d)),
        "v": rng.standard_normal(m),
    }
    np.savez(path, **arrays)
    return arrays


def recorded(path, rows, activation="linear", engine=None, **problem):
    problem = {"source": "file", "path": str(path), "test_samples": rows, **problem}
    sweep = {"problem": problem, "network": {"activation": activation}, "training": TRAINING, "record": {"points": 8}}
    return lazyrich.run(sweep, engine=engine)


def defined(arrays, rows, activation):
    """By the definition: autograd on the weights of the file."""
    return train(
        *(arrays[name] for name in ("X", "y", "W", "v")),
        learning_rate=TRAINING["learning_rate"],
        loss_factor=2.0,
        record_steps=STEPS,
        activation=activation,
        test=(arrays["X_test"][:rows], arrays["y_test"][:rows]),
    ).observables[0]


@pytest.mark.parametrize("shape", [{}, {"d": 4}, {"m": 5}, {"m": 3, "rows": 2}, {"n": 1, "rows": 40}], ids=str)
@pytest.mark.parametrize(
    ("activation", "engine"),
    [
        ("linear", "propagator"),
        ("linear", "gram"),
        ("linear", "dense"),
        ("relu", None),
        ("tanh", "gram"),
        ("relu", "dense"),
    ],
)
def test_of_given_weights_it_is_that_of_autograd_on_them(tmp_path, shape, activation, engine):
    arrays = given(tmp_path / "data.npz", **shape)
    rows = len(arrays["y_test"]) - 1  # the first of those in the file
    run = recorded(tmp_path / "data.npz", rows, activation, engine)
    truth = defined(arrays, rows, activation)
    for name, column in (("loss", 0), ("test_loss", 1)):
        found, expected = run[name].values[0], truth[:, column]
        assert (np.abs(found - expected) <= ROUNDING * expected.max()).all(), name
    # The weights' definition of the definition, once more in numpy at the start.
    p = arrays["X_test"][:rows] @ arrays["W"].T
    f = {"linear": p, "relu": np.maximum(p, 0), "tanh": np.tanh(p)}[activation] @ arrays["v"] / len(arrays["v"])
    np.testing.assert_allclose(run["test_loss"].values[0, 0], np.mean((f - arrays["y_test"][:rows]) ** 2), rtol=1e-13)


def test_weights_of_one_layer_that_are_zero_are_no_exception(tmp_path):
    arrays = given(tmp_path / "data.npz")
    for name in ("W", "v"):
        some = {**arrays, name: np.zeros_like(arrays[name])}
        np.savez(tmp_path / "zero.npz", **some)
        for engine in ("propagator", "gram"):
            found = recorded(tmp_path / "zero.npz", 8, engine=engine)["test_loss"].values[0]
            expected = defined(some, 8, "linear")[:, 1]
            assert (np.abs(found - expected) <= ROUNDING * expected.max()).all(), (name, engine)


SWEEP = {
    "problem": {"samples": 4, "dimension": 30, "noise_std": 0.2, "test_samples": 12},
    "network": {"width": {"values": [3, 5, 200]}, "laziness": {"values": [0.05, 3]}, "probes": 8},
    "training": {"stability_fraction": {"values": [0.2, 40]}, "steps": 60},
    "record": {"points": 8},
    "replicates": 2,
}


def without(sweep):
    problem = {name: value for name, value in sweep["problem"].items() if name != "test_samples"}
    return {**sweep, "problem": problem}


@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize("engine", [None, "gram"])
def test_held_out_samples_change_no_bit_of_training(activation, engine):
    """Some of these networks diverge, some end before others."""
    sweep = {**SWEEP, "network": {**SWEEP["network"], "activation": activation}}
    plain, tested = (lazyrich.run(each, engine=engine) for each in (without(sweep), sweep))
    assert set(tested) - set(plain) == {"test_loss", "test_samples"}
    assert (plain["status"] == 2).any() and (plain["status"] == 1).any()
    for name in plain.data_vars:
        np.testing.assert_array_equal(plain[name].values, tested[name].values, err_msg=name)
    # Known as long as the loss is, and with it no number.
    np.testing.assert_array_equal(np.isfinite(plain["loss"]), np.isfinite(tested["test_loss"]))


def test_a_networks_test_loss_depends_on_nothing_but_itself():
    """Whatever shares its shard: other ranks (n > d), widths, scales or replicates."""
    problem = {**SWEEP["problem"], "dimension": {"values": [2, 3, 30]}}
    whole = lazyrich.run({**SWEEP, "problem": problem, "training": {"stability_fraction": 0.2, "steps": 60}})
    for row in (0, 7, 20, 35):
        one = whole.isel(network=row)
        alone = lazyrich.run(
            {
                **SWEEP,
                "problem": {**problem, "dimension": int(one["dimension"])},
                "network": {"width": int(one["width"]), "laziness": float(one["laziness"]), "probes": 8},
                "training": {"stability_fraction": 0.2, "steps": 60},
                "replicates": int(one["replicate"]) + 1,
            },
        ).isel(network=-1)
        if one["width"] > one["samples"]:
            np.testing.assert_array_equal(one["test_loss"].values, alone["test_loss"].values)
        else:  # the Gram engine, whose bits depend on the size of its batch
            np.testing.assert_allclose(one["test_loss"].values, alone["test_loss"].values, rtol=1e-12)


DIGITS = {"source": "digits", "samples": 12, "classes": "3-8", "targets": "centred", "inputs": "scaled"}


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_on_images_engines_agree_with_explicit_weights(activation):
    sweep = {
        **SWEEP,
        "problem": {**DIGITS, "test_samples": 30},
        "network": {"width": 40, "activation": activation, "laziness": {"values": [0.1, 3]}},
        "training": {"stability_fraction": 0.2, "steps": 60},
    }
    dense = lazyrich.run(sweep, engine="dense")["test_loss"].values
    for engine in ("gram", None):
        found = lazyrich.run(sweep, engine=engine)["test_loss"].values
        # Realised weights are those of the engine: others, in law, where one has moments and the other neurons.
        if engine == "gram" and activation == "linear":
            assert not np.allclose(found, dense)
        else:
            assert (np.abs(found - dense) <= ROUNDING * dense.max(axis=1, keepdims=True)).all()


@pytest.mark.parametrize("width", [3, 5, 40, 10**9])
@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize("rows", [2, 60])
def test_replays_realise_it(width, activation, rows):
    if activation == "relu" and width > 100:
        width = 100
    run = lazyrich.run(
        {
            **SWEEP,
            "problem": {**SWEEP["problem"], "test_samples": rows},
            "network": {"width": width, "laziness": 0.3, "activation": activation, "probes": 8},
            "training": {"stability_fraction": 0.2, "steps": 60},
            "replicates": 1,
        }
    )
    found = replay(run, 0)
    assert found.agrees
    (one,) = (each for each in found.compared if each.name == "test_loss")
    assert one.relative.max() < ROUNDING
    # It can tell: another number in its place is seen.
    wrong = run.copy(deep=True)
    wrong["test_loss"][0, 5] *= 1 + 1e-9
    assert [each.name for each in replay(wrong, 0).compared if not each.fits.all()] == ["test_loss"]


def test_replays_realise_it_on_images():
    sweep = {**SWEEP, "problem": {**DIGITS, "test_samples": 30}, "network": {"width": 40, "laziness": 0.1}}
    run = lazyrich.run({**sweep, "training": {"stability_fraction": 0.2, "steps": 60}})
    found = replay(run, 1)
    assert found.agrees and "test_loss" in {each.name for each in found.compared}


# ---- which rows of data ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [None, "1-7", "0-4-9"])
@pytest.mark.parametrize("inputs", ["raw", "scaled", "standardised"])
@pytest.mark.parametrize("targets", ["labels", "centred", "one_vs_rest"])
def test_held_out_images_are_others_taken_alike(classes, inputs, targets):
    cell = {"source": "digits", "samples": 50, "inputs": inputs, "targets": targets, "test_samples": 70}
    cell |= {} if classes is None else {"classes": classes}
    data = data_of(cell, 3, 1)
    assert data.X_test.shape == (70, 64) and data.y_test.shape == (70,)
    seen = {row.tobytes() for row in data.X}
    assert not seen & {row.tobytes() for row in data.X_test}
    # Every image there is, by what it looks like.
    all_of_them = data_of({"source": "digits", "samples": 1797, "inputs": inputs}, 0, 0)
    label_of = {row.tobytes(): label for row, label in zip(all_of_them.X, all_of_them.y, strict=True)}
    labels, trained = (np.array([label_of[row.tobytes()] for row in X]) for X in (data.X_test, data.X))
    expected = {
        "labels": labels,
        "centred": labels - trained.mean(),
        "one_vs_rest": np.where(labels == float((classes or "0")[0]), 1.0, -1.0),
    }[targets]
    np.testing.assert_allclose(data.y_test, expected, rtol=1e-14)
    if classes is not None:
        np.testing.assert_array_equal(labels, np.resize([float(each) for each in classes.split("-")], 70))
    # And the same ones beside any number of others.
    fewer = data_of({**cell, "samples": 5}, 3, 1)
    np.testing.assert_array_equal(fewer.X_test, data.X_test)
