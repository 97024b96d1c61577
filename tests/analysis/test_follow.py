"""Networks followed step by step: the engine's own records again, neuron by neuron, and explicit weights."""

import numpy as np
import pytest

import lazyrich
from lazyrich.analysis.follow import follow
from tests.shared import ALWAYS

# Both sides multiply by some 100 boosts, in another order: 1e-16 a step, times the condition of K and of the growth, both of
# which are 10² at most here.
ROUNDING = 1e-12
PROBES = 6
SWEEP = {
    "problem": {"samples": 5, "dimension": {"values": [3, 40]}, "noise_std": 0.3},
    "network": {
        "width": {"values": [1, 4, 6, 50, 10**9]},
        "laziness": {"values": [0.01, 2.0]},
        "balance": 0.5,
        "probes": {"count": PROBES, "keep": True},
    },
    "training": {"stability_fraction": 0.2, "steps": 100, "loss": {"values": ["mse", "half_mse"]}},
    "record": {"points": 9, "observables": [name for name in ALWAYS if name != "test_loss"]},
    "replicates": 2,
}


@pytest.fixture(scope="module")
def run():
    return lazyrich.run(SWEEP)


@pytest.fixture(scope="module")
def retrained(run):
    """(followed, its snapshots at the records, its row) of every network."""
    result = []
    for network in range(run.sizes["network"]):
        one = follow(run, network)
        result.append((one, list(one.snapshots(map(int, run.step.values[network]))), run.isel(network=network)))
    return result


def relative(a, b):
    """‖a − b‖/‖b‖."""
    return np.linalg.norm(a - b) / np.linalg.norm(b)


FORMULAS = {
    "target_overlap": lambda one, now, row: one.targets @ one.output(now) / float(row.y_norm) ** 2,
    "loss": lambda one, now, row: (
        row.loss_factor / (2 * row.samples) * np.sum((one.output(now) - one.targets) ** 2) + row.loss_floor
    ),
    "ntk_norm": lambda one, now, row: np.linalg.norm(one.kernel(now)),
    "ntk_change": lambda one, now, row: relative(one.kernel(now), one.kernel(one.start)),
    "ntk_target_error": lambda one, now, row: relative(one.kernel(now), one.aligned_kernel(now.v_square)),
    "ntk_end_error": lambda one, now, row: relative(one.kernel(now), one.end_kernel()),
    "rho": lambda one, now, row: np.mean(np.abs(one.rho(now))),
    "v": lambda one, now, row: np.mean(np.abs(now.neurons[:, 0])),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_followed_networks_have_the_records_of_the_engine(retrained, name):
    """n below and above d; widths at which every neuron is a probe and at which none but a few are."""
    for one, snapshots, row in retrained:
        found = np.array([FORMULAS[name](one, now, row) for now in snapshots], dtype=float)
        expected = row[name].values
        assert np.isfinite(expected).all()
        # Distances between kernels are relative to the kernel, whose rounding is theirs.
        scale = 1.0 if name.endswith(("change", "error")) else np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING * scale)


def test_followed_neurons_are_the_probes_of_the_engine(retrained):
    for one, snapshots, row in retrained:
        kept = min(PROBES, int(row.width))
        assert len(one.start.neurons) == kept
        for values, name in ((one.rho, "rho_r"), (lambda now: now.neurons[:, 0], "v_r")):
            found = np.array([values(now) for now in snapshots])
            expected = row[name].values[:, :kept]
            np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING * np.abs(expected).max())


def test_moments_are_those_of_all_neurons_where_all_are_explicit(retrained):
    """And so is what follows from neurons one by one: `alignment`, and the movement of the first layer by Pythagoras."""
    narrow = [case for case in retrained if case[2].width <= PROBES]
    assert len(narrow) == 2 * 3 * 2 * 2 * 2  # dimensions, widths, lazinesses, losses, replicates
    for one, snapshots, row in narrow:
        for now, alignment in zip(snapshots, row["alignment"].values, strict=True):
            moments = now.neurons.T @ now.neurons / len(now.neurons)
            np.testing.assert_allclose(now.moments, moments, rtol=0, atol=ROUNDING * np.abs(moments).max())
            rho = one.rho(now)
            rms = np.sqrt(np.mean(rho**2) / (float(row.gamma) * now.v_square))
            np.testing.assert_allclose(rms, alignment, rtol=0, atol=10 * ROUNDING)
            moved = now.neurons[:, 1:] - one.start.neurons[:, 1:]
            parts = one.off_target(now) ** 2 + rho**2 / one.gamma
            np.testing.assert_allclose(parts, np.sum(moved**2, axis=1), rtol=ROUNDING, atol=1e-28)


