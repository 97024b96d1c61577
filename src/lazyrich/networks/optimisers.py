"""Optimisers: one entry of `OPTIMISERS` for each update of the weights.

`update` is plain arithmetic on weights, or on anything linear in them: pre-activations, and the boosts I + G by which a linear
network's neurons move together. Second moments are quadratic in the weights: engines step them in one pass, by the boost
`update(I, G)`. The lanes step propagators in the same way, since a multiplication and an addition are one operation there.
This module imports no numpy: Snakemake reads it in every job.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

# More steps are a typing error, not a run: they would take hours for one network.
MOST_STEPS = 10**9


# In quotes: Triton evaluates annotations, and does not know `Any`.
def descent(x: "Any", change: "Any") -> "Any":
    """Return x after a step of plain gradient descent; `change` is −η times the gradient."""
    return x + change


class Optimiser(NamedTuple):
    """One update: (x, change) -> x."""

    update: Callable[[Any, Any], Any]


OPTIMISERS = {"descent": Optimiser(update=descent)}
DEFAULT = "descent"
