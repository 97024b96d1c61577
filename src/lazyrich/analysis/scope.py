"""Which networks theory holds for, and what is done with it where networks have another activation than it was derived for.

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
    """What becomes of a theory beside networks of one activation."""

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
    """Return that a theory of linear networks is held against all others, too, because it may carry over."""
    return Holds(True, activation == LINEAR)


def linear_only(reason: str) -> Callable[[str], Holds]:
    """Return the `holds_for` of a theory that is neither drawn nor compared where networks are not linear."""
    return lambda activation: Holds(activation == LINEAR, activation == LINEAR, reason)


def compared(holds_for: Callable[[str], Holds], activations: np.ndarray) -> np.ndarray:
    """Return where activations are ones that a theory is held against, the same shape."""
    names = np.unique(activations).tolist()
    return np.isin(activations, [name for name in names if holds_for(name).compared])


def remark(holds_for: Callable[[str], Holds], activations: list[str]) -> str:
    """Return what is to be said of a theory beside networks of these activations; nothing where it was derived for all."""
    holds = {name: holds_for(name) for name in activations}
    if missing := [name for name, each in holds.items() if not each.compared]:
        return f"not compared with networks that are {', '.join(missing)}: {holds[missing[0]].reason}"
    if others := [name for name, each in holds.items() if each.carried]:
        return f"theory of linear networks, held against networks that are {', '.join(others)}"
    return ""


def of_networks(data: xr.Dataset) -> np.ndarray:
    """Return the activation of each network of a shard, (networks,)."""
    known = data["activation"].values if "activation" in data else _fixed(data)
    return np.broadcast_to(known, data.sizes["network"])


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
    """Return what follows the name of a prediction in a picture of a summary, or of networks; nothing where all are linear."""
    return OF_LINEAR if others(data) else ""


def sentence(data: xr.Dataset) -> str:
    """Return what follows in a caption of pictures with theory in them; nothing where all networks are linear."""
    return (
        " Stages one and two, T and Θ∞ are those of linear networks, which these need not be." if others(data) else ""
    )


def _fixed(data: xr.Dataset) -> str:
    """Return the activation that all of a dataset shares."""
    return str(Recipe.of(data).fixed["activation"])
