"""Which engine trains a batch, and on which device. Snakemake asks, too, in every job: nothing heavy is imported."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lazyrich.engines.trajectories import Recording, Trajectories
    from lazyrich.networks.batch import Networks

ENGINES = ("propagator", "gram", "dense")
# Beyond so many samples eight networks side by side outgrow every cache, and linear algebra on one at a time is faster.
MOST_LANE_SAMPLES = 512


def modules(engines: Iterable[str]) -> list[str]:
    """Return the modules whose code decides what these engines compute, on any device at any size, for `fingerprint`."""
    several = {"propagator": ["propagator", "fused", "batched"]}
    names = {name for engine in engines for name in several.get(engine, [engine])}
    return [f"lazyrich.engines.{name}" for name in sorted(names)]


def evolve_with(engine: str, networks: Networks, recording: Recording, *, device: str, threads: int) -> Trajectories:
    """Train a batch by the implementation of an engine that suits its size, what it records and the device."""
    name = engine
    if engine == "propagator" and device == "cuda":
        name = "batched"
        # By name, here and below: torch takes longer to import than many a shard to train.
        if importlib.util.find_spec("triton") and _module("fused").fits(networks, recording):
            name = "fused"
    elif engine == "propagator" and (networks.by_sample or networks.problem.samples > MOST_LANE_SAMPLES):
        name = "batched"
    where = {} if name in ("propagator", "dense") else {"device": device}
    return _module(name).evolve(networks, recording, threads=threads, **where)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"lazyrich.engines.{name}")
