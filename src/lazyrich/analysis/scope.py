"""What theory was derived for linear networks alone, and what is done with it where networks have another activation.

Nobody derived it for them. What needs linear neurons to mean anything is left out, with the reason; what might carry over (the
paper trains ReLU networks and sees two stages) is drawn, named as theory of linear networks, and its error is measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from lazyrich.networks.recipe import Recipe

LINEAR = "linear"


@dataclass(frozen=True)
class LeftOut:
    """Something that is neither drawn nor compared where networks are not linear."""

    words: str
    reason: str


# Theories (of `theories.predictions`) and predicted boundaries.
LEFT_OUT = {
    "closed_form": LeftOut(
        "closed form for K = κI", "it integrates the flow of linear neurons, with what that conserves"
    ),
    "wide_flow": LeftOut(
        "gradient flow in the wide limit, any K",
        "its state Wᵀv gives the output and the kernel of linear networks only",
    ),
    "lazy_limit": LeftOut(
        "linearised network of a wide start", "its kernel (D/m) K is that of a linear network's start"
    ),
    "flow_stability_predicted": LeftOut(
        "boundary h = 1", "h measures the step by λ_max(Θ∞), the kernel where linear networks end"
    ),
    "no_stable_solution_predicted": LeftOut(
        "boundary k = 1", "λ_max(Θ) ≥ 2√γ/m holds for solutions of linear networks"
    ),
    "lazy_divergence_predicted": LeftOut("boundary cηλ_max(Θ₀)/n = 4", "4 is the bound of linear networks"),
    "assumption_predicted": LeftOut("boundary of Assumption 4.1", "Theorem 4.1 is about linear networks"),
}
# What may carry over, in words: it is compared under its own name.
CARRIED = "stage one (Eq. 9), stage two (Eq. 10 and 11), the lazy–rich boundary, and the kernels T and Θ∞"
CARRIED_ERRORS = ("stage_one", "eq_10", "aligned", "two_stage", "ntk_target", "ntk_end")
# After the name of a prediction that is drawn though networks are not linear.
OF_LINEAR = " (linear theory)"


def of_networks(data: xr.Dataset) -> np.ndarray:
    """The activation of each network of a shard, (networks,)."""
    known = data["activation"].values if "activation" in data else _fixed(data)
    return np.broadcast_to(known, data.sizes["network"])


def of_cells(summary: xr.Dataset) -> xr.DataArray:
    """The activation of a summary's cells, over the dimension along which it varies, if any."""
    return summary["activation"] if "activation" in summary else xr.DataArray(_fixed(summary))


def others(data: xr.Dataset) -> list[str]:
    """The activations of a summary, or of networks, that are not linear."""
    return [name for name in np.unique(of_cells(data).values).tolist() if name != LINEAR]


def caveat(data: xr.Dataset) -> str:
    """What follows the name of a prediction in a picture of a summary, or of networks; nothing where all are linear."""
    return OF_LINEAR if others(data) else ""


def sentence(data: xr.Dataset) -> str:
    """What follows in a caption of pictures with theory in them; nothing where all networks are linear."""
    return (
        " Stages one and two, T and Θ∞ are those of linear networks, which these need not be." if others(data) else ""
    )


def remark(summary: xr.Dataset, name: str) -> str:
    """What a summary says of its variable `name`, the error of a theory; nothing where all networks are linear."""
    if not (found := others(summary)):
        return ""
    theory, of = name.removesuffix("_error"), ", ".join(found)
    if theory in LEFT_OUT:
        return f"not compared with networks that are {of}: {LEFT_OUT[theory].reason}"
    return f"theory of linear networks, held against networks that are {of}" if theory in CARRIED_ERRORS else ""


def _fixed(data: xr.Dataset) -> str:
    """The activation that all of a dataset shares."""
    return str(Recipe.of(data).fixed["activation"])
