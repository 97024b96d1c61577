"""One stored network as a batch, with data and weights drawn as the engine had them, to train or follow it again.

Nothing here needs torch.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr
from jaxtyping import Float

from lazyrich.engines.select import explicit
from lazyrich.engines.trajectories import Status
from lazyrich.networks import activations
from lazyrich.networks.batch import Networks, Reason, networks
from lazyrich.networks.data import DATA
from lazyrich.networks.data.source import digest
from lazyrich.networks.problem import Problem
from lazyrich.networks.recipe import Recipe
from lazyrich.networks.table import table
from lazyrich.planning.cell import one_network
from lazyrich.system.errors import LazyrichError

Array = np.ndarray


def batch_of(data: xr.Dataset, network: int) -> Networks:
    """Return the network as a batch of one, with data and weights drawn as the engine had them."""
    row = data.isel(network=network)
    if row["status"].item() == Status.failed:
        reason = Reason(int(row["reason"].item())).name
        raise LazyrichError(f"this network could not be trained ({reason}), so that there is no trajectory to compare")
    recipe = one_network(Recipe.of(data), network)
    check_files(recipe)
    (batch,) = networks(recipe, explicit=explicit(data.attrs["engine"].split(", ")))
    return replace(batch, problem=_with_signs(batch.problem, row["targets"].values))


def check_files(recipe: Recipe) -> None:
    """Raise ValueError if a file that decides the numbers of the recipe's one network has changed."""
    columns = table(recipe)
    activation, source, path = str(columns["activation"][0]), str(columns["source"][0]), recipe.fixed.get("path")
    planned_digest = recipe.activations.get(activation)
    for file, edited in (
        (activation, planned_digest is not None and activations.digest(activation) != planned_digest),
        (path or source, source in DATA and digest(source, path) != recipe.settings["data"]),
    ):
        if edited:
            raise LazyrichError(f"{file}: was edited since this network was trained; train it again")


def _with_signs(problem: Problem, targets: Float[Array, " modes"]) -> Problem:
    """Return the problem with eigenvectors of K turned as stored: their signs are the linear algebra library's choice.

    Weights are drawn along these vectors, unless the file brings them.
    """
    if problem.weights is not None:
        return problem
    targets_drawn = problem.targets[0]
    signs = np.where(targets_drawn * targets[: len(targets_drawn)] < 0, -1.0, 1.0)
    vectors = None if problem.vectors is None else problem.vectors * signs
    held_out = problem.held_out and replace(problem.held_out, inside=problem.held_out.inside * signs)
    return replace(problem, targets=problem.targets * signs, vectors=vectors, held_out=held_out)
