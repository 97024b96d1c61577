"""The networks for which theory holds, and its use for networks with another activation than it was derived for.

Nobody derived it for them. What needs linear neurons to mean anything is left out, with the reason; what might carry over (the
paper trains ReLU networks and sees two stages) is drawn, named as theory of linear networks, and its error is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from lazyrich.networks.recipe import Recipe

LINEAR = "linear"
# After the name of a prediction that is drawn though networks are not linear.
OF_LINEAR = " (linear theory)"


class Holds(NamedTuple):
    """The use of a theory for networks of one activation."""

    compared: bool  # drawn, and its error measured
    derived: bool  # it was derived for them
    reason: str = ""  # why it is not compared

    @property
    def carried(self) -> bool:
        """Return whether it is compared though it was not derived for them."""
        return self.compared and not self.derived


def derived(activation: str) -> Holds:
    """Return that a theory is one of any activation."""
    return Holds(True, True)


def carried(activation: str) -> Holds:
    """Return the use of a theory of linear networks that may carry over: compare it with all networks."""
    return Holds(True, activation == LINEAR)


def linear_only(reason: str) -> Callable[[str], Holds]:
    """Return the `holds_for` of a theory that is neither drawn nor compared if networks are not linear."""
    return lambda activation: Holds(activation == LINEAR, activation == LINEAR, reason)


def compared(holds_for: Callable[[str], Holds], activations: np.ndarray) -> np.ndarray:
    """Return whether a theory is compared with networks of each of the activations, the same shape."""
    names = np.unique(activations).tolist()
    return np.isin(activations, [name for name in names if holds_for(name).compared])


def remark(holds_for: Callable[[str], Holds], activations: list[str]) -> str:
    """Return a remark on the use of a theory for networks of these activations; empty if it was derived for all."""
    holds = {name: holds_for(name) for name in activations}
    if missing := [name for name, hold in holds.items() if not hold.compared]:
        return f"not compared with networks that are {', '.join(missing)}: {holds[missing[0]].reason}"
    if not_linear := [name for name, hold in holds.items() if hold.carried]:
        return f"theory of linear networks, held against networks that are {', '.join(not_linear)}"
    return ""


def of_networks(data: xr.Dataset) -> np.ndarray:
    """Return the activation of each network of a shard, (networks,)."""
    activation = data["activation"].values if "activation" in data else _fixed(data)
    return np.broadcast_to(activation, data.sizes["network"])


def of_cells(summary: xr.Dataset) -> xr.DataArray:
    """Return the activation of a summary's cells, over the dimension along which it varies, if any."""
    return summary["activation"] if "activation" in summary else xr.DataArray(_fixed(summary))


def activations(data: xr.Dataset) -> list[str]:
    """Return the activations of a summary, or of networks."""
    return np.unique(of_cells(data).values).tolist()


def others(data: xr.Dataset) -> list[str]:
    """Return the activations of a summary, or of networks, that are not linear."""
    return [name for name in activations(data) if name != LINEAR]


def caveat(data: xr.Dataset) -> str:
    """Return the suffix of a prediction's name in a picture of a summary or of networks; empty if all are linear."""
    return OF_LINEAR if others(data) else ""


def sentence(data: xr.Dataset) -> str:
    """Return the last sentence of captions of pictures with theory; empty if all networks are linear."""
    return (
        " Stages one and two, T and Θ∞ are those of linear networks, which these need not be." if others(data) else ""
    )


def _fixed(data: xr.Dataset) -> str:
    """Return the activation that all of a dataset shares."""
    return str(Recipe.of(data).fixed["activation"])
