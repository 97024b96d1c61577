"""Which samples of a source a problem has, and what it takes their inputs and labels as."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from lazyrich.networks.data import classes_of
from lazyrich.networks.data.pool import Pool
from lazyrich.networks.streams import Role, stream

Array = np.ndarray


def chosen(
    labels: Float[Array, " all"], samples: int, classes: str | None, seed: int, replicate: int
) -> Int[Array, " n"]:
    """Return the first `samples` of all, shuffled by the replicate's stream of inputs: more of them are those and others.

    With `classes` (`3-8`) the classes take turns in rising order, each with its own in the order of that one shuffle, so that
    an image that several choices of classes have in their reach comes at the same turn of its class.
    """
    return _first(stream(seed, replicate, Role.INPUTS).permutation(len(labels)), labels, samples, classes)


def held_out(
    labels: Float[Array, " all"], samples: int, classes: str | None, seed: int, replicate: int
) -> Int[Array, " n"]:
    """Do as `chosen` from the other end of the same shuffle: the same test samples for any n, none of them trained on."""
    return _first(stream(seed, replicate, Role.INPUTS).permutation(len(labels))[::-1], labels, samples, classes)


def _first(order: Int[Array, " all"], labels: Float[Array, " all"], samples: int, classes: str | None) -> np.ndarray:
    if classes is None:
        return order[:samples]
    wanted = classes_of(classes)
    result = np.empty(samples, dtype=np.int64)
    for turn, number in enumerate(wanted):
        place = result[turn :: len(wanted)]
        place[:] = order[labels[order] == number][: len(place)]
    return result


def available(counts: dict[float, int], classes: str | None, taken: int = 0) -> int:
    """Return how many samples `chosen` can take at most, given the number of each label and that `taken` are held out."""
    if classes is None:
        return sum(counts.values()) - taken
    wanted = classes_of(classes)
    turns = len(wanted)
    left = [counts.get(number, 0) - len(range(turn, taken, turns)) for turn, number in enumerate(wanted)]
    return min(each * turns + turn for turn, each in enumerate(left))


def targets(
    labels: Float[Array, " n"], kind: str, positive_class: float, mean: float | None = None
) -> Float[Array, " n"]:
    """Return y of samples: their labels, these less a mean (by default their own), or 1 for one class and −1 for the rest."""
    match kind:
        case "centred":
            return labels - (labels.mean() if mean is None else mean)
        case "one_vs_rest":
            return np.where(labels == positive_class, 1.0, -1.0)
        case _:
            return labels


def inputs(pool: Pool, index: Int[Array, " n"], kind: str, of: Pool | None = None) -> Float[Array, "n d"]:
    """Return X of the samples at `index`, of the pool itself or `of` another: as it is, scaled to [0, 1] or standardised.

    By values of the whole pool in any case, so that test samples are taken as the training samples are.
    """
    X = (of or pool).rows(index)
    match kind:
        case "scaled":
            low, high = pool.span
            return (X - low) / (high - low)
        case "standardised":
            mean, deviation = pool.moments
            return np.where(deviation > 0, X - mean, 0.0) / np.where(deviation > 0, deviation, 1.0)
        case _:
            return X
