"""What a step of eight networks costs, and what counting references would add to it.

    python benchmarks/octet.py

Nanoseconds of `advance`, one core, five rounds side by side: as the engine compiles it, and with references counted. Both end
in the same bits, or this fails.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from types import ModuleType

import numpy as np
from numba import njit

from lazyrich.engines.simd import compiled, octet
from lazyrich.engines.simd.lanes import LANES

ROUNDS = 5
SECONDS = 0.2
STEPS = 1000
SIZES = (2, 10, 32, 64)


def counting_references() -> ModuleType:
    """A second copy of the module whose functions count references."""
    leaf = compiled.compiled_leaf
    compiled.compiled_leaf = lambda f: njit(nogil=True, error_model="numpy", fastmath={"contract"})(f)
    try:
        spec = importlib.util.spec_from_file_location("octet_counting_references", octet.__file__)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        compiled.compiled_leaf = leaf
    return module


def start(modes: int) -> octet.Octet:
    """Eight networks that learn slowly."""
    o = octet.empty_octet(modes, False, False)
    rng = np.random.default_rng(0)
    for i in range(modes):
        o.A[(i * (i + 1) // 2 + i) * LANES :][:LANES] = 0.1
    o.c[:] = 0.1
    o.root[:] = 1.0
    o.y[:] = rng.standard_normal(o.y.shape)
    o.pull[:] = 1e-5
    o.factor[:] = 0.5
    return o


def nanoseconds(module: ModuleType, modes: int) -> float:
    """Of one step of eight networks."""
    o, now, begun = start(modes), 0, time.perf_counter()
    while time.perf_counter() - begun < SECONDS:
        now = module.advance(o, now, now + STEPS)
    return 1e9 * (time.perf_counter() - begun) / now


def main() -> None:
    """Print the table."""
    counting = counting_references()
    print("| n | as compiled, ns a step | references counted, ns | ratio |")
    print("| ---: | ---: | ---: | ---: |")
    for modes in SIZES:
        ends = [start(modes), start(modes)]
        for module, end in zip((octet, counting), ends, strict=True):
            module.advance(end, np.int64(0), np.int64(STEPS))
        assert all((a == b).all() for a, b in zip(*ends, strict=True)), "different bits"
        rounds = [(nanoseconds(octet, modes), nanoseconds(counting, modes)) for _ in range(ROUNDS)]
        fast, slow = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"| {modes} | {fast:,.0f} | {slow:,.0f} | {statistics.median(b / a for a, b in rounds):.1f} |")


if __name__ == "__main__":
    main()
