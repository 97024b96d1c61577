"""Networks ready to train: the derived parameters of every network, computed in one place and one order.

1. data and their scalars (`problem`); 2. σ0, v0, D, χ; 3. η from the learning rate, k or h, and the number of steps;
4. initial weights in law (`initial`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float, Int

from lazyrich.networks.data.source import pool_of
from lazyrich.networks.explicit import by_sample, engine_of
from lazyrich.networks.initial import Initial, initial
from lazyrich.networks.losses import DEFAULT, LOSSES, family
from lazyrich.networks.optimisers import MOST_STEPS
from lazyrich.networks.problem import Problem, problems
from lazyrich.networks.recipe import Recipe
from lazyrich.networks.starts import DEFAULTS
from lazyrich.networks.table import Table, distinct, table
from lazyrich.theory import end_state, scalars

Array = np.ndarray


class Reason(IntEnum):
    """Why a network cannot be trained."""

    none = 0
    no_signal = 1  # Xᵀy = 0: no direction to learn, or none that k, h or χ could be measured by (`NEED_SIGNAL`)
    no_scale = 2  # both initial scales vanish, or they or the kernel overflow
    too_many_steps = 3  # tau asks for more than 10⁹ steps


# Keys that have no meaning where Xᵀy = 0. Networks that are not linear train there, at a rate and scales of their own.
NEED_SIGNAL = ("gram_scale", "laziness", "growth_per_step", "stability_fraction", "tau")


@dataclass(frozen=True)
class Networks:
    """Networks of one n: per network its problem, its unit draw and its scalars; a batch for an engine."""

    rows: Int[Array, " networks"]  # positions in the shard
    problem: Problem
    problem_index: Int[Array, " networks"]
    initial: Initial
    initial_index: Int[Array, " networks"]
    width: Float[Array, " networks"]  # m as float64
    sigma_0: Float[Array, " networks"]
    v_0: Float[Array, " networks"]
    loss_factor: Float[Array, " networks"]  # c
    curvature: Float[Array, " networks"]  # of the loss, as in `Loss`; NaN where there is none
    learning_rate: Float[Array, " networks"]  # η
    steps: Int[Array, " networks"]  # T
    reason: Int[Array, " networks"]  # `Reason`; only networks with `none` are trained
    activation: str = "linear"
    explicit: bool = False  # every neuron is among the probes
    loss: str = DEFAULT  # its `family`
    by_sample: bool = False  # the problem keeps its samples, because the loss or a record tells them apart
    doubled: bool = False  # neurons come in pairs (w, v), (w, −v), next to each other

    def part(self, where: Int[Array, " part"]) -> Networks:
        """Return some of the networks as a batch, with their problems, draws and modes only."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        per_network = {name: value[where] for name, value in values.items() if isinstance(value, np.ndarray)}
        problems, problem_index = np.unique(self.problem_index[where], return_inverse=True)
        draws, initial_index = np.unique(self.initial_index[where], return_inverse=True)
        problem = self.problem.part(problems)
        start = self.initial.part(draws, problem.eigenvalues.shape[1])
        indices = {"problem_index": problem_index, "initial_index": initial_index}
        return replace(self, **{**per_network, **indices, "problem": problem, "initial": start})

    @property
    def size(self) -> Float[Array, " networks"]:
        """D = σ0² + v0²."""
        size: np.ndarray = self.sigma_0**2 + self.v_0**2
        return size

    def of_problem(self, name: str) -> np.ndarray:
        """Return a scalar of each network's problem."""
        scalar: np.ndarray = getattr(self.problem, name)[self.problem_index]
        return scalar

    @property
    def floor(self) -> Float[Array, " networks"]:
        """The part of ‖y − f‖² that a linear network cannot fit; 0 for other networks, and for losses that are no squares."""
        known = self.activation == "linear" and LOSSES[self.loss].square
        return self.of_problem("floor") if known else np.zeros(len(self.rows))

    @property
    def unguided(self) -> Bool[Array, " networks"]:
        """Whether a network trains though Xᵀy = 0: k, h and χ, which are of linear networks, are not defined."""
        unguided: np.ndarray = (self.reason == Reason.none) & ~(self.of_problem("gamma") > 0)
        return unguided

    @property
    def laziness(self) -> Float[Array, " networks"]:
        """χ = D/(2b), infinite where there is nothing to learn, NaN if D is derived from χ there, or where χ is not defined."""
        with np.errstate(divide="ignore", invalid="ignore"):
            chi: np.ndarray = self.size / (2 * self.of_problem("b"))
        return np.where(self.unguided, np.nan, chi)

    @property
    def v_rms(self) -> Float[Array, " networks"]:
        """The rms of v_r at the start, over all neurons of each network."""
        rms: np.ndarray = self.v_0 * np.sqrt(self.initial.moments[self.initial_index, 0, 0])
        return rms

    @property
    def growth_per_step(self) -> Float[Array, " networks"]:
        """k = cη√γ/(mn), c the slope of the loss at an output of 0; NaN where it is not defined."""
        gamma = self.of_problem("gamma")
        k = scalars.growth_per_step(self.learning_rate, gamma, self.width, self.problem.samples, self.loss_factor)
        return np.where(self.unguided, np.nan, k)

    @property
    def stability_fraction(self) -> Float[Array, " networks"]:
        """h = cηλ_max(Θ∞)/(2n), c the largest curvature of the loss; NaN where it has none, or where h is not defined."""
        h: np.ndarray = self.learning_rate / _stability_limit(self)
        return h

    @property
    def observed_neurons(self) -> Int[Array, " networks"]:
        """The number of explicit neurons in each network's means."""
        count: np.ndarray = np.minimum(self.width, self.initial.probes.shape[1]).astype(np.int64)
        return count


