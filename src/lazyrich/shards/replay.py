"""Train a stored network again, with explicit weights in the dense engine, and compare the trajectories.

A shard's recipe has the random streams of data and weights, and these give the network itself: inputs with the same Gram
matrix, and its own weights or, if there are too many, others with the same second moments (`engines.dense.realise_network`).
Only rounding may then differ, of the numbers on disk and between the two ways to compute them.

The network is trained twice, the second time in slightly coarser arithmetic, to measure how training amplifies rounding. If
that alone changes a value beyond recognition, as in chaos, the value is not compared, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from lazyrich.engines.dense import Realised, realise_network, train_realised
from lazyrich.engines.pieces import torch_threads
from lazyrich.engines.trajectories import Recording, Trajectories
from lazyrich.networks import observables
from lazyrich.networks.recipe import Recipe
from lazyrich.planning.cell import one_network
from lazyrich.shards.batch import batch_of, check_files
from lazyrich.shards.simulate import alignment_step, recorded
from lazyrich.shards.source import of_other_code
from lazyrich.system import blas
from lazyrich.system.errors import LazyrichError

Array = np.ndarray

EPSILON = 2.0**-52
# Of the second training: eight times the rounding of float64.
ROUGHNESS = 2.0**-50
# The spread of two trainings is one sample of the effect of rounding, not a bound: allow two digits for chance.
CHANCE = 64.0
# If rounding exceeds this share of a value, there is nothing to compare; real errors are rarely smaller.
RECOGNISABLE = 1e-3

RELATIVE = tuple(name for name, observable in observables.OBSERVABLES.items() if observable.relative)
AT_START = ("loss_start", "sharpness_start", "b_rms")
AT_END = ("loss_end", "loss_min", "loss_max", "kernel_change", "sharpness_end", "alignment_step")
COUNTED = ("onset_step", "end_step", "period", "status")


@dataclass(frozen=True)
class Compared:
    """One quantity, stored and replayed, at each record at which it was compared (one for a number of the whole run)."""

    name: str
    steps: Float[Array, " records"]
    difference: Float[Array, " records"]  # largest over probes, where there are several values
    size: Float[Array, " records"]  # the largest value so far
    expected: Float[Array, " records"]  # difference that rounding, on disk and in training, explains
    records: int  # in all, with those at which rounding has outgrown the value

    @property
    def relative(self) -> Float[Array, " records"]:
        """Differences relative to the largest value so far."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.difference > 0, self.difference / self.size, 0.0)

    @property
    def fits(self) -> Bool[Array, " records"]:
        """Whether rounding explains the difference."""
        return self.difference <= self.expected

    @property
    def worst(self) -> int:
        """The record at which the difference is largest relative to what is expected."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(self.difference > 0, self.difference / self.expected, 0.0)
        return int(np.argmax(share))


@dataclass(frozen=True)
class Replay:
    """The result of a replay: quantities that were compared, and those that could not be, with the reason."""

    realised: Realised
    compared: list[Compared]
    left_out: dict[str, str]
    steps: int

    @property
    def agrees(self) -> bool:
        """Whether every difference is one of rounding, and there was something to compare."""
        return bool(self.compared) and all(one.fits.all() for one in self.compared)


def realise(data: xr.Dataset, network: int) -> Realised:
    """Return a network of a shard, or of what `run` returned, with explicit inputs and weights; `network` is its row.

    Raises
    ------
    ValueError
        for networks that could not be trained, or whose files (data, own activation) were edited since.
    """
    return realise_network(batch_of(data, network), 0)


def replay(data: xr.Dataset, network: int, steps: int | None = None) -> Replay:
    """Train a network of a shard, or of what `run` returned, by the dense engine and compare the two trajectories.

    Parameters
    ----------
    data, network
        the dataset, and the row of the network in it.
    steps
        train up to this step; quantities of the whole run are then left out.

    Raises
    ------
    ValueError
        as `realise`; for networks that are too large for explicit weights; where no record is left to compare.
    """
    with blas.one_thread(), torch_threads(1):  # as in `simulate`
        batch = batch_of(data, network)
        row = data.isel(network=network)
        stored_steps = row["step"].values.astype(np.int64)
        compared_records = stored_steps <= (stored_steps[-1] if steps is None else steps)
        if not compared_records.any():
            raise LazyrichError(f"--steps {steps}: the first record is at step {stored_steps[0]}; write at least that")
        record, probes = Recipe.of(data).settings["record"], data.sizes.get("probe", 0)
        recording = recorded(record, batch, stored_steps[compared_records][None], observables.NAMES, probes)
        realised = realise_network(batch, 0)
        try:
            trajectories = train_realised(realised, batch, recording)
            repetition = train_realised(realise_network(batch, 0, ROUGHNESS), batch, recording, ROUGHNESS)
        except MemoryError as error:
            raise LazyrichError(f"a network that is too large to be replayed: {str(error).partition(';')[0]}") from None
        check_files(one_network(Recipe.of(data), network))  # each training reads them again
    return _compare(row, compared_records, recording, [trajectories, repetition], realised)


# ---- comparing ---------------------------------------------------------------------------------------------------------


def _compare(
    row: xr.Dataset,
    compared_records: Bool[Array, " records"],
    recording: Recording,
    runs: list[Trajectories],
    realised: Realised,
) -> Replay:
    """Compare the stored `row` with a training and its repetition with changed last bits (`runs`)."""
    steps = recording.steps[0].astype(float)
    # Sums run over neurons and samples.
    terms = float(len(realised.v) + len(realised.y))
    compared, left_out = [], {}

    def note(
        name: str, stored: np.ndarray, values: list[np.ndarray], at: np.ndarray, minimum: float, base: float = 0.0
    ) -> None:
        quantity = _compared(name, stored, values, at, terms, minimum, base)
        if len(quantity.steps):
            compared.append(quantity)
        else:
            left_out[name] = f"rounding changes it by more than {RECOGNISABLE:g} of its size"

    for name in (name for name in (*observables.NAMES, "rho_r", "v_r") if name in row):
        values = [_at_records(name, run) for run in runs]
        if np.isnan(values[0]).all() and np.isnan(row[name].values).all():
            left_out[name] = "is not defined for this network"
        else:
            base = _balance(row, realised) if name == "balance_drift" else 0.0
            note(name, row[name].values[compared_records], values, steps, 1.0 if name in RELATIVE else 0.0, base)
    end = steps[-1:]
    complete = bool(compared_records.all())
    largest = float(np.nan_to_num(runs[0].loss_max[0]))
    minimum = {"alignment_step": end[0], "kernel_change": 1.0} | dict.fromkeys(("loss_end", "loss_min"), largest)
    for name in (*AT_START, *(AT_END if complete else ())):
        # At the start nothing was amplified.
        values = [_of_run(name, run, recording) for run in (runs if name in AT_END else runs[:1] * 2)]
        note(name, row[name].values.reshape(1), values, end, minimum.get(name, 0.0))
    if complete:
        _compare_counts(row, runs, compared, left_out, _outgrown(runs, steps, terms), terms)
    else:
        left_out |= dict.fromkeys((*AT_END, *COUNTED), f"belongs to all {int(row['steps'])} steps")
    return Replay(realised, compared, left_out, int(end[0]))


def _balance(row: xr.Dataset, realised: Realised) -> float:
    """Return the size of v_r v_s and ⟨w_r, w_s⟩ over D at the start and end of flow: explicit weights subtract them."""
    start = np.mean(realised.v**2) + np.mean(np.sum(realised.W**2, axis=1))
    return float((start + 2 * row["b"]) / (row["sigma_0"] ** 2 + row["v_0"] ** 2))


def _at_records(name: str, run: Trajectories) -> Float[Array, "records ..."]:
    if name in ("rho_r", "v_r"):
        return getattr(run, name)[0]
    return run.observables[0, :, observables.NAMES.index(name)]


def _of_run(name: str, run: Trajectories, recording: Recording) -> Float[Array, " one"]:
    return alignment_step(recording.steps, run.rho_rms) if name == "alignment_step" else getattr(run, name)


def _compared(
    name: str,
    stored: np.ndarray,
    values: list[np.ndarray],
    steps: np.ndarray,
    terms: float,
    minimum: float,
    base: float,
) -> Compared:
    """Compare a quantity at `steps`, all arrays (records,) or (records, probes); `minimum` and `base` as in `_rounding`."""
    first, second = values
    size, rounding = _rounding(first, second, steps, terms, minimum, base)
    recognisable = (rounding <= RECOGNISABLE * size) | (size == 0)
    # The resolution of a float32 on disk: half the distance to its neighbour.
    single = stored.dtype == np.float32
    with np.errstate(over="ignore"):
        first = np.where(np.isinf(stored), first.astype(stored.dtype), first)
    finest = np.spacing(np.minimum(np.abs(first), np.finfo(np.float32).max).astype(np.float32)) / 2 if single else 0.0
    excess = _difference(first, stored)
    difference = _over_values(excess, len(steps))
    disk = _over_values(np.nan_to_num(finest + np.zeros_like(excess)), len(steps))
    expected = rounding + disk
    return Compared(
        name, steps[recognisable], difference[recognisable], size[recognisable], expected[recognisable], len(steps)
    )


def _rounding(
    first: np.ndarray, second: np.ndarray, steps: np.ndarray, terms: float, minimum: float, base: float = 0.0
) -> tuple[Float[Array, " records"], Float[Array, " records"]]:
    """Return the size of a quantity (at least `minimum`) and its rounding error from training, at each record.

    Each step and each term of a sum adds a rounding error; the spread of the two runs shows how training amplifies them. Sizes
    and spreads never fall, since an earlier value may return. `base` is the size of terms that cancel.
    """
    largest = _over_values(np.where(np.isfinite(first), np.abs(first), 0.0), len(steps))
    size = np.maximum(np.maximum.accumulate(largest), minimum)
    apart = _over_values(_difference(first, second), len(steps))
    # NaN or infinity: nothing is known about later records.
    spread = np.maximum.accumulate(np.where(np.isfinite(apart), apart, 0.0)) + np.where(np.isfinite(apart), 0.0, np.inf)
    return size, EPSILON * (steps + terms) * np.maximum(size, base) + CHANCE * spread


def _over_values(array: np.ndarray, records: int) -> Float[Array, " records"]:
    return array.reshape(records, -1).max(axis=1)


def _difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return |a − b|: 0 where both are the same infinity or no number, infinite where only one is."""
    with np.errstate(invalid="ignore"):
        plain = np.abs(a - b.astype(np.float64))
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.where(np.isnan(plain), np.inf, plain))


