"""How the engine is compiled: options of numba that change no bit of a network by what is beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lazyrich.system.compiled import cached_njit

# Records that functions hand to each other are of modules that their own need not import.
ROOTS = ("lazyrich.engines.propagator", "lazyrich.engines.simd.compiled")


def compiled(function: Callable, **options: Any) -> Any:
    """Return `function` compiled by numba on first use: without the GIL, IEEE division, no reordering of sums.

    Contraction to fused multiply-add changes nothing that depends on order: a network's bits stay its own.
    """
    return cached_njit(function, *ROOTS, nogil=True, error_model="numpy", fastmath={"contract"}, **options)


def compiled_leaf(function: Callable) -> Any:
    """Compile as `compiled` does, for functions that make no arrays: counting references would cost more than their work."""
    return compiled(function, _nrt=False)


def compiled_part(function: Callable) -> Any:
    """Compile as `compiled_leaf` does, for parts of a loop's body: inlined, for a call hands over all its arrays."""
    return compiled(function, _nrt=False, forceinline=True)
