"""The largest eigenvalue of symmetric positive matrices, eight at a time in SIMD lanes.

LAPACK would spend more time on two of them than a network of a few hundred steps takes to train. Householder's reflections
to a tridiagonal matrix, then bisection by Sturm's criterion: to rounding, at 2n³/3 multiplications and additions.
"""

from __future__ import annotations

import numpy as np

from lazyrich.engines.simd.compiled import compiled
from lazyrich.engines.simd.lanes import (
    LANES,
    add,
    div,
    fill,
    fma,
    load,
    mul,
    sqrt,
    store,
    sub,
    where_equal,
    where_less,
    zero,
)

# Halvings from a bracket of at most twice the trace: beyond the last bit of λ_max ≥ trace/n.
HALVINGS = 64
TINY = 1e-300


@compiled
def largest_eigenvalues(triangles, modes, out):
    """Write the largest eigenvalue of each matrix to `out` (matrices,); `triangles` (matrices, modes(modes + 1)/2) are their
    lower triangles.

    Rows and columns of zeros at the end change nothing, not even rounding.
    """
    count, length = triangles.shape
    T = np.empty(length * LANES)
    diagonal = np.empty(modes * LANES)
    squares = np.zeros(modes * LANES)
    v = np.empty(modes * LANES)
    p = np.empty(modes * LANES)
    largest = np.empty(LANES)
    for first in range(0, count, LANES):
        last = min(first + LANES, count)
        for lane in range(LANES):
            network = first + lane
            for k in range(length):
                T[k * LANES + lane] = triangles[network, k] if network < last else 0.0
        scale = _normalise(T, modes)
        _tridiagonalise(T, modes, diagonal, squares, v, p)
        store(largest, 0, mul(_bisect(diagonal, squares), scale))
        for lane in range(last - first):
            out[first + lane] = largest[lane]


@compiled
def _normalise(T, modes):
    """Divide by the trace, which is returned; 1 where it is 0."""
    trace = zero()
    k = 0
    for i in range(modes):
        trace = add(trace, load(T, (k + i) * LANES))
        k += i + 1
    scale = where_equal(trace, zero(), fill(1.0), trace)
    inverse = div(fill(1.0), scale)
    for k in range(0, len(T), LANES):
        store(T, k, mul(load(T, k), inverse))
    return scale


@compiled
def _tridiagonalise(T, modes, diagonal, squares, v, p):
    """Write the diagonal and the squared subdiagonal of the tridiagonal form of T, a lower triangle, which is overwritten."""
    none, two = zero(), fill(2.0)
    for k in range(modes):
        row = k * (k + 1) // 2
        store(diagonal, k * LANES, load(T, (row + k) * LANES))
        if k + 1 == modes:
            return
        # The part of column k below the diagonal.
        first = load(T, (row + k + 1 + k) * LANES)
        tail = none
        at = row + k + 1 + k + 2 + k
        for i in range(k + 2, modes):
            x = load(T, at * LANES)
            store(v, i * LANES, x)
            tail = fma(x, x, tail)
            at += i + 1
        square = fma(first, first, tail)
        store(squares, k * LANES, square)
        head = where_less(first, none, sub(first, sqrt(square)), add(first, sqrt(square)))
        store(v, (k + 1) * LANES, head)
        # 2/vᵀv; nothing to reflect where the tail is zero already.
        length = where_equal(tail, none, fill(1.0), fma(head, head, tail))
        factor = where_equal(tail, none, none, div(two, length))
        # p = factor · (T v), then p − (factor/2)(vᵀp) v, over the rest of T.
        for i in range(k + 1, modes):
            vi, pi = load(v, i * LANES), none
            at = i * (i + 1) // 2
            for j in range(k + 1, i):
                t = load(T, (at + j) * LANES)
                pi = fma(t, load(v, j * LANES), pi)
                store(p, j * LANES, fma(t, vi, load(p, j * LANES)))
            store(p, i * LANES, fma(load(T, (at + i) * LANES), vi, pi))
        overlap = none
        for i in range(k + 1, modes):
            pi = mul(factor, load(p, i * LANES))
            store(p, i * LANES, pi)
            overlap = fma(pi, load(v, i * LANES), overlap)
        share = mul(mul(fill(-0.5), factor), overlap)
        for i in range(k + 1, modes):
            store(p, i * LANES, fma(share, load(v, i * LANES), load(p, i * LANES)))
        for i in range(k + 1, modes):
            vi, pi = load(v, i * LANES), load(p, i * LANES)
            at = i * (i + 1) // 2
            for j in range(k + 1, i + 1):
                t = fma(vi, load(p, j * LANES), mul(pi, load(v, j * LANES)))
                store(T, (at + j) * LANES, sub(load(T, (at + j) * LANES), t))


@compiled
def _bisect(diagonal, squares):
    """Return the largest eigenvalue of a positive tridiagonal matrix."""
    none, half, tiny = zero(), fill(0.5), fill(-TINY)
    low = none
    high = none
    before = none
    for i in range(0, len(diagonal), LANES):
        d = load(diagonal, i)
        after = sqrt(load(squares, i)) if i + LANES < len(diagonal) else none
        low = where_less(low, d, d, low)
        reach = add(d, add(before, after))
        high = where_less(high, reach, reach, high)
        before = after
    for _ in range(HALVINGS):
        x = mul(half, add(low, high))
        # LDLᵀ of T − x: an eigenvalue lies above x where a pivot is positive.
        q = sub(load(diagonal, 0), x)
        top = q
        for i in range(LANES, len(diagonal), LANES):
            q = where_less(q, tiny, q, tiny)
            q = sub(sub(load(diagonal, i), x), div(load(squares, i - LANES), q))
            top = where_less(top, q, q, top)
        low = where_less(none, top, x, low)
        high = where_less(none, top, high, x)
    return high