def _outgrown(runs: list[Trajectories], steps: np.ndarray, terms: float) -> float:
    """Return the first recorded step at which rounding has outgrown the loss, or infinity."""
    first, second = (_at_records("loss", run) for run in runs)
    size, rounding = _rounding(first, second, steps, terms, 0.0)
    beyond = np.flatnonzero(rounding > RECOGNISABLE * size)
    return float(steps[beyond[0]]) if len(beyond) else np.inf


def _compare_counts(
    row: xr.Dataset,
    runs: list[Trajectories],
    compared: list[Compared],
    left_out: dict[str, str],
    outgrown: float,
    terms: float,
) -> None:
    """Compare steps, the period and the status: numbers that either are the same or are not."""
    end = row["step"].values[-1:].astype(float)
    rounded_away = EPSILON * (end[0] + terms) * float(runs[0].loss_max[0])
    for name in COUNTED:
        stored = float(np.nan_to_num(row[name].values.astype(float), nan=-1.0))
        first, second = (float(getattr(run, name)[0]) for run in runs)
        late = outgrown < np.inf and (name == "period" or max(stored, first, np.inf if first < 0 else 0.0) >= outgrown)
        if first != second or (late and name != "status"):
            left_out[name] = "is decided by rounding"
        elif name == "period" and float(runs[0].loss_min[0] - row["loss_floor"]) <= rounded_away:
            left_out[name] = "the loss ended as rounding, which has none"
        else:
            difference = np.array([abs(stored - first)])
            compared.append(Compared(name, end, difference, np.array([max(abs(first), 1.0)]), np.zeros(1), 1))


