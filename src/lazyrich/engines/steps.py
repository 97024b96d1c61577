"""One gradient step of eight networks at once, in the lanes of `lanes`.

Flat arrays hold the lanes of one quantity side by side. Modes beyond a network's rank are zero: they add exact zeros at the end
of every sum, so that a network's bits do not depend on the ranks of others. Notation as in `propagator`.
"""

from __future__ import annotations

from lazyrich.engines.compiled import compiled
from lazyrich.engines.lanes import LANES, add, fma, load, mul, store, sub, zero


@compiled
def force(c, u, root, y, rate, g, h, q, square):
    """g = rate · root · residual, h = u + c g, q = 0, and the squared residual ‖Π(y − f)‖² of each lane."""
    total = zero()
    size = load(c, 0)
    step = load(rate, 0)
    for j in range(0, len(u), LANES):
        residual = sub(load(y, j), mul(load(root, j), load(u, j)))
        total = fma(residual, residual, total)
        force = mul(mul(step, load(root, j)), residual)
        store(g, j, force)
        store(h, j, fma(size, force, load(u, j)))
        store(q, j, zero())
    store(square, 0, total)


@compiled
def step_moments(A, u, c, g, h, q):
    """M ← (I + G) M (I + G) in one pass over the lower triangle A of ⟨p pᵀ⟩; u = ⟨v p⟩, c = ⟨v²⟩, q becomes A g."""
    k = 0
    for i in range(0, len(u), LANES):
        gi = load(g, i)
        ui = load(u, i)
        qi = load(q, i)
        for j in range(0, i, LANES):
            a = load(A, k)
            gj = load(g, j)
            qi = fma(a, gj, qi)
            store(q, j, fma(a, gi, load(q, j)))
            store(A, k, fma(ui, gj, fma(gi, load(h, j), a)))
            k += LANES
        a = load(A, k)
        store(q, i, fma(a, gi, qi))
        store(A, k, fma(ui, gi, fma(gi, load(h, i), a)))
        k += LANES
    gu = zero()
    gq = zero()
    for i in range(0, len(u), LANES):
        gu = fma(load(g, i), load(u, i), gu)
        gq = fma(load(g, i), load(q, i), gq)
    weight = add(load(c, 0), gu)
    store(c, 0, add(add(weight, gu), gq))
    for i in range(0, len(u), LANES):
        store(u, i, add(fma(weight, load(g, i), load(u, i)), load(q, i)))


@compiled
def step_propagator(P, g, row):
    """P ← (I + G) P; `row` is scratch, gᵀP_p, what is added to P's first row."""
    width = len(row)
    for j in range(0, width, LANES):
        store(row, j, zero())
    for i in range(0, len(g), LANES):
        gi = load(g, i)
        start = (i // LANES + 1) * width
        for j in range(0, width, LANES):
            p = load(P, start + j)
            store(row, j, fma(gi, p, load(row, j)))
            store(P, start + j, fma(gi, load(P, j), p))
    for j in range(0, width, LANES):
        store(P, j, add(load(P, j), load(row, j)))


@compiled
def step_balance(B, P, g, row):
    """B ← B + Pᵀ G J G P before P steps; B = PᵀJP − J, J = diag(−1, 1, …), without its cancellation; `row` is scratch."""
    width = len(row)
    gg = zero()
    for j in range(0, width, LANES):
        store(row, j, zero())
    for i in range(0, len(g), LANES):
        gi = load(g, i)
        gg = fma(gi, gi, gg)
        for j in range(0, width, LANES):
            store(row, j, fma(gi, load(P, (i // LANES + 1) * width + j), load(row, j)))
    k = 0
    for i in range(0, width, LANES):
        first = mul(gg, load(P, i))
        second = load(row, i)
        for j in range(0, width, LANES):
            store(B, k, sub(fma(first, load(P, j), load(B, k)), mul(second, load(row, j))))
            k += LANES


@compiled
def unpack(lane, A, u, c, M):
    """One lane's second moments as a matrix M (r + 1, r + 1)."""
    M[0, 0] = c[lane]
    for i in range(1, M.shape[0]):
        M[0, i] = M[i, 0] = u[(i - 1) * LANES + lane]
        for j in range(1, i + 1):
            M[i, j] = M[j, i] = A[((i - 1) * i // 2 + j - 1) * LANES + lane]


@compiled
def unpack_square(lane, flat, matrix, width):
    """One lane of a flat (width, width) matrix of lanes, its leading part of the size of `matrix`."""
    for i in range(matrix.shape[0]):
        for j in range(matrix.shape[1]):
            matrix[i, j] = flat[(i * width + j) * LANES + lane]
