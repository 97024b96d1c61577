"""Networks whose samples are told apart, by a loss that is no square or by a record of single samples: wide linear ones too."""

import numpy as np
import pytest

import lazyrich
from lazyrich.analysis.follow import follow
from lazyrich.engines import batched
from lazyrich.engines.trajectories import Status
from lazyrich.networks.losses import LOSSES, bound_to
from lazyrich.planning.plan import whole
from lazyrich.shards.batch import batch_of
from lazyrich.shards.replay import replay
from lazyrich.sweep.reader import load_sweep

SIGNS = {"source": "digits", "classes": "3-8", "targets": "one_vs_rest", "inputs": "scaled"}
NO_SQUARES = [name for name, loss in LOSSES.items() if not loss.square]
# As in test_exactness: two digits for 60 steps of sums of some tens of terms.
ROUNDING = 1e-12


def sweep(loss, *, width=10**9, samples=6, **changes):
    """A wide network of eight probes, on digits with signs as targets."""
    rate = {"growth_per_step": {"values": [0.05, 0.3]}, "steps": 60, "loss": loss}
    observables = [
        "loss",
        "test_loss",
        "accuracy",
        "test_accuracy",
        "margin",
        "rho",
        "v",
        "ntk_change",
        "weight_change",
    ]
    return {
        "problem": {**SIGNS, "samples": samples, "test_samples": 9},
        "network": {"width": width, "laziness": {"values": [0.05, 2.0]}, "probes": {"count": 8, "keep": True}},
        "training": rate,
        "record": {"points": 13, "observables": [*observables, "alignment", "target_overlap", "balance_drift"]},
        **changes,
    }


@pytest.mark.parametrize("loss", [*NO_SQUARES, "mse"])
@pytest.mark.parametrize("width", [5, 40, 10**9])
def test_explicit_weights_take_the_same_path(loss, width):
    """By autograd of the value, of all neurons or of others with the same second moments; held-out samples as well."""
    data = lazyrich.run(sweep(loss, width=width))
    for network in range(data.sizes["network"]):
        found = replay(data, network)
        assert found.agrees, [one.name for one in found.compared if not one.fits.all()]
        assert {"loss", "test_loss", "accuracy", "margin", "rho_r", "status"} <= {one.name for one in found.compared}
        for one in found.compared:
            if one.name != "balance_drift":
                assert (one.difference <= 1e-11 * np.maximum(one.size, one.name == "target_overlap")).all(), one.name


@pytest.mark.parametrize("loss", ["half_mse", "mse"])
def test_a_square_is_the_same_whether_its_samples_are_told_apart_or_not(loss):
    """More samples than dimensions, so that there is a floor."""
    plain, apart = sweep(loss, samples=90), sweep(loss, samples=90)
    kept = [name for name in plain["record"]["observables"] if "accuracy" not in name and name != "margin"]
    plain["record"] = {**plain["record"], "observables": kept}
    modes, samples = lazyrich.run(plain), lazyrich.run(apart)
    assert (modes.loss_floor > 0).all()
    for name in [*kept, "loss_floor", "kernel_change", "sharpness_start", "sharpness_end", "loss_end"]:
        a, b = modes[name].values, samples[name].values
        scale = np.nanmax(np.abs(b), axis=tuple(range(1, b.ndim)), keepdims=True)
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b), err_msg=name)
        assert (np.abs(a - b) <= 1e-11 * scale)[~np.isnan(b)].all(), name
    for name in ("onset_step", "end_step", "status"):
        np.testing.assert_array_equal(modes[name], samples[name])


@pytest.mark.parametrize("loss", NO_SQUARES)
def test_training_has_ended_where_the_loss_is_the_share_of_that_of_no_output(loss):
    changed = sweep(loss)
    changed["training"] = {"growth_per_step": 0.2, "steps": 400, "loss": loss}
    del changed["problem"]["test_samples"]
    changed["record"] = {"every": 1, "observables": ["loss", "accuracy", "margin"], "converged_loss": 0.2}
    data = lazyrich.run(changed)
    (at_zero,) = {float(LOSSES[loss].factor / 2 * bound_to(np, loss).value(0.0, 1.0))}
    for one, end, status in zip(data.loss.values, data.end_step.values, data.status.values, strict=True):
        assert end == np.flatnonzero(one <= 0.2 * at_zero)[0] and status == Status.converged
        # What remains is that of signs that are right.
        assert one[-1] <= 0.2 * at_zero
    assert (data.accuracy[:, -1] == 1).all() and (data.margin[:, -1] > 0).all()


def test_accuracy_and_margin_are_of_the_output_itself():
    data = lazyrich.run(sweep("logistic"))
    for network in range(data.sizes["network"]):
        one, problem = follow(data, network), batch_of(data, network).problem
        outputs = [problem.vectors[0] @ one.output(now) for now in one.snapshots(map(int, data.step.values[network]))]
        margins = np.array(outputs) * problem.y[0]
        np.testing.assert_array_equal(data.accuracy[network], (margins > 0).mean(axis=1))
        scale = np.abs(margins).max()
        np.testing.assert_allclose(data.margin[network], margins.min(axis=1), atol=ROUNDING * scale)
        loss = np.mean(np.log1p(np.exp(-margins)), axis=1)
        np.testing.assert_allclose(data.loss[network], loss, rtol=1e-11)


def test_networks_of_several_losses_are_those_of_each_alone():
    """Trained side by side, or one at a time: to rounding; squares in their modes as ever, to the bit."""
    names = [*LOSSES]
    mixed = sweep({"values": names})
    del mixed["problem"]["test_samples"]
    mixed["record"] = {"points": 5, "observables": ["loss", "ntk_change"]}
    together = lazyrich.run(mixed)
    assert set(together.training_loss.values) == {*names}
    for name in names:
        alone = lazyrich.run({**mixed, "training": {**mixed["training"], "loss": name}})
        rows = np.flatnonzero(together.training_loss.values == name)
        for observable in ("loss", "ntk_change"):
            a, b = together[observable].values[rows], alone[observable].values
            if LOSSES[name].square:
                np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(np.isnan(a), np.isnan(b))  # of a network that diverges
            scale = np.nanmax(np.abs(b), axis=1, keepdims=True)
            assert (np.abs(a - b) <= 1e-9 * scale)[~np.isnan(b)].all(), (name, observable)


def test_a_network_alone_is_that_of_a_batch():
    recipe = whole(load_sweep(sweep("logistic")))
    data = lazyrich.run(sweep("logistic"))
    assert data.attrs["engine"] == "propagator" and recipe.settings["record"]["converged_loss"] == 0.01
    for network in range(data.sizes["network"]):
        batch = batch_of(data, network)
        assert batch.by_sample and not batch.explicit and batch.problem.vectors is not None
    assert batched.Start(batch_of(data, 0), "cpu").y.shape == (1, 6)


@pytest.mark.parametrize("width", [3, 10**9])
def test_huber_trains_on_drawn_teachers(width):
    changed = sweep("huber", width=width)
    changed["problem"] = {"samples": 7, "dimension": {"values": [5, 50]}, "noise_std": 0.5, "test_samples": 6}
    changed["record"] = {"points": 7}
    data = lazyrich.run(changed)
    assert np.isnan(data.lazy_error).all() and (data.loss_floor == 0).all()
    for network in range(data.sizes["network"]):
        assert replay(data, network).agrees
