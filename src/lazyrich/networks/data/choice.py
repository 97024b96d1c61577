"""The samples of a source that a problem uses, and how it transforms their inputs and labels."""

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
    """Return the first `samples` positions of a shuffle by the replicate's stream of inputs; more samples include the fewer.

    With `classes` (`3-8`) the classes take turns in rising order. Each class follows the order of that one shuffle, so that an
    image comes at the same turn of its class in every choice of classes that includes it.
    """
    return _first(stream(seed, replicate, Role.INPUTS).permutation(len(labels)), labels, samples, classes)


def held_out(
    labels: Float[Array, " all"], samples: int, classes: str | None, seed: int, replicate: int
) -> Int[Array, " n"]:
    """Choose test samples from the other end of the shuffle of `chosen`: the same for any n, and none is trained on."""
    return _first(stream(seed, replicate, Role.INPUTS).permutation(len(labels))[::-1], labels, samples, classes)


def _first(order: Int[Array, " all"], labels: Float[Array, " all"], samples: int, classes: str | None) -> np.ndarray:
    if classes is None:
        return order[:samples]
    numbers = classes_of(classes)
    result = np.empty(samples, dtype=np.int64)
    for turn, number in enumerate(numbers):
        place = result[turn :: len(numbers)]
        place[:] = order[labels[order] == number][: len(place)]
    return result


def available(counts: dict[float, int], classes: str | None, excluded: int = 0) -> int:
    """Return the largest number of samples that `chosen` can return.

    `counts` has the number of samples of each label; the first `excluded` turns are not available.
    """
    if classes is None:
        return sum(counts.values()) - excluded
    numbers = classes_of(classes)
    turns = len(numbers)
    remaining = [counts.get(number, 0) - len(range(turn, excluded, turns)) for turn, number in enumerate(numbers)]
    return min(count * turns + turn for turn, count in enumerate(remaining))


def targets(
    labels: Float[Array, " n"], kind: str, positive_class: float, mean: float | None = None
) -> Float[Array, " n"]:
    """Return y of samples: their labels, labels less a mean (by default their own), or 1 for one class and −1 for the rest."""
    match kind:
        case "centred":
            return labels - (labels.mean() if mean is None else mean)
        case "one_vs_rest":
            return np.where(labels == positive_class, 1.0, -1.0)
        case _:
            return labels


def inputs(pool: Pool, index: Int[Array, " n"], kind: str, of: Pool | None = None) -> Float[Array, "n d"]:
    """Return X of the samples at `index`, of the pool or of the pool `of`: raw, scaled to [0, 1] or standardised.

    Scale and moments are always those of the whole `pool`, so that test samples are transformed like training samples.
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
