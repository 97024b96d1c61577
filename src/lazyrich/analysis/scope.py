"""The networks for which theory holds, and its use for networks with another activation than it was derived for.

Nobody derived it for them. What needs linear neurons to mean anything is left out, with the reason; what might carry over (the
paper trains ReLU networks and sees two stages) is drawn, named as theory of linear networks, and its error is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from lazyrich.networks import starts
from lazyrich.networks.recipe import Recipe

LINEAR = "linear"
# Second layers of which Theorem 4.1 speaks, for linear networks: to turn a neuron, z_r → −z_r, changes none of its statements.
PAPERS = ("signs", "positive")
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


def starts_of(data: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return `second_layer` and `start` of each network of a shard, (networks,) each."""
    second_layer, start = (
        np.broadcast_to(_law(data, key).values, data.sizes["network"]) for key in ("second_layer", "start")
    )
    return second_layer, start


def of_paper(data: xr.Dataset) -> np.ndarray:
    """Return which networks of a shard start as the paper's do, (networks,)."""
    second_layer, start = starts_of(data)
    return np.isin(second_layer, PAPERS) & (start == starts.DEFAULTS["start"])


def start_remark(data: xr.Dataset) -> str:
    """Return what theory leaves out for the starts of a summary, or of networks; empty if all are the paper's."""
    second_layers, names = (np.unique(_law(data, key).values).tolist() for key in ("second_layer", "start"))
    other = [f"second_layer: {name}" for name in second_layers if name not in PAPERS]
    other += [f"start: {name}" for name in names if name != starts.DEFAULTS["start"]]
    if not other:
        return ""
    text = f"Assumption 4.1 is about independent neurons with v_r = ±v₀, and has no margin where {' or '.join(other)}."
    if bound := [name for name in names if name in starts.BOUND]:
        text += (
            f" Stage one's ⟨|ρ_r|⟩ and ⟨|v_r|⟩ are for Gaussian b_r independent of v_r, and left out where start: "
            f"{' or '.join(bound)}."
        )
    return text + " What needs moments of the start alone holds as it is."


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
    """Return the last sentences of captions of pictures with theory; empty if all networks are the paper's linear ones."""
    text = (
        " Stages one and two, T and Θ∞ are those of linear networks, which these need not be." if others(data) else ""
    )
    remark_on_start = start_remark(data)
    return f"{text} {remark_on_start}" if remark_on_start else text


def _law(data: xr.Dataset, key: str) -> xr.DataArray:
    """Return a key of the start, over the dimension along which it varies, if any."""
    return data[key] if key in data else xr.DataArray(Recipe.of(data).fixed.get(key, starts.DEFAULTS[key]))


def _fixed(data: xr.Dataset) -> str:
    """Return the activation that all of a dataset shares."""
    return str(Recipe.of(data).fixed["activation"])
