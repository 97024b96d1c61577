"""The propagator in batched torch against the one in SIMD lanes."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch

from lazyrich.engines import batched, dense, pieces, propagator
from lazyrich.engines.trajectories import Status
from lazyrich.networks import observables
from lazyrich.networks.batch import Reason
from tests.engines.common import assert_same, batch

# CONTRACT: all paths agree to 1e-10. Rounding of 70 steps is far below; what has learnt to 1e-20 of its loss is rounding.
TOLERANCE, FLOOR = 1e-10, 1e-20


@pytest.mark.parametrize(
    ("samples", "dimension"), [(5, 300), (6, 3), (1, 4), (20, 50)], ids=["n < d", "n > d", "n = 1", "n = 20"]
)
def test_batched_torch_agrees_with_the_lanes(samples, dimension):
    networks, recording = batch(problem__samples=samples, problem__dimension=dimension)
    assert_same(
        batched.evolve(networks, recording, together=True), propagator.evolve(networks, recording), TOLERANCE, FLOOR
    )


def test_statuses_agree_where_training_ends_early_or_badly():
    """Converged to rounding long before the end, without onset, diverged, period 2 and 4."""
    networks, recording = batch(
        problem__samples=2,
        problem__dimension=10**9,
        network={"width": 10**12, "laziness": {"values": [1e-4, 5.0]}},
        training={"growth_per_step": {"values": [1e-6, 0.5, 1.15, 1.27, 3.0]}, "steps": 600},
        record={"points": 9, "spacing": "log"},
        names=("loss", "v", "lazy_error"),
        keep_probes=0,
    )
    found, expected = batched.evolve(networks, recording, together=True), propagator.evolve(networks, recording)
    assert set(expected.status) == {0, 1, 2}
    assert set(expected.period) >= {0, 2, 4}
    assert_same(found, expected, TOLERANCE, FLOOR)


def test_a_piece_that_does_not_fit_is_halved_and_the_rest_goes_on(monkeypatch):
    networks, recording = batch(keep_probes=0)
    whole = batched.evolve(networks, recording, together=True)
    tried = []
    train = batched._train

    def small_memory(networks, recording, device):
        tried.append(len(networks.rows))
        if len(networks.rows) > 10:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return train(networks, recording, device)

    monkeypatch.setattr(batched, "_train", small_memory)
    halved = batched.evolve(networks, recording, together=True)
    assert tried[0] == len(networks.rows) == 48
    assert tried[:4] == [48, 24, 12, 6]
    assert sum(size for size in tried if size <= 10) == 48
    assert_same(halved, whole, TOLERANCE, FLOOR)

    def no_memory(networks, recording, device):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr(batched, "_train", no_memory)
    with pytest.raises(MemoryError, match="5 samples and width .* does not fit the memory of this cpu"):
        batched.evolve(networks, recording, together=True)

    def broken(networks, recording, device):
        raise RuntimeError("something else")

    monkeypatch.setattr(batched, "_train", broken)
    with pytest.raises(RuntimeError, match="something else"):
        batched.evolve(networks, recording, together=True)


def test_alone_a_network_has_the_same_bits_with_any_neighbours_and_threads():
    """As on a CPU beyond the lanes' limit: ranks, widths and lengths differ among the neighbours."""
    networks, recording = batch(problem__dimension={"values": [3, 300]}, network__width={"values": [2, 9, 10**12]})
    together = batched.evolve(networks, recording, threads=1)
    threaded = batched.evolve(networks, recording, threads=3)
    some = np.random.default_rng(0).permutation(len(networks.rows))[:20]
    part = batched.evolve(networks.part(some), recording.part(some), threads=2)
    for field in dataclasses.fields(together):
        whole, again, few = (getattr(run, field.name) for run in (together, threaded, part))
        np.testing.assert_array_equal(whole, again, err_msg=field.name)
        np.testing.assert_array_equal(whole[some], few, err_msg=field.name)


def test_networks_that_overflow_leave_their_neighbours_alone():
    """A start whose loss is not finite has diverged, one without a finite kernel fails; others train as ever."""
    networks, recording = batch(
        network={
            "width": 10**12,
            "v_0": {"values": [1.0, 1e90, 1e100]},
            "sigma_0": {"values": [1.0, 1e90, 1e153]},
            "probes": 8,
        },
        training={"learning_rate": 0.1, "steps": 9},
        zip=[["v_0", "sigma_0"]],
    )
    for run in (batched.evolve(networks, recording, together=True), propagator.evolve(networks, recording)):
        large = networks.sigma_0 > 1
        assert (run.status[networks.sigma_0 == 1e90] == Status.diverged).all()
        assert (run.status[networks.sigma_0 == 1e153] == Status.failed).all()
        assert (networks.reason[networks.sigma_0 == 1e153] == Reason.no_scale).all()
        assert np.isnan(run.observables[large]).all()
        assert np.isfinite(run.observables[~large][:, :, recording.observables]).all()
        assert np.isfinite(run.sharpness_start[~large]).all()


def test_a_linearised_network_that_diverges_is_infinitely_far():
    """A catapult that converges while its linearised network, at rates of −1.8, passes all bounds."""
    networks, recording = batch(
        problem={"samples": 2, "dimension": 10**9},
        network={"width": 10**9, "laziness": 5.0},
        training={"growth_per_step": 0.28, "steps": 3000},
        record={"points": 5},
        names=("loss", "lazy_error"),
        keep_probes=0,
    )
    for evolve in (propagator.evolve, partial(batched.evolve, together=True), dense.evolve):
        run = evolve(networks, recording)
        assert (run.status == Status.converged).all()
        error = run.observables[:, :, observables.NAMES.index("lazy_error")]
        assert np.isfinite(error[:, 0]).all()
        assert np.isposinf(error[:, 2:]).all()


def test_pieces_keep_every_network_in_its_place(monkeypatch):
    networks, recording = batch()
    whole = batched.evolve(networks, recording, together=True)
    monkeypatch.setattr(pieces, "CACHE_BYTES", 1)  # one network at a time
    assert_same(batched.evolve(networks, recording, together=True), whole, TOLERANCE, FLOOR)
