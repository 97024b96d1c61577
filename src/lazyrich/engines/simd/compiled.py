"""Compilation with a cache that cannot go stale.

Numba's own cache looks at the file of one function only, and would go on serving machine code into which functions of other
files were linked before they changed. Here the cache folder is named by the fingerprint of all source that an engine reaches.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba import njit

from lazyrich.system.provenance import PACKAGE, fingerprint


@functools.cache
def _folder() -> str:
    home = PACKAGE / "__pycache__"
    if not os.access(PACKAGE, os.W_OK):  # installed for many users
        home = Path(tempfile.gettempdir()) / f"lazyrich-{os.getuid()}"
    return str(home / f"numba-{fingerprint('lazyrich.engines.propagator', 'lazyrich.engines.simd.compiled')}")


def compiled(function: Callable, **options: Any) -> Any:
    """`function` compiled by numba on first use: without the GIL, IEEE division, no reordering of sums.

    Contraction to fused multiply-add changes nothing that depends on order: a network's bits stay its own.
    """
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = _folder()
    try:
        return njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"}, **options)(function)
    finally:
        numba.config.CACHE_DIR = before


def compiled_leaf(function: Callable) -> Any:
    """As `compiled`, for functions that make no arrays: without counting references, which would cost more than their work."""
    return compiled(function, _nrt=False)