# ---- in words ----------------------------------------------------------------------------------------------------------


def describe_stored(data: xr.Dataset, network: int) -> list[str]:
    """Return the engine that trained a network of a shard, and a note if its code has changed since, as lines of text."""
    engine, steps = data.attrs["engine"], int(data["steps"][network])
    lines = [f"  trained   {steps:,} steps by {engine}, on {data.attrs['device']}"]
    if of_other_code(data.attrs):
        lines.append(
            f"            by other code than this: version {data.attrs['lazyrich_version']}, {data.attrs['commit']}"
        )
    return lines


def describe(replay: Replay, seconds: float) -> list[str]:
    """Return the realised network, the comparison, what is left out and why, and the verdict, as lines of text."""
    realised, (n, r) = replay.realised, replay.realised.X.shape
    m, width = len(realised.v), round(len(realised.v) / realised.scale)
    origin = (
        "its own"
        if realised.own_neurons == m
        else f"{realised.own_neurons} its own, with the second moments of all {width:,.0f}"
    )
    lines = [
        f"  realised  {n} samples of {r} coordinates, {m:,} neurons ({origin})",
        f"  replayed  {replay.steps:,} steps by dense, twice, in {seconds:.1f} s",
        "",
        f"  {'':<18}{'largest difference':>24}{'expected':>12}{'records':>12}",
        f"  {'':<18}{'absolute':>12}{'relative':>12}{'relative':>12}",
        *map(_line, replay.compared),
        *(f"  {name:<18}left out: {why}" for name, why in replay.left_out.items()),
        "",
        _verdict(replay),
    ]
    return lines


