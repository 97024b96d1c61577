"""The networks for which theory holds, and its use for others: another activation, a loss that is no square.

Nobody derived it for them. What needs linear neurons or a square to mean anything is left out, with the reason; what might
carry over (the paper trains ReLU networks and sees two stages) is drawn, named as theory of linear networks, and its error is
measured.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import xarray as xr

from lazyrich.networks import starts
from lazyrich.networks.losses import DEFAULT, LOSSES
from lazyrich.networks.recipe import Recipe
from lazyrich.networks.table import variable

LINEAR = "linear"
# Second layers of which Theorem 4.1 speaks, for linear networks: to turn a neuron, z_r → −z_r, changes none of its statements.
PAPERS = ("signs", "positive")
# After the name of a prediction that is drawn though networks are not linear.
OF_LINEAR = " (linear theory)"


class Holds(NamedTuple):
    """The use of a theory for networks of one activation and one loss."""

    compared: bool  # drawn, and its error measured
    derived: bool  # it was derived for them
    reason: str = ""  # why it is not compared

    @property
    def carried(self) -> bool:
        """Return whether it is compared though it was not derived for them."""
        return self.compared and not self.derived


class HoldsFor(Protocol):
    """What becomes of a theory beside networks of an activation and a loss, both by name."""

    def __call__(self, activation: str, loss: str = DEFAULT) -> Holds: ...  # noqa: D102


def derived(activation: str, loss: str = DEFAULT) -> Holds:
    """Return that a theory is one of any activation and any loss."""
    return Holds(True, True)


def carried(activation: str, loss: str = DEFAULT) -> Holds:
    """Return that a theory of linear networks is held against all others, too, because it may carry over."""
    return Holds(True, activation == LINEAR)


def linear_only(reason: str) -> HoldsFor:
    """Return the `holds_for` of a theory that is neither drawn nor compared where networks are not linear."""

    def holds_for(activation: str, loss: str = DEFAULT) -> Holds:
        return Holds(activation == LINEAR, activation == LINEAR, reason)

    return holds_for


def squares_only(holds_for: HoldsFor, reason: str) -> HoldsFor:
    """Return the `holds_for` of a theory that is neither drawn nor compared where the loss is no square, else as it was."""

    def narrowed(activation: str, loss: str = DEFAULT) -> Holds:
        return holds_for(activation, loss) if LOSSES[loss].square else Holds(False, False, reason)

    return narrowed


def compared(holds_for: HoldsFor, activations: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Return where networks or cells are ones that a theory is held against, the same shape."""
    held = np.zeros(np.broadcast(activations, losses).shape, dtype=bool)
    for activation in np.unique(activations).tolist():
        for loss in np.unique(losses).tolist():
            if holds_for(activation, loss).compared:
                held |= (activations == activation) & (losses == loss)
    return held


def remark(holds_for: HoldsFor, activations: list[str], losses: list[str]) -> str:
    """Return what is to be said of a theory beside networks of these; nothing where it was derived for all."""
    squares = [loss for loss in losses if LOSSES[loss].square]
    of_squares = {name: holds_for(name) for name in activations} if squares else {}
    of_losses = {loss: holds_for(activations[0], loss) for loss in losses if loss not in squares}
    missing = [name for name, each in of_squares.items() if not each.compared]
    without = [loss for loss, each in of_losses.items() if not each.compared]
    left = [f"that are {', '.join(missing)}: {of_squares[missing[0]].reason}"] if missing else []
    left += [f"of loss {', '.join(without)}: {of_losses[without[0]].reason}"] if without else []
    if left:
        return f"not compared with networks {'; nor with those '.join(left)}"
    if others := [name for name in activations if any(holds_for(name, loss).carried for loss in losses)]:
        return f"theory of linear networks, held against networks that are {', '.join(others)}"
    return ""


def of_networks(data: xr.Dataset) -> np.ndarray:
    """Return the activation of each network of a shard, (networks,)."""
    return np.broadcast_to(of_cells(data).values, data.sizes["network"])


def losses_of_networks(data: xr.Dataset) -> np.ndarray:
    """Return the loss of each network of a shard, (networks,)."""
    return np.broadcast_to(losses_of_cells(data).values, data.sizes["network"])


def squares(data: xr.Dataset) -> np.ndarray:
    """Return whether each network of a shard is trained on a square, (networks,)."""
    return np.broadcast_to(squares_of_cells(data).values, data.sizes["network"])


def squares_of_cells(summary: xr.Dataset) -> xr.DataArray:
    """Return whether a summary's cells are trained on a square, over the dimension along which the loss varies, if any."""
    named = losses_of_cells(summary)
    return named.copy(data=np.isin(named.values, [name for name, loss in LOSSES.items() if loss.square]))


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
    return _named(summary, "activation")


def losses_of_cells(summary: xr.Dataset) -> xr.DataArray:
    """Return the loss of a summary's cells, over the dimension along which it varies, if any."""
    return _named(summary, "loss")


def activations(data: xr.Dataset) -> list[str]:
    """Return the activations of a summary, or of networks."""
    return np.unique(of_cells(data).values).tolist()


def losses(data: xr.Dataset) -> list[str]:
    """Return the losses of a summary, or of networks."""
    return np.unique(losses_of_cells(data).values).tolist()


def no_squares(data: xr.Dataset) -> list[str]:
    """Return the losses of a summary, or of networks, that are no squares."""
    return [loss for loss in losses(data) if not LOSSES[loss].square]


def others(data: xr.Dataset) -> list[str]:
    """Return the activations of a summary, or of networks, that are not linear."""
    return [name for name in activations(data) if name != LINEAR]


def caveat(data: xr.Dataset) -> str:
    """Return the suffix of a prediction's name in a picture of a summary or of networks; empty if all are linear."""
    return OF_LINEAR if others(data) else ""


def sentence(data: xr.Dataset) -> str:
    """Return the last sentences of captions with theory; empty if all are the paper's linear networks, on squares."""
    linear = " Stages one and two, T and Θ∞ are those of linear networks, which these need not be."
    squares = f" Beside the loss {', '.join(no_squares(data))} there is no theory but stage one, which needs no square."
    remark_on_start = start_remark(data)
    return (
        (linear if others(data) else "")
        + (squares if no_squares(data) else "")
        + (f" {remark_on_start}" if remark_on_start else "")
    )


def _law(data: xr.Dataset, key: str) -> xr.DataArray:
    """Return a key of the start, over the dimension along which it varies, if any."""
    return data[key] if key in data else xr.DataArray(Recipe.of(data).fixed.get(key, starts.DEFAULTS[key]))


def _named(data: xr.Dataset, key: str) -> xr.DataArray:
    """Return what a dataset has under a key of sweep files, which varies or is the same of all."""
    name = variable(key)
    return data[name] if name in data else xr.DataArray(str(Recipe.of(data).fixed[key]))