@pytest.mark.parametrize("missing", [0, 2], ids=["rank r inputs", "more samples than the rank"])
def test_neurons_move_as_explicit_weights_do(run, missing):
    """Plain gradient descent on W and v, with inputs of the same K and weights of the same projections, turned at random."""
    rng = np.random.default_rng(0)
    narrow = np.flatnonzero((run.width.values <= PROBES) & (run.laziness.values < 1))
    assert len(narrow)
    for network in narrow:
        one, row = follow(run, network), run.isel(network=network)
        r, n, d, m = len(one.targets), len(one.targets) + missing, 9, int(row.width)
        U, V = (np.linalg.qr(rng.standard_normal((size, r)))[0] for size in (n, d))
        X, y = U * np.sqrt(one.eigenvalues) @ V.T, U @ one.targets
        v, W = one.start.neurons[:, 0].copy(), one.start.neurons[:, 1:] @ V.T
        W = W + rng.standard_normal((m, d)) @ (np.eye(d) - V @ V.T)  # what inputs do not see
        W_0, Xy = W.copy(), X.T @ y
        rate = float(row.loss_factor * row.learning_rate / (m * row.samples))
        for now in one.snapshots(range(1, 61)):
            f = X @ W.T @ v / m
            W, v = W + rate * np.outer(v, X.T @ (y - f)), v + rate * W @ X.T @ (y - f)
            f = X @ W.T @ v / m
            rho = (W - W_0) @ Xy
            off = np.linalg.norm(W - W_0 - np.outer(rho, Xy) / (Xy @ Xy), axis=1)
            kernel = (np.mean(v**2) * X @ X.T + X @ W.T @ W @ X.T / m) / m
            target = np.mean(v**2) / m * (X @ X.T + np.outer(X @ Xy, X @ Xy) / (Xy @ Xy))
            largest = np.linalg.norm(W - W_0)
            np.testing.assert_allclose(one.rho(now), rho, rtol=0, atol=ROUNDING * np.abs(rho).max())
            np.testing.assert_allclose(one.off_target(now), off, rtol=0, atol=ROUNDING * largest)
            np.testing.assert_allclose(U @ one.output(now), f, rtol=0, atol=ROUNDING * np.linalg.norm(y))
            assert relative(U @ one.kernel(now) @ U.T, kernel) < ROUNDING
            assert relative(U @ one.aligned_kernel(now.v_square) @ U.T, target) < ROUNDING


def test_a_target_along_one_mode_leaves_nothing_beside_it(run):
    """n = 1: neurons move along Xᵀy and nowhere else; and the records above had networks that do move elsewhere."""
    alone = lazyrich.run({**SWEEP, "problem": {"samples": 1, "dimension": 40}})
    for network in range(alone.sizes["network"]):
        one = follow(alone, network)
        (end,) = one.snapshots([100])
        assert one.off_target(end).max() <= ROUNDING * np.abs(end.neurons).max()
    one = follow(run, 0)
    (end,) = one.snapshots([100])
    assert one.off_target(end).max() > 1e-3 * np.abs(end.neurons).max()


def test_snapshots_are_those_of_one_run(run):
    """A step is the same whatever was asked for before it; the start is a snapshot, too."""
    one = follow(run, 3)
    few, many = list(one.snapshots([0, 5, 5, 20])), list(one.snapshots(range(21)))
    assert [now.step for now in few] == [0, 5, 5, 20]
    np.testing.assert_array_equal(few[0].neurons, one.start.neurons)
    for now in few:
        np.testing.assert_array_equal(now.moments, many[now.step].moments)
        np.testing.assert_array_equal(now.neurons, many[now.step].neurons)


def test_the_end_kernel_is_where_small_steps_lead():
    """From this network's own start: wide, so that it begins without an output to unlearn; h = 0.002 errs by about as much."""
    small = lazyrich.run(
        {
            "problem": {"samples": 4, "dimension": 10, "noise_std": 0.5},
            "network": {"width": 10**14, "laziness": {"values": [0.1, 1.0]}},
            "training": {"stability_fraction": 0.002, "tau": 40},
            "record": {"points": 2},
        }
    )
    for network in range(2):
        one = follow(small, network)
        *_, end = one.snapshots([int(small.steps[network])])
        assert relative(one.end_kernel(), one.kernel(end)) < 0.01 < relative(one.kernel(one.start), one.kernel(end))


def test_what_is_not_linear_or_has_a_file_s_data_is_refused(tmp_path):
    few = {**SWEEP, "record": {"points": 2}}
    mixed = {"activation": {"values": ["linear", "relu"]}, "width": 4, "laziness": 0.1}
    both = lazyrich.run({**few, "network": mixed})
    for network, activation in enumerate(both.activation.values):
        if activation == "linear":
            assert follow(both, network).width == 4
        else:
            with pytest.raises(ValueError, match="not linear"):
                follow(both, network)
    narrow = {"width": 4, "laziness": 0.1, "probes": {"count": 3}}  # the Gram engine has all of its neurons explicit
    with pytest.raises(ValueError, match="Gram engine drew"):
        follow(lazyrich.run({**few, "network": narrow}), 0)
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", X=rng.standard_normal((4, 9)), y=rng.standard_normal(4))
    file = {"source": "file", "path": str(tmp_path / "data.npz")}
    of_file = lazyrich.run({**few, "problem": file, "network": {"width": 4, "sigma_0": 0.1, "v_0": 0.1}})
    with pytest.raises(ValueError, match="from a file"):
        follow(of_file, 0)


def test_networks_that_are_all_not_linear_are_refused():
    """The activation is one of the recipe then, and no column of the data."""
    relu = {"activation": "relu", "width": 4, "laziness": 0.1}
    with pytest.raises(ValueError, match="not linear"):
        follow(lazyrich.run({**SWEEP, "record": {"points": 2}, "network": relu}), 0)


def test_networks_that_the_gram_engine_drew_are_refused():
    """It draws every neuron one by one, and so another start from the same streams."""
    one_width = {**SWEEP["network"], "width": 50}
    explicit = lazyrich.run({**SWEEP, "network": one_width}, engine="gram", device="cpu")
    with pytest.raises(ValueError, match="Gram engine drew"):
        follow(explicit, 0)
