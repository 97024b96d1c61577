"""Which engine and device a batch gets, and what is imported for it."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import lazyrich
from lazyrich.engines import batched, propagator, select
from tests.engines.common import assert_same, batch

SWEEP = {
    "problem": {"samples": 3, "dimension": 20},
    "network": {"width": 8, "laziness": 1.0},
    "training": {"stability_fraction": 0.1, "steps": 5},
}


def test_linear_networks_on_a_cpu_need_no_torch():
    """Importing torch would take longer than most shards train."""
    code = (
        f"import sys, lazyrich; data = lazyrich.run({SWEEP!r}, device='auto'); "
        "print(data.attrs['engine'], data.attrs['device'], 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = "propagator cuda True" if torch.cuda.is_available() else "propagator cpu False"
    assert run.stdout.strip() == expected


def test_a_dataset_says_what_made_it():
    other = {**SWEEP, "network": {**SWEEP["network"], "activation": "relu"}}
    assert lazyrich.run(SWEEP, device="cpu").attrs["device"] == "cpu"
    assert lazyrich.run(SWEEP, device="cpu").attrs["engine"] == "propagator"
    assert lazyrich.run(other, device="cpu").attrs["engine"] == "gram"
    assert lazyrich.run(SWEEP, engine="gram", device="cpu").attrs["engine"] == "gram"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_missing_is_one_clear_error():
    with pytest.raises(ValueError, match="device = cuda: torch finds no GPU here; write auto or cpu"):
        lazyrich.run(SWEEP, device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU at hand")
def test_a_gpu_gives_what_a_cpu_gives():
    networks, recording = batch()
    on_gpu = select.evolve_with("propagator", networks, recording, device="cuda", threads=1)
    assert_same(on_gpu, propagator.evolve(networks, recording), 1e-10, 1e-20)


def test_engines_and_devices_that_are_not_known():
    with pytest.raises(ValueError, match="engine = magic: is not known; write one of propagator, gram, dense"):
        lazyrich.run(SWEEP, engine="magic")
    with pytest.raises(ValueError, match="device = tpu: is not known; write one of auto, cpu, cuda"):
        lazyrich.run(SWEEP, device="tpu")
    other = {**SWEEP, "network": {**SWEEP["network"], "activation": "relu"}}
    with pytest.raises(ValueError, match="engine = propagator: trains linear networks only"):
        lazyrich.run(other, engine="propagator")


def test_many_samples_go_to_linear_algebra_one_network_at_a_time(monkeypatch):
    networks, recording = batch()
    expected = propagator.evolve(networks, recording)
    called = []
    evolve = batched.evolve
    monkeypatch.setattr(batched, "evolve", lambda *a, **k: called.append(k) or evolve(*a, **k))
    monkeypatch.setattr(select, "MOST_LANE_SAMPLES", 4)
    found = select.evolve_with("propagator", networks, recording, device="cpu", threads=1)
    assert called == [{"threads": 1, "device": "cpu"}]
    assert_same(found, expected, 1e-10, 1e-20)


def test_the_fingerprint_covers_every_module_that_may_run():
    everywhere = [f"lazyrich.engines.{name}" for name in ("batched", "fused", "gram", "propagator")]
    assert select.modules(["gram", "propagator"]) == everywhere


def test_which_neurons_are_explicit_follows_from_one_engine_and_from_several_does_not():
    found = {engines: select.explicit(engines) for engines in ((), ("gram",), ("propagator",), ("dense",))}
    assert found == {(): None, ("gram",): True, ("propagator",): False, ("dense",): None}
    assert select.explicit(["gram", "propagator"]) is None
    with pytest.raises(ValueError, match="^engine = magic: is not known; write one of propagator, gram, dense$"):
        select.explicit(["magic"])


def test_a_network_of_many_samples_trains():
    """Beyond the lanes' limit, for real: 600 samples, against the closed form of the linearised network."""
    sweep = {
        "problem": {"samples": 600, "dimension": 10**12},
        "network": {"width": 10**9, "laziness": 300.0, "probes": 2},
        "training": {"stability_fraction": 0.05, "steps": 20},
        "record": {"points": 3, "observables": ["loss", "lazy_error"]},
    }
    run = lazyrich.run(sweep, device="cpu")
    # The linearised network is left as χ⁻² (docs/theory.md), 1e-5 here; K = κI up to √(n/d) gives all modes the rate 1 − 2h.
    assert (run.lazy_error.values < 1e-4).all()
    np.testing.assert_allclose(run.loss[0, -1] / run.loss[0, 0], (1 - 2 * 0.05) ** 40, rtol=1e-3)
