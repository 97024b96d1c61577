"""The propagator: bits that depend on nothing but the network, invariants, known thresholds, statuses as data."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

import lazyrich
from lazyrich.engines.trajectories import Status
from lazyrich.networks.batch import Reason
from lazyrich.planning.plan import plan, whole
from lazyrich.shards.concatenate import concatenate
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep
from lazyrich.system.provenance import PACKAGE
from tests.engines.common import changed
from tests.shared import ALWAYS


def data(**changes):
    base = {
        "problem": {"samples": 6, "dimension": 300, "noise_std": 0.1},
        "network": {"width": 1024},
        "training": {"steps": 300},
        "record": {"points": 16},
    }
    return changed(base, changes)


def test_bits_depend_neither_on_sharding_nor_on_threads_nor_on_neighbours(monkeypatch):
    """Ranks, numbers of samples, widths and lengths differ within the sweep, so that padding differs with the shard."""
    sweep = load_sweep(
        data(
            problem__samples={"values": [3, 6]},
            problem__dimension={"values": [2, 4, 50]},
            network__width={"values": [1, 5, 10**9]},
            network__laziness={"values": [0.01, 3.0]},
            training__stability_fraction={"values": [0.05, 0.4]},
            training__steps={"values": [40, 90]},
            replicates=2,
        )
    )
    together = simulate(whole(sweep), threads=1)
    threaded = simulate(whole(sweep), threads=3)
    monkeypatch.setattr("lazyrich.planning.plan.SHARD_NETWORKS", 5)
    shards = list(plan(sweep).values())
    assert len(shards) > 20
    apart = concatenate([simulate(shard) for shard in shards])
    for name in together.data_vars:
        parts = apart[name].values
        np.testing.assert_array_equal(together[name].values, threaded[name].values, err_msg=name)
        np.testing.assert_array_equal(together[name].values, parts, err_msg=name)


@settings(max_examples=12)
@given(data_=st.data(), threads=st.integers(1, 4))
def test_bits_are_the_same_in_any_shards_in_any_order(data_, threads):
    """Networks of different sizes, ranks and lengths, dealt to shards at random and shuffled within them."""
    sweep = load_sweep(
        data(
            problem__dimension={"values": [3, 50]},
            network__width={"values": [1, 7, 10**9]},
            network__laziness={"values": [0.01, 3.0]},
            training__stability_fraction={"values": [0.05, 0.4]},
            training__steps=40,
            replicates=2,
        )
    )
    recipe = whole(sweep)
    grid = recipe.grid
    together = simulate(recipe, threads=1)
    networks = [dict(zip(grid, ([point] for point in points), strict=True)) for points in product(*grid.values())]
    order = data_.draw(st.permutations(range(len(networks))))
    cuts = sorted(data_.draw(st.sets(st.integers(1, len(order) - 1), max_size=6)))
    for start, stop in zip([0, *cuts], [*cuts, len(order)], strict=True):
        part = order[start:stop]
        shard = simulate(replace(recipe, boxes=tuple(networks[i] for i in part)), threads=threads)
        # A shard has as many modes as its own problems; those of others are empty.
        modes = shard.sizes["mode"]
        expected = together.isel(network=part)
        assert not expected.eigenvalues[:, modes:].any() and not expected.targets[:, modes:].any()
        expected = expected.isel(mode=slice(modes))
        for name in together.data_vars:
            np.testing.assert_array_equal(shard[name].values, expected[name].values, err_msg=name)


@pytest.mark.parametrize("width", [3, 10**12])
@pytest.mark.parametrize(("samples", "dimension"), [(4, 50), (6, 3)], ids=["n < d", "n > d"])
def test_networks_drawn_in_law_follow_explicit_weights_with_the_same_moments(width, samples, dimension):
    sweep = data(
        problem__samples=samples,
        problem__dimension=dimension,
        network__width=width,
        network__laziness={"log": [1e-3, 5], "points": 4},
        training__stability_fraction={"values": [0.05, 0.5]},
        training__steps=60,
        problem__test_samples=6,
        record={"points": 16, "observables": list(ALWAYS)},
    )
    fast, truth = lazyrich.run(sweep), lazyrich.run(sweep, engine="dense")
    for name in ALWAYS:
        scale = np.abs(truth[name].values).max(axis=1, keepdims=True)
        if name == "balance_drift":  # explicit weights lose it in a difference of squares, which end at b/D = 1/(2χ)
            scale = np.maximum(scale, 1 / truth.laziness.values[:, None])
        # Rounding of 60 steps, amplified where a rich start grows by (1 + k)^t: 1e-12 of the largest value.
        assert (np.abs(fast[name].values - truth[name].values) <= 1e-12 * scale).all(), name
    np.testing.assert_array_equal(fast.status.values, truth.status.values)
    np.testing.assert_array_equal(fast.onset_step.values, truth.onset_step.values)


def test_the_balance_drifts_with_the_first_power_of_the_step():
    """v_r v_s − ⟨w_r, w_s⟩ is conserved by flow: over a fixed time descent breaks it in proportion to η."""
    sweep = data(
        network__laziness=0.5,
        training={"stability_fraction": {"values": [0.0025, 0.005, 0.01, 0.02]}, "tau": 3},
        record={"summary": True, "observables": ["balance_drift"]},
    )
    drift = lazyrich.run(sweep).balance_drift.values[:, 0]
    assert (drift > 0).all()
    # Halving the step halves the drift; what is left is of the next order, h = 0.02 relative.
    np.testing.assert_allclose(drift[1:] / drift[:-1], 2.0, rtol=0.03)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6), d=st.integers(1, 8), m=st.integers(1, 7))
def test_permuting_neurons_and_rotating_inputs_changes_nothing(tmp_path_factory, seed, n, d, m):
    rng = np.random.default_rng(seed)
    X, y, W, v = (
        rng.standard_normal((n, d)),
        rng.standard_normal(n),
        rng.standard_normal((m, d)),
        rng.standard_normal(m),
    )
    rotation, _ = np.linalg.qr(rng.standard_normal((d, d)))
    order = rng.permutation(m)
    folder = tmp_path_factory.mktemp("data")
    np.savez(folder / "a.npz", X=X, y=y, W=W, v=v)
    np.savez(folder / "b.npz", X=X @ rotation, y=y, W=(W @ rotation)[order], v=v[order])
    runs = [
        lazyrich.run(
            {
                "problem": {"source": "file", "path": str(folder / name)},
                "training": {"stability_fraction": 0.3, "steps": 30},
            }
        )
        for name in ("a.npz", "b.npz")
    ]
    condition = runs[0].gram_norm.item() / runs[0].b.item() ** -2 / runs[0].y_norm.item() ** 2
    for name in ("loss", "rho", "v", "ntk_change"):
        a, b = (run[name].values[0] for run in runs)
        # Rounding of the data themselves, 1e-16, amplified by the condition of X (estimated by b²‖K‖/‖y‖²).
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13 * max(condition, 10.0) * np.abs(a).max(), err_msg=name)


def test_scaling_the_learning_rate_with_the_width_is_the_same_training(tmp_path):
    """(m, η) → (2m, 2η) with the same second moments: the reduction knows only η/m."""
    rng = np.random.default_rng(0)
    X, y, W, v = (
        rng.standard_normal((4, 9)),
        rng.standard_normal(4),
        rng.standard_normal((5, 9)),
        rng.standard_normal(5),
    )

    def run(path, W, v, eta):
        np.savez(path, X=X, y=y, W=W, v=v)
        training = {"learning_rate": eta, "steps": 40}
        return lazyrich.run({"problem": {"source": "file", "path": str(path)}, "training": training})

    a = run(tmp_path / "a.npz", W, v, 0.3)
    b = run(tmp_path / "b.npz", np.vstack([W, W]), np.append(v, v), 0.6)
    np.testing.assert_allclose(a.loss.values, b.loss.values, rtol=1e-12)  # rounding
    np.testing.assert_allclose(a.growth_per_step.values, b.growth_per_step.values, rtol=1e-14)


def test_the_flow_limit_reaches_the_predicted_end_kernel():
    """Θ∞ for any K, n > d included: the distance vanishes with the step size."""
    for samples, dimension in ((6, 300), (9, 4)):
        sweep = data(
            problem__samples=samples,
            problem__dimension=dimension,
            problem__noise_std=1.0,
            network__width=10**14,
            network__laziness={"values": [0.01, 0.3, 3.0]},
            training={"stability_fraction": {"values": [0.01, 0.02]}, "tau": 400},
            record={"summary": True, "observables": ["ntk_end_error"]},
            replicates=3,
        )
        run = lazyrich.run(sweep)
        assert (run.status == Status.converged).all()
        error = run.ntk_end_error.values.reshape(3, 2, 3)  # laziness, fraction, replicate
        # First order in the step: the error is below the step itself, and halves with it.
        assert (error[:, 1] < 0.02).all()
        np.testing.assert_allclose(error[:, 0] / error[:, 1], 0.5, rtol=0.1)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 6), d=st.integers(2, 6), rank=st.integers(1, 5))
def test_deficient_inputs_end_at_the_predicted_kernel(tmp_path_factory, seed, n, d, rank):
    """X of any rank, down to 1: Θ∞ takes the projection of y on the row space."""
    rng = np.random.default_rng(seed)
    rank = min(rank, n, d)
    X = np.linalg.qr(rng.standard_normal((n, n)))[0][:, :rank] @ np.linalg.qr(rng.standard_normal((d, d)))[0][:rank]
    y = rng.standard_normal(n)
    path = tmp_path_factory.mktemp("data") / "data.npz"
    np.savez(path, X=X, y=y)
    run = lazyrich.run(
        {
            "problem": {"source": "file", "path": str(path)},
            "network": {"width": 10**14, "laziness": 0.5},
            "training": {"stability_fraction": {"values": [0.01, 0.02]}, "tau": 60},
            "record": {"summary": True, "observables": ["ntk_end_error"]},
        }
    )
    assert (run.status == Status.converged).all()
    # First order in the step, and halves with it.
    assert (run.ntk_end_error.values[1] < 0.02).all()
    np.testing.assert_allclose(run.ntk_end_error.values[0] / run.ntk_end_error.values[1], 0.5, rtol=0.1)


@pytest.mark.parametrize("laziness", [0.01, 1.0])
@pytest.mark.parametrize(("samples", "dimension"), [(4, 8), (7, 4)], ids=["n < d", "n > d"])
def test_small_steps_from_a_wide_start_follow_the_flow_of_one_parameter(tmp_path, laziness, samples, dimension):
    """For any K the flow knows (σ0, v0) through D only; its equation for e = Wᵀv/m, solved by scipy."""
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((samples, dimension)), rng.standard_normal(samples)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    # e grows from nothing, where its direction is not defined: from a start so small that it is still aligned with Xᵀy.
    run = lazyrich.run(
        {
            "problem": {"source": "file", "path": str(tmp_path / "data.npz")},
            "network": {"width": 10**18, "laziness": laziness, "balance": {"values": [0.3, 1.0, 3.0]}},
            "training": {"stability_fraction": 0.002, "tau": 12},
            "record": {"points": 13, "observables": ["target_overlap"]},
        }
    )
    D = run.sigma_0.values[0] ** 2 + run.v_0.values[0] ** 2

    def flow(_, e):
        S = np.sqrt(D**2 + 4 * e @ e)
        pull = X.T @ (y - X @ e)
        along = e * (e @ pull) / (e @ e)
        return (0.5 * (S + D) * pull + 0.5 * (S - D) * along) / samples

    eta = run.learning_rate.values[0] / run.width.values[0]
    times = run.step.values[0] * eta
    start = 1e-9 * X.T @ y  # as fluctuations of 10¹⁸ neurons leave it
    solution = integrate.solve_ivp(flow, (0, times[-1]), start, t_eval=times, rtol=1e-10, atol=1e-14)
    expected = (y @ X @ solution.y) / (y @ y)
    for overlap in run.target_overlap.values:
        # First order in the step: h = 0.002 at each of few units of time.
        np.testing.assert_allclose(overlap, expected, atol=0.01)


def test_thresholds_of_the_learning_rate():
    """Balanced rich starts: convergence to k = 1, period 2 up to √5 − 1, period 4 beyond; K close to κI."""
    sweep = data(
        problem__samples=3,
        problem__dimension=10**9,
        problem__noise_std=0.0,
        network={"width": 10**9, "laziness": 1e-4},
        training={"growth_per_step": {"values": [0.8, 0.95, 1.05, 1.2, 1.27]}, "steps": 4000},
    )
    run = lazyrich.run(sweep)
    assert run.status.values.tolist() == [Status.converged] * 2 + [Status.running] * 3
    assert run.period.values.tolist() == [0, 0, 2, 2, 4]


def test_lazy_starts_catapult_between_two_and_four():
    """With clock cηλ_max(Θ₀)/n = 2kχ: monotone below 2, a rise before convergence up to 4, divergence above."""
    chi = 10.0
    sweep = data(
        problem__samples=2,
        problem__dimension=10**9,
        network={"width": 10**9, "laziness": chi},
        training={
            "growth_per_step": {"values": [clock / (2 * chi) for clock in (1.8, 2.4, 3.0, 3.6, 4.4)]},
            "steps": 4000,
        },
    )
    run = lazyrich.run(sweep)
    growth = run.loss_max.values / run.loss.values[:, 0]
    assert run.status.values.tolist() == [Status.converged] * 4 + [Status.diverged]
    assert growth[0] == 1
    assert (growth[1:4] > 2).all()
    assert (np.diff(growth[:4]) > 0).all()
    assert run.sharpness_end.values[2] < run.sharpness_start.values[2]  # the kernel shrinks


def test_statuses_and_missing_values_are_three_different_things():
    sweep = data(
        problem__noise_std={"values": [0.0, 0.1]},
        problem__teacher_norm={"values": [1.0]},
        network__laziness=1.0,
        training={"growth_per_step": {"values": [1e-4, 0.3, 30.0]}, "steps": 200},
    )
    run = lazyrich.run(sweep)
    assert run.status.values.tolist() == [Status.running, Status.converged, Status.diverged] * 2
    loss = run.loss.values
    assert np.isfinite(loss[run.status != Status.diverged]).all()
    diverged = loss[run.status == Status.diverged]
    assert np.isfinite(diverged[:, 0]).all()
    assert np.isnan(diverged[:, -1]).all()
    assert (run.end_step.values >= 0).tolist() == [False, True, False] * 2


def test_networks_that_cannot_be_trained_fail_with_their_reason_and_leave_the_others_alone():
    sweep = data(network__laziness=1.0, training={"growth_per_step": {"values": [1e-12, 0.1]}, "tau": 1})
    run = lazyrich.run(sweep)
    assert run.status.values.tolist() == [Status.failed, Status.running]
    assert run.reason.values.tolist() == [Reason.too_many_steps, Reason.none]
    assert np.isnan(run.loss.values[0]).all()
    assert np.isfinite(run.loss.values[1]).all()

    # Noise so small that the squares of y underflow to 0; scales so small that D does.
    silent = data(
        problem__teacher_norm=0.0,
        problem__noise_std={"values": [1e-320, 1.0]},
        network={"width": 9, "sigma_0": 1, "v_0": 1},
    )
    run = lazyrich.run({**silent, "training": {"learning_rate": 0.1, "steps": 5}})
    assert run.reason.values.tolist() == [Reason.no_signal, Reason.none]
    small = data(
        network={"width": 9, "sigma_0": {"values": [1e-200, 1]}, "v_0": 0},
        training={"learning_rate": 0.001, "steps": 5},
    )
    run = lazyrich.run(small)
    assert run.reason.values.tolist() == [Reason.no_scale, Reason.none]
    assert (run.status.values == Status.failed).tolist() == [True, False]


def test_records_hold_the_end_after_an_early_stop():
    sweep = data(network__laziness=1.0, training={"stability_fraction": 0.5, "steps": 10**6})
    run = lazyrich.run(sweep)
    assert run.step.values[0, -1] == 10**6
    assert (run.loss.values[0, 1:] < 1e-25 * run.loss.values[0, 0]).all()


def test_end_values_alone_give_the_same_scalars():
    """What is measured at every step does not depend on what is recorded; only ρ's crossing needs records."""
    changes = {
        "network__laziness": {"values": [0.01, 1.0, 20.0]},
        "training": {"growth_per_step": {"values": [0.1, 1.1]}, "steps": 300},
    }
    full = lazyrich.run(data(**changes))
    short = lazyrich.run(data(**changes, record={"summary": True, "observables": ["v"]}))
    for name in full.data_vars:
        if full[name].dims == ("network",) and name != "alignment_step":
            np.testing.assert_array_equal(full[name], short[name], err_msg=str(name))
    assert np.isfinite(full.alignment_step).any()
    assert np.isnan(short.alignment_step).all()


@pytest.mark.slow
def test_an_edited_formula_is_compiled_anew(tmp_path):
    """Machine code is cached between runs; an edit in another file than the engine's must reach it."""
    package = tmp_path / "lazyrich"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    code = "import lazyrich, json, sys; print(lazyrich.run(json.loads(sys.argv[1]), threads=1).loss.values[0, 0])"
    sweep = json.dumps(data(network__laziness=1.0, training={"growth_per_step": 0.1, "steps": 3}))

    def first_loss():
        command = [sys.executable, "-c", code, sweep]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)

    before = first_loss()
    path = package / "networks" / "observables.py"
    text = path.read_text(encoding="utf-8")
    edited = text.replace("formula=lambda s: s.loss,", "formula=lambda s: 1000 * s.loss,")
    assert edited != text
    path.write_text(edited, encoding="utf-8")
    assert first_loss() == pytest.approx(1000 * before)
