"""Numba's options for the engine: no bit of a network depends on its neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lazyrich.system.compiled import cached_njit

# Functions pass each other named tuples from modules that their own module need not import.
ROOTS = ("lazyrich.engines.propagator", "lazyrich.engines.simd.compiled")


def compiled(function: Callable, **options: Any) -> Any:
    """Return `function` compiled by numba on first use: without the GIL, IEEE division, no reordering of sums.

    Contraction to fused multiply-add does not depend on order, so a network's bits do not depend on its neighbours.
    """
    return cached_njit(function, *ROOTS, nogil=True, error_model="numpy", fastmath={"contract"}, **options)


def compiled_leaf(function: Callable) -> Any:
    """Compile as `compiled` does, for functions that make no arrays: counting references would cost more than their work."""
    return compiled(function, _nrt=False)


def compiled_part(function: Callable) -> Any:
    """Compile as `compiled_leaf` does, for parts of a loop's body: inlined, since a call would copy all array descriptors."""
    return compiled(function, _nrt=False, forceinline=True)
