"""From a recipe to a dataset: one row for each network, its parameters, scalars and trajectory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from lazyrich.engines.records import record_steps
from lazyrich.engines.select import evolve_with, explicit
from lazyrich.engines.trajectories import Recording, Status, Trajectories
from lazyrich.networks import activations, observables
from lazyrich.networks.batch import Networks, Reason, networks, with_sizes
from lazyrich.networks.data import DATA
from lazyrich.networks.data.source import digest
from lazyrich.networks.explicit import MOST_EXPLICIT
from lazyrich.networks.losses import CONVERGED_LOSS, LOSSES
from lazyrich.networks.problem import DISTRIBUTION
from lazyrich.networks.recipe import Recipe
from lazyrich.networks.table import Table, table, variable
from lazyrich.shards.concatenate import concatenate
from lazyrich.system import blas, progress
from lazyrich.system.device import find_device
from lazyrich.system.errors import LazyrichError

MEANWHILE = (
    "while these networks trained, so that none is kept; start again, and leave it as it is until they are trained"
)


def simulate(recipe: Recipe, *, engine: str | None = None, device: str = "auto", threads: int = 1) -> xr.Dataset:
    """Train the networks of a recipe.

    Parameters
    ----------
    recipe
        which networks, and how they are recorded (`plan`).
    engine
        by default `propagator` for linear networks (exact and fast) and `gram` for others and for linear ones of no more
        neurons than samples (exact, every neuron explicit); or `dense` (explicit weights, the ground truth).
    device
        `cpu`, `cuda` or `auto`, the GPU where there is one.
    threads
        number of threads; the propagator's results do not depend on it.

    Returns
    -------
    Dataset
        in the layout of a shard (docs/datasets.md), in float64, with the attributes `engine` and `device` only.

    Raises
    ------
    ValueError
        before any work: for an unknown or unsuitable engine or device, an unusable activation, or files that were edited since
        the networks were planned; at the end of a batch: for files that were edited while it trained.
    """
    every_neuron = explicit([] if engine is None else [engine])  # raises what is wrong with its name
    device = find_device(device)
    device = "cpu" if engine == "dense" else device
    settings = recipe.settings
    record = settings["record"]
    columns = table(recipe)
    if engine == "propagator" and (columns["activation"] != "linear").any():
        raise LazyrichError("engine = propagator: trains linear networks only; leave it out, or write gram")
    if (
        engine == "gram"
        and "width" in columns
        and (columns["width"].astype(float) * with_sizes(columns)["samples"]).max() > MOST_EXPLICIT
    ):
        raise LazyrichError(
            f"engine = gram: holds every neuron; leave it out, or write width × samples ≤ {MOST_EXPLICIT}"
        )
    _check_files(recipe, "since these networks were planned; start again")
    for activation in recipe.activations:
        activations.function(activation)  # raises ActivationError if it cannot be used
    parts, networks_done, engines = [], 0, set()
    with blas.one_thread(), progress.shown(len(columns["replicate"]), "networks"), _blaming_edits(recipe):
        for batch in networks(recipe, explicit=every_neuron):
            steps = record_steps(record, batch.steps)
            recording = recorded(record, batch, steps, record["observables"], _probe_count(settings, batch, columns))
            name = engine or ("gram" if batch.explicit else "propagator")
            trajectories = evolve_with(name, batch, recording, device=device, threads=threads)
            engines.add(name)
            part = _dataset(batch, steps, trajectories, record["observables"])
            if {"second_layer", "start"} & set(columns):  # else v0 itself
                part["v_rms"] = ("network", batch.v_rms)
            parts.append(part)
            networks_done += len(batch.rows)
            progress.reach(networks_done)  # networks that cannot be trained, too
            _check_files(recipe, MEANWHILE)
    data = concatenate(parts)
    order = np.argsort(data["row"].values)
    if (np.diff(order) < 0).any():  # else spare the copies: they take as long as a third of the training
        data = data.isel(network=order)
    data = data.drop_vars("row")
    parameters = {name for box in recipe.boxes for key in box for name in key.split()}
    parameters |= {"width", "noise_std", *recipe.formulas}
    columns.setdefault("noise_std", np.full(data.sizes["network"], np.nan))  # unknown for a user's file
    for name, column in columns.items():
        if name in parameters:  # as given: an integer width keeps every digit
            data[variable(name)] = ("network", column)
    return data.assign_attrs(engine=", ".join(sorted(engines)), device=device)


def recorded(
    record: Mapping[str, Any], batch: Networks, steps: np.ndarray, names: Iterable[str], keep_probes: int
) -> Recording:
    """Return how a batch is recorded at `steps`; `record` as in a recipe's settings."""
    return Recording(
        steps=steps,
        observables=np.array(observables.wanted(names, square=LOSSES[batch.loss].square)),
        onset=record["onset"],
        converged=record["converged"],
        keep_probes=keep_probes,
        converged_loss=record.get("converged_loss", CONVERGED_LOSS),
    )


