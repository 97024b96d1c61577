"""The network linearised at its start: y − f_lin contracts by C = I − (cη/n)Θ₀ at each step, whatever happened before.

Records lie many steps apart, and some far behind the end of the network itself. Powers C, C², C⁴, … carry the linearised
network over any gap in a few products of a matrix and a vector, at a fraction of the price of an eigen-decomposition.
"""

from lazyrich.engines.simd.compiled import compiled_leaf


@compiled_leaf
def powers_of_contraction(powers, r):
    """Fill powers[k] = C^(2^k), (doublings, r, r) symmetric, from powers[0] = C."""
    for k in range(1, len(powers)):
        for i in range(r):
            for j in range(r):
                powers[k, i, j] = 0.0
            for inner in range(r):
                factor = powers[k - 1, i, inner]
                for j in range(r):
                    powers[k, i, j] += factor * powers[k - 1, inner, j]


@compiled_leaf
def advance_linearised(powers, residual, carried, steps, r):
    """Advance `residual` (r,), y − f_lin, by a number of steps; `carried` is scratch."""
    k = 0
    while steps > 0:
        if steps & 1:
            for i in range(r):
                carried[i] = 0.0
            for i in range(r):
                for j in range(r):
                    carried[j] += residual[i] * powers[k, i, j]
            for i in range(r):
                residual[i] = carried[i]
        steps >>= 1
        k += 1
