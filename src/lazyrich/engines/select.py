"""Which engine trains a batch, and on which device. Snakemake asks, too, in every job: nothing heavy is imported."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lazyrich.engines.trajectories import Recording, Trajectories
    from lazyrich.networks.batch import Networks

ENGINES = ("propagator", "gram", "dense")
DEVICES = ("auto", "cpu", "cuda")
# Beyond so many samples eight networks side by side outgrow every cache, and linear algebra on one at a time is faster.
MOST_LANE_SAMPLES = 512


def engine_of(activation: str, width: float, samples: int) -> str:
    """The engine that trains networks of m neurons on n samples.

    Linear networks of m ≤ n neurons have every one explicit, as others than linear always have: second moments
    are singular there, and their rounding acts as more neurons, which may grow where the network's own do not (docs/theory.md).
    """
    return "propagator" if activation == "linear" and width > samples else "gram"


def find_device(wanted: str) -> str:
    """`cpu` or `cuda`, from `auto` the GPU where there is one that torch, if it is installed, can use.

    Torch is imported only where a driver shows a GPU.

    Raises
    ------
    ValueError
        for a device that is not known, or `cuda` where torch finds no GPU.
    """
    if wanted not in DEVICES:
        raise ValueError(f"device = {wanted}: is not known; write one of {', '.join(DEVICES)}")
    if likely_device(wanted) == "cpu" or (wanted == "auto" and importlib.util.find_spec("torch") is None):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "auto":
        return "cpu"
    raise ValueError("device = cuda: torch finds no GPU here; write auto or cpu, or install a build of torch for CUDA")


def likely_device(wanted: str) -> str:
    """`cpu` or `cuda`, from `auto` by whether the system shows an NVIDIA GPU, without asking torch."""
    if wanted != "auto":
        return wanted
    shown = any(Path("/proc/driver/nvidia/gpus").glob("*")) or any(Path("/dev").glob("nvidia[0-9]*"))
    return "cuda" if shown else "cpu"


def modules(engines: Iterable[str]) -> list[str]:
    """The modules whose code decides what these engines compute, for `fingerprint`: all, whichever device and size take."""
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
    elif engine == "propagator" and networks.problem.samples > MOST_LANE_SAMPLES:
        name = "batched"
    where = {} if name in ("propagator", "dense") else {"device": device}
    return _module(name).evolve(networks, recording, threads=threads, **where)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"lazyrich.engines.{name}")