@contextlib.contextmanager
def _blaming_edits(recipe: Recipe) -> Iterator[None]:
    """Replace an error that comes from edited files by a ValueError that names them: each batch reads them again."""
    try:
        yield
    except Exception:
        _check_files(recipe, MEANWHILE)
        raise


def _check_files(recipe: Recipe, when: str) -> None:
    """Raise ValueError where a file that decides the numbers is not the one that was planned."""
    for activation, planned in recipe.activations.items():
        if edit := _edit(planned, activations.digest, activation):
            raise LazyrichError(f"{activation}: its file was {edit} {when}") from None
    source, path = recipe.fixed.get("source"), recipe.fixed.get("path")
    if source in DATA and (edit := _edit(recipe.settings["data"], digest, source, path)):
        raise LazyrichError(f"{path or source}: was {edit} {when}") from None


def _edit(planned: str, read: Callable[..., str], *of: str | None) -> str | None:
    """Return `edited` or `removed` for a file whose digest was `planned`, None if it is unchanged."""
    try:
        return None if read(*of) == planned else "edited"
    except FileNotFoundError:
        return "removed"


def _probe_count(settings: Mapping[str, Any], batch: Networks, columns: Table) -> int:
    """Return the number of probes whose values are kept: the same for every batch of the recipe."""
    if not settings["probes"]["keep"]:
        return 0
    widest = columns["width"].max() if "width" in columns else batch.initial.probes.shape[1]
    return int(min(settings["probes"]["count"], widest))


def _dataset(batch: Networks, steps: np.ndarray, run: Trajectories, names: Sequence[str]) -> xr.Dataset:
    per_network = {
        "row": batch.rows,
        "samples": np.full(len(batch.rows), batch.problem.samples),
        "dimension": batch.of_problem("dimension"),
        "width": batch.width,
        "sigma_0": batch.sigma_0,
        "v_0": batch.v_0,
        "learning_rate": batch.learning_rate,
        "growth_per_step": batch.growth_per_step,
        "stability_fraction": batch.stability_fraction,
        "laziness": batch.laziness,
        "steps": batch.steps,
        "loss_factor": batch.loss_factor,
        **{name: batch.of_problem(name) for name in ("y_norm", "gamma", "kappa", "b", "gram_norm", "gram_error")},
        "phi": batch.of_problem("gamma_2"),
        **{name: batch.of_problem(name) for name in ("fitted_norm", *DISTRIBUTION)},
        "loss_floor": batch.loss_factor / (2 * batch.problem.samples) * batch.floor,
        "b_rms": run.b_rms,
        "onset_step": run.onset_step,
        "end_step": run.end_step,
        "alignment_step": alignment_step(steps, run.rho_rms),
        "loss_start": run.loss_start,
        "loss_end": run.loss_end,
        "loss_min": run.loss_min,
        "loss_max": run.loss_max,
        "kernel_change": run.kernel_change,
        "period": run.period,
        "sharpness_start": run.sharpness_start,
        "sharpness_end": run.sharpness_end,
        "status": run.status,
        "reason": batch.reason,
    }
    if batch.problem.held_out is not None:
        per_network["test_samples"] = np.full(len(batch.rows), batch.problem.held_out.samples)
    failed = run.status == Status.failed
    per_network["reason"] = np.where(failed, per_network["reason"], Reason.none)
    data = xr.Dataset({name: ("network", value) for name, value in per_network.items()})
    for name in ("eigenvalues", "targets"):
        data[name] = (("network", "mode"), batch.of_problem(name))
    data["step"] = (("network", "record"), steps)
    data["tau"] = (("network", "record"), steps * batch.stability_fraction[:, None])
    for name in names:
        data[name] = (("network", "record"), run.observables[:, :, observables.NAMES.index(name)])
    if run.rho_r is not None:
        data["rho_r"] = (("network", "record", "probe"), run.rho_r)
        data["v_r"] = (("network", "record", "probe"), run.v_r)
    return data


def alignment_step(steps: np.ndarray, rho_rms: np.ndarray) -> np.ndarray:
    """Return the step at which rms ρ_r first reaches 1 (Theorem 4.1's t₁), (networks,), NaN where it does not.

    Between two records log ρ is taken as linear in the step, as in stage one; from a ρ of 0 (the start) ρ itself is. Also NaN
    where the records do not begin at the start.
    """
    reached = (rho_rms >= 1.0) & (steps[:, :1] == 0)
    first = np.argmax(reached, axis=1)
    rows = np.arange(len(steps))
    crosses = reached.any(axis=1)
    before = np.maximum(first - 1, 0)
    low, high = rho_rms[rows, before], rho_rms[rows, first]
    start, stop = steps[rows, before].astype(float), steps[rows, first].astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(low > 0, np.log(1.0 / low) / np.log(high / low), 1.0 / high)
        step = np.where(first > 0, start + share * (stop - start), stop)
    return np.where(crosses, step, np.nan)