def networks(recipe: Recipe, *, explicit: bool | None = None) -> Iterator[Networks]:
    """Yield the networks of a recipe with all derived parameters, one batch for each n, activation, start and family of losses.

    By default the neurons of networks that `engine_of` gives to the Gram engine are explicit. `explicit=True` makes those of
    all networks explicit, `explicit=False` only those of networks that are not linear. Batches with explicit neurons have one
    width.
    """
    columns = table(recipe)
    sized = dict(with_sizes(columns))
    kinds, kind = distinct(sized, ["activation", "width", "samples", "start"])
    by_gram = np.array([engine_of(**row) == "gram" for row in kinds])[kind]
    is_explicit = by_gram if explicit is None else (columns["activation"] != "linear") | explicit
    sized["width"] = np.where(is_explicit, sized["width"], 0)
    names, where = np.unique(columns["loss"], return_inverse=True)
    sized["loss"] = np.array([family(str(name)) for name in names])[where]
    _, group = distinct(sized, ["samples", "activation", "width", "start", "loss"])
    for i in range(group.max() + 1):
        rows = np.flatnonzero(group == i)
        group_columns = {name: column[rows] for name, column in columns.items()}
        yield _resolve(group_columns, rows, recipe, bool(is_explicit[rows[0]]), str(sized["loss"][rows[0]]))


def with_sizes(columns: Table) -> Table:
    """Return the columns, with n and m from the data file (m = 0 without weights) if the sweep does not give them."""
    if {"samples", "width"} <= set(columns):
        return columns
    path = str(columns["path"][0]) if "path" in columns else None
    pool = pool_of(str(columns["source"][0]), path)
    width = len(pool.weights[1]) if pool.weights else 0
    sizes = {"samples": len(pool), "width": width}
    return {**{name: np.full(len(columns["replicate"]), size) for name, size in sizes.items()}, **columns}


