"""The double-precision peak of the cores at hand: independent multiply-adds in registers, eight lanes each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

from lazyrich.engines.simd.lanes import LANES, add, fma, load, store

ROUNDS = 2_000_000
CHAINS = 8


@njit(nogil=True)
def _multiply_add(x, rounds):
    a, b = load(x, 0), load(x, LANES)
    x0, x1, x2, x3, x4, x5, x6, x7 = a, b, add(a, a), add(a, b), add(b, b), a, b, a
    for _ in range(rounds):
        x0, x1, x2, x3 = fma(x0, a, b), fma(x1, a, b), fma(x2, a, b), fma(x3, a, b)
        x4, x5, x6, x7 = fma(x4, a, b), fma(x5, a, b), fma(x6, a, b), fma(x7, a, b)
    store(x, 0, add(add(add(x0, x1), add(x2, x3)), add(add(x4, x5), add(x6, x7))))


def flops(threads: int) -> Callable[[], int]:
    """Floating point operations of all threads together."""
    pool = ThreadPoolExecutor(threads)

    def work() -> int:
        for future in [pool.submit(_multiply_add, np.full(2 * LANES, 0.5), ROUNDS) for _ in range(threads)]:
            future.result()
        return 2 * LANES * CHAINS * ROUNDS * threads

    return work
