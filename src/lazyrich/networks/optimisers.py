"""How weights move: one entry of `OPTIMISERS` for each update.

`update` is plain arithmetic on weights, or on whatever is linear in them: pre-activations, and the boosts I + G by which a
linear network's neurons move together. Second moments are quadratic in the weights: engines step them in one pass, by the
boost that is `update(I, G)`; the lanes, where a multiplication and an addition are one operation, step propagators so, too.
This module imports no numpy: Snakemake reads it in every job.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

# More steps than this are a slip of the pen, not a run: hours for one network.
MOST_STEPS = 10**9


# In quotes: Triton looks an argument's annotation up, and knows no `Any`.
def descent(x: "Any", change: "Any") -> "Any":
    """Return x after a step of plain gradient descent; `change` is −η times the gradient."""
    return x + change


class Optimiser(NamedTuple):
    """One update: (x, change) -> x."""

    update: Callable[[Any, Any], Any]


OPTIMISERS = {"descent": Optimiser(update=descent)}
DEFAULT = "descent"
