"""Laws of initial weights by name: of the second layer, and of how neurons go together. No numpy is needed."""

from __future__ import annotations

from typing import Any, NamedTuple

SECOND_LAYERS = ("signs", "gaussian", "positive")
STARTS = ("drawn", "doubled", "balanced_neurons", "unit_rows")
# What a sweep without these keys has; one that writes these values is the same sweep.
DEFAULTS: dict[str, Any] = {"second_layer": "signs", "start": "drawn", "weight_scale": 1.0}
# Starts in which ‖w_r‖ over all d directions counts, so that neurons are drawn one by one.
BOUND = ("balanced_neurons", "unit_rows")


class Law(NamedTuple):
    """The law that a network's initial weights have."""

    second_layer: str = "signs"
    start: str = "drawn"
    dimension: int = 0  # d; of starts in `BOUND`


PAPER = Law()


def independent_neurons(start: str, width: float) -> float:
    """Return how many of the neurons are independent: the pairs of a doubled start, else all."""
    return width / 2 if start == "doubled" else width