def _resolve(columns: Table, rows: np.ndarray, recipe: Recipe, explicit: bool, loss: str) -> Networks:
    settings = recipe.settings
    samples = by_sample(loss, settings["record"]["observables"])
    problem, index = problems(columns, recipe.fixed, settings["seed"], samples=samples, explicit=explicit)
    b, gamma = problem.b[index], problem.gamma[index]
    if problem.weights is not None:
        columns = {**columns, "width": np.full(len(rows), len(problem.weights.v))}
    width = columns["width"].astype(np.float64)
    loss_factor, curvature = _of_losses(columns["loss"])
    sigma_0, v_0 = _scales(columns, problem, b, problem.dimension[index], width)
    reason = np.full(len(rows), Reason.none)
    with np.errstate(over="ignore", invalid="ignore"):
        size = sigma_0**2 + v_0**2
        kernel_size = size * problem.eigenvalues[index, 0]
    reason[~(np.isfinite(kernel_size) & (size > 0))] = Reason.no_scale
    signal = learns = gamma > 0
    if columns["activation"][0] != "linear" and not set(NEED_SIGNAL) & set(columns):
        learns = (problem.y_norm[index] > 0) & (problem.eigenvalues[index, 0] > 0)
    reason[~learns] = Reason.no_signal
    fit = reason == Reason.none
    # Placeholders where there is nothing to train, to avoid warnings below.
    limit = np.ones(len(rows))
    guided = fit & signal
    limit[guided] = _limit(problem, index[guided], size[guided], width[guided], curvature[guided])

    if "learning_rate" in columns:
        learning_rate = columns["learning_rate"].astype(float)
    elif "growth_per_step" in columns:
        per_rate = scalars.growth_per_step(1.0, np.where(fit, gamma, 1.0), width, problem.samples, loss_factor)
        learning_rate = columns["growth_per_step"] / per_rate
    else:
        learning_rate = columns["stability_fraction"] * limit

    if "steps" in columns:
        steps = columns["steps"].astype(np.int64)
    else:
        rounded_steps = np.maximum(1.0, np.round(columns["tau"] * limit / learning_rate))
        reason[fit & ~(rounded_steps <= MOST_STEPS)] = Reason.too_many_steps
        steps = np.minimum(rounded_steps, MOST_STEPS).astype(np.int64)
    neurons = int(columns["width"].max()) if explicit else settings["probes"]["count"]
    doubled = "start" in columns and str(columns["start"][0]) == "doubled"
    if doubled and explicit and problem.held_out is not None:
        problem = replace(problem, held_out=problem.held_out.paired())
    start, start_index = initial(columns, problem, index, neurons, settings["seed"])
    return Networks(
        rows=rows,
        problem=problem,
        problem_index=index,
        initial=start,
        initial_index=start_index,
        width=width,
        sigma_0=sigma_0,
        v_0=v_0,
        loss_factor=loss_factor,
        curvature=curvature,
        learning_rate=learning_rate,
        steps=steps,
        reason=reason,
        activation=str(columns["activation"][0]),
        explicit=explicit,
        loss=loss,
        by_sample=samples,
        doubled=doubled,
    )


def _of_losses(names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return factor and curvature of losses, (networks,) each."""
    known, where = np.unique(names, return_inverse=True)
    losses = [LOSSES[name] for name in known]
    factor = np.array([loss.factor for loss in losses])
    curvature = np.array([np.nan if loss.curvature is None else loss.curvature for loss in losses])
    return factor[where], curvature[where]


def _scales(
    columns: Table, problem: Problem, b: np.ndarray, dimension: np.ndarray, width: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (σ0, v0): given, or from laziness and balance, from width exponents or from the file's weights.

    Of balanced neurons v0 is the rms of |v_r| = ‖w_r‖, σ0√d.
    """
    if problem.weights is not None:
        scale = np.ones(len(b)) * columns.get("weight_scale", np.float64(DEFAULTS["weight_scale"]))
        return problem.weights.sigma_0 * scale, problem.weights.v_0 * scale
    balanced = np.full(len(b), columns.get("start", DEFAULTS["start"])) == "balanced_neurons"
    if "laziness" in columns:
        balance = columns.get("balance", np.float64(1.0))
        if balanced.any():
            balance = np.where(balanced, 1 / np.sqrt(dimension), balance)
        v_0 = np.sqrt(2 * b * columns["laziness"] / (1 + balance**2))
        return balance * v_0, v_0
    if "width_exponent_s" in columns:
        sigma_0 = width ** -columns["width_exponent_s"]
        return sigma_0, np.sqrt(dimension) * sigma_0 if balanced.all() else width ** -columns["width_exponent_p"]
    sigma_0 = columns["sigma_0"].astype(float)
    return sigma_0, np.sqrt(dimension) * sigma_0 if balanced.all() else columns["v_0"].astype(float)


def _limit(
    problem: Problem, index: np.ndarray, size: np.ndarray, width: np.ndarray, curvature: np.ndarray
) -> np.ndarray:
    """Return η_c = 2n/(c λ_max(Θ∞)), the learning rate at which h = 1."""
    pairs, inverse = np.unique(np.stack([index.astype(float), size]), axis=1, return_inverse=True)
    problem_rows = pairs[0].astype(np.int64)
    largest = end_state.largest_eigenvalue(problem.eigenvalues[problem_rows], problem.targets[problem_rows], pairs[1])
    rate: np.ndarray = 2 * problem.samples * width / (curvature * largest[inverse])
    return rate


def _stability_limit(networks: Networks) -> np.ndarray:
    limit = np.full(len(networks.rows), np.nan)
    fit = (networks.reason == Reason.none) & ~networks.unguided
    limit[fit] = _limit(
        networks.problem,
        networks.problem_index[fit],
        networks.size[fit],
        networks.width[fit],
        networks.curvature[fit],
    )
    return limit
