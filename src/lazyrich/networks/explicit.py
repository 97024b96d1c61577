"""Networks with every neuron explicit, or every sample: which they are, and how many neurons they may have."""

from __future__ import annotations

from collections.abc import Iterable

from lazyrich.networks.losses import LOSSES
from lazyrich.networks.observables import OBSERVABLES
from lazyrich.networks.starts import BOUND, independent_neurons
from lazyrich.system.errors import LazyrichError

# Entries of one network's pre-activations, width × samples: half a gigabyte, of which the Gram engine needs several.
MOST_EXPLICIT = 2**26


def engine_of(activation: str, width: float, samples: int, start: str = "drawn") -> str:
    """Return the engine that trains networks of `width` neurons on n = `samples` samples.

    All neurons are explicit in networks that are not linear, and in linear ones of m ≤ n, or m ≤ 2n where they come in pairs:
    their second moments are singular, and rounding errors act as additional neurons, which may grow where the network's own do
    not (docs/theory.md).
    """
    in_law = activation == "linear" and independent_neurons(start, width) > samples
    return "propagator" if in_law else "gram"


def by_sample(loss: str, observables: Iterable[str]) -> bool:
    """Return whether training tells samples apart, by its loss or by what is recorded: the modes of K are not enough then.

    Linear networks, too, then train with the output of each sample, in plain torch and not in the lanes of a processor or the
    fused kernel of a GPU (`engines.select`): some fifteen to forty times slower (docs/theory.md).
    """
    return not LOSSES[loss].square or any(OBSERVABLES[name].signs for name in observables)


def check_width(name: str, width: int, samples: int) -> None:
    """Raise ValueError for a network that is not linear and has more neurons than can be explicit."""
    if name != "linear" and width * samples > MOST_EXPLICIT:
        raise LazyrichError(
            f"network.width: {width} neurons are too many for {name}, whose neurons are all explicit; "
            f"write at most {MOST_EXPLICIT // samples} at {samples} samples, or activation: linear"
        )


def check_start(start: str, width: int, samples: int) -> None:
    """Raise ValueError for a start that draws every neuron, of more neurons than can be drawn."""
    if start in BOUND and width * samples > MOST_EXPLICIT:
        raise LazyrichError(
            f"network.width: {width} neurons are too many for start: {start}, in which ‖w_r‖ counts, so that each is drawn "
            f"(sums over Gaussian neurons alone are known in law); write at most {MOST_EXPLICIT // samples} at {samples} "
            "samples, or start: drawn"
        )
