"""The propagator in batched torch against the one in SIMD lanes."""

import numpy as np
import pytest
import torch

from lazyrich.engines import batched, pieces, propagator
from tests.engines.common import assert_same, batch

# CONTRACT: all paths agree to 1e-10. Rounding of 70 steps is far below; what has learnt to 1e-20 of its loss is rounding.
TOLERANCE, FLOOR = 1e-10, 1e-20


@pytest.mark.parametrize(
    ("samples", "dimension"), [(5, 300), (6, 3), (1, 4), (20, 50)], ids=["n < d", "n > d", "n = 1", "n = 20"]
)
def test_batched_torch_agrees_with_the_lanes(samples, dimension):
    networks, recording = batch(problem__samples=samples, problem__dimension=dimension)
    assert_same(batched.evolve(networks, recording), propagator.evolve(networks, recording), TOLERANCE, FLOOR)


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
    found, expected = batched.evolve(networks, recording), propagator.evolve(networks, recording)
    assert set(expected.status) == {0, 1, 2}
    assert set(expected.period) >= {0, 2, 4}
    # After bifurcations rounding is amplified along 600 steps; the states themselves are what must agree.
    for name in ("status", "period", "onset_step", "end_step"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    assert_same(found, expected, 1e-6, FLOOR)


def test_a_piece_that_does_not_fit_is_halved_and_the_rest_goes_on(monkeypatch):
    networks, recording = batch(keep_probes=0)
    whole = batched.evolve(networks, recording)
    tried = []
    train = batched._train

    def small_memory(networks, recording, device):
        tried.append(len(networks.rows))
        if len(networks.rows) > 10:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return train(networks, recording, device)

    monkeypatch.setattr(batched, "_train", small_memory)
    halved = batched.evolve(networks, recording)
    assert tried[0] == len(networks.rows) == 48
    assert tried[:4] == [48, 24, 12, 6]
    assert sum(size for size in tried if size <= 10) == 48
    assert_same(halved, whole, TOLERANCE, FLOOR)

    def no_memory(networks, recording, device):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr(batched, "_train", no_memory)
    with pytest.raises(MemoryError, match="5 samples and width .* does not fit the memory of this cpu"):
        batched.evolve(networks, recording)

    def broken(networks, recording, device):
        raise RuntimeError("something else")

    monkeypatch.setattr(batched, "_train", broken)
    with pytest.raises(RuntimeError, match="something else"):
        batched.evolve(networks, recording)


def test_pieces_keep_every_network_in_its_place(monkeypatch):
    networks, recording = batch()
    whole = batched.evolve(networks, recording)
    monkeypatch.setattr(pieces, "CACHE_BYTES", 1)  # one network at a time
    assert_same(batched.evolve(networks, recording), whole, TOLERANCE, FLOOR)