def _line(quantity: Compared) -> str:
    worst = quantity.worst
    expected = quantity.expected[worst] / quantity.size[worst] if quantity.size[worst] > 0 else 0.0
    numbers = (quantity.difference.max(), quantity.relative.max(), expected)
    columns = "".join(f"{number:>12.1e}" if number else f"{'0':>12}" for number in numbers)
    records = (
        f"{len(quantity.steps)}"
        if len(quantity.steps) == quantity.records
        else f"{len(quantity.steps)} of {quantity.records}"
    )
    return f"  {quantity.name:<18}{columns}{records:>12}{'' if quantity.fits.all() else '  differs'}"


def _verdict(replay: Replay) -> str:
    differing = [one for one in replay.compared if not one.fits.all()]
    if differing:
        first = min(differing, key=lambda one: one.steps[~one.fits][0])
        at = int(np.flatnonzero(~first.fits)[0])
        return (
            f"they differ in {len(differing)} of {len(replay.compared)} quantities: {first.name} at step "
            f"{first.steps[at]:.0f} by {first.difference[at]:.1e}, of which rounding explains {first.expected[at]:.1e}"
        )
    if not replay.compared:
        return "nothing can be compared"
    partly = [one for one in replay.compared if len(one.steps) < one.records]
    if partly:
        names = ", ".join(one.name for one in partly)
        last = min(one.steps[-1] for one in partly)
        return (
            f"they agree to rounding wherever it lets them be told apart: up to step {last:.0f} of {replay.steps} at least, "
            f"not at every record of {names}"
        )
    return f"they agree to rounding in all {len(replay.compared)} quantities, up to step {replay.steps}"
