"""Which engine trains a batch, and on which device. Snakemake asks, too, in every job: nothing heavy is imported.

Engines are imported where they are called: torch takes longer to import than many a shard to train.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from lazyrich.system.errors import LazyrichError

if TYPE_CHECKING:
    from lazyrich.engines.trajectories import Recording, Trajectories
    from lazyrich.networks.batch import Networks

# Beyond so many samples eight networks side by side outgrow every cache, and linear algebra on one at a time is faster.
MOST_LANE_SAMPLES = 512


def _propagator(networks: Networks, recording: Recording, device: str, threads: int) -> Trajectories:
    if device != "cuda" and not networks.by_sample and networks.problem.samples <= MOST_LANE_SAMPLES:
        from lazyrich.engines import propagator

        return propagator.evolve(networks, recording, threads=threads)
    if device == "cuda" and find_spec("triton"):
        from lazyrich.engines import fused

        if fused.fits(networks, recording):
            return fused.evolve(networks, recording, device=device, threads=threads)
    from lazyrich.engines import batched

    return batched.evolve(networks, recording, device=device, threads=threads)


def _gram(networks: Networks, recording: Recording, device: str, threads: int) -> Trajectories:
    from lazyrich.engines import gram

    return gram.evolve(networks, recording, device=device, threads=threads)


def _dense(networks: Networks, recording: Recording, device: str, threads: int) -> Trajectories:
    from lazyrich.engines import dense

    return dense.evolve(networks, recording, threads=threads)


class Engine(NamedTuple):
    """How an engine trains a batch, and on which networks.

    `evolve` takes the device and the number of threads, and imports what it calls. `modules` are all modules of this room
    that it may import, by name, since the fingerprint of a sweep covers only the engines that the sweep needs. `explicit` is
    what `networks` takes: True where every neuron must be explicit, False where none of a linear network needs to be, and
    None where each network is as by default.
    """

    evolve: Callable[[Networks, Recording, str, int], Trajectories]
    modules: tuple[str, ...]
    explicit: bool | None


ENGINES = {
    "propagator": Engine(_propagator, ("batched", "fused", "propagator"), explicit=False),
    "gram": Engine(_gram, ("gram",), explicit=True),
    "dense": Engine(_dense, ("dense",), explicit=None),
}


def engine_called(name: str) -> Engine:
    """Return an engine; raise ValueError for a name that is none."""
    if name not in ENGINES:
        raise LazyrichError(f"engine = {name}: is not known; write one of {', '.join(ENGINES)}")
    return ENGINES[name]


def explicit(engines: Iterable[str]) -> bool | None:
    """Return what `networks` takes as `explicit` for these engines; without any, or for several, each network decides."""
    match [engine_called(name) for name in engines]:
        case [only]:
            return only.explicit
        case _:
            return None


def modules(engines: Iterable[str]) -> list[str]:
    """Return the modules whose code decides what these engines compute, on any device at any size, for `fingerprint`."""
    names = {name for engine in engines for name in engine_called(engine).modules}
    return [f"lazyrich.engines.{name}" for name in sorted(names)]


def evolve_with(engine: str, networks: Networks, recording: Recording, *, device: str, threads: int) -> Trajectories:
    """Train a batch by the implementation of an engine that suits its size, what it records and the device."""
    return engine_called(engine).evolve(networks, recording, device, threads)
