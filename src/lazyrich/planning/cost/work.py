"""The work of networks in amounts of a few kinds, and what one of each kind costs.

`benchmarks/costs.py` measures the constants on one core of the machine of benchmarks/README.md. They size new shards; what jobs
ask for is fitted to the machine at hand (`fit`). A box's networks are judged by some of its cells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from lazyrich.networks.explicit import by_sample, engine_of
from lazyrich.networks.formulas import Formula, evaluated
from lazyrich.networks.losses import DEFAULT
from lazyrich.networks.observables import OBSERVABLES
from lazyrich.networks.recipe import Box, Recipe, size
from lazyrich.networks.starts import BOUND, DEFAULTS
from lazyrich.networks.teachers import NETWORKS
from lazyrich.planning.cost.length import dimension, length, samples, width
from lazyrich.sweep.schema import SECTION_OF
from lazyrich.sweep.sweep import Sweep

Kind = tuple[str, str, str]  # what, engine or rule or "", kind of work


class Amounts(dict[Kind, float]):
    """Amounts of each kind of work, or the cost of one unit of each; 0 for kinds that are missing."""

    def __missing__(self, kind: Kind) -> float:
        return 0.0

    def add(self, more: Mapping[Kind, float], times: float = 1.0) -> None:
        """Add `times` as much as `more`."""
        for kind, amount in more.items():
            self[kind] += times * amount


# Seconds on one core; bytes of memory; bytes on disk. `job`: the cost of a job without networks.
CONSTANTS = Amounts(
    {
        ("seconds", "", "job"): 2.0,
        ("seconds", "", "draw"): 3.1e-4,
        ("seconds", "", "draw entry"): 1.7e-8,
        ("seconds", "propagator", "network"): 1.6e-5,
        ("seconds", "propagator", "kernel"): 4.5e-10,
        ("seconds", "propagator", "step"): 1.8e-8,
        ("seconds", "propagator", "step entry"): 2.5e-10,
        ("seconds", "propagator", "record"): 9.6e-7,
        ("seconds", "propagator", "record entry"): 5.3e-10,
        # Of linear networks side by side in torch; a network alone takes a hundred microseconds a step.
        ("seconds", "batched", "network"): 5e-5,
        ("seconds", "batched", "kernel"): 1e-9,
        ("seconds", "batched", "step"): 2e-6,
        ("seconds", "batched", "step entry"): 4.5e-9,
        ("seconds", "batched", "record"): 3e-6,
        ("seconds", "batched", "record entry"): 8e-9,
        ("seconds", "gram", "step"): 7.7e-7,
        ("seconds", "gram", "step neuron"): 5.5e-9,
        ("seconds", "gram", "record"): 8.9e-6,
        ("seconds", "gram", "record pair"): 4.6e-10,
        ("memory", "", "job"): 2.9e8,
        ("memory", "", "network"): 970.0,
        ("memory", "", "value"): 8.0,
        ("memory", "", "mode"): 47.0,
        ("memory", "", "draw byte"): 1.0,
        ("memory", "gram", "job"): 2.0e8,
        ("memory", "gram", "widest network"): 1.0,
        ("disk", "", "job"): 1.9e5,
        ("disk", "", "network"): 90.0,
        ("disk", "", "mode"): 0.45,
        ("disk", "", "record byte"): 0.37,
        # Of whole sweeps, from runs of the default sweeps and of benchmarks/large.py.
        ("seconds", "analyse_sweep", "job"): 2.0,
        ("seconds", "analyse_sweep", "cell"): 5e-5,
        ("seconds", "analyse_sweep", "value"): 1.4e-6,
        ("memory", "analyse_sweep", "job"): 2.6e8,
        ("memory", "analyse_sweep", "cell"): 2700.0,
        ("seconds", "draw_figures", "job"): 10.0,
        ("seconds", "draw_figures", "cell"): 3e-5,
        ("memory", "draw_figures", "job"): 3.4e8,
        ("memory", "draw_figures", "cell"): 3700.0,
        ("seconds", "write_report", "job"): 2.0,
        ("seconds", "write_report", "cell"): 1e-5,
        ("memory", "write_report", "job"): 2.1e8,
        ("memory", "write_report", "cell"): 2700.0,
    }
)
CELLS = 4  # points of an axis that its box is judged by
GPU = " on a GPU"
WIDEST = ("memory", "gram", "widest network")  # the one kind that does not add up


def records(record: Mapping[str, Any], cell: dict[str, Any]) -> int:
    """Return the number of records of a network; `record` as in a recipe's settings."""
    if record.get("summary"):
        return 1
    if record.get("every"):
        return -(-int(cell["steps"]) // int(record["every"])) + 1
    return int(record["points"])


def _engine(cell: dict[str, Any], observables: Iterable[str]) -> str:
    """Return what trains a network with the parameters `cell`: `batched` where the propagator is taken sample by sample."""
    engine = _engine_of(cell)
    told_apart = by_sample(cell.get("loss", DEFAULT), observables)
    return "batched" if engine == "propagator" and told_apart else engine


def engines(sweep: Sweep) -> set[str]:
    """Return the engines that train a sweep's networks."""
    names = {_engine(cell, sweep.record.observables) for cell in _kinds(sweep)}
    return {"propagator" if name == "batched" else name for name in names}


def in_torch(sweep: Sweep, engine: str | None = None) -> bool:
    """Return whether an engine, by default each network's own, needs torch on a CPU for some network of few samples."""
    if engine in ("gram", "dense"):
        return True
    told_apart = any(by_sample(cell["loss"], sweep.record.observables) for cell in _kinds(sweep))
    return told_apart or (engine is None and engines(sweep) != {"propagator"})


def _kinds(sweep: Sweep) -> Iterator[dict[str, Any]]:
    """Yield the parameters of networks that decide on their engine."""
    names = ("activation", "width", "samples", "start", "source", "path", "loss")
    for values in sweep.corners(*names):
        yield {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _engine_of(cell: dict[str, Any]) -> str:
    return engine_of(cell["activation"], width(cell), samples(cell), cell.get("start", DEFAULTS["start"]))


def of_network(cell: dict[str, Any], settings: Mapping[str, Any]) -> Amounts:
    """Return the work of one network with the parameters `cell`; `settings` those of its recipe."""
    n = samples(cell)
    engine = _engine(cell, settings["record"]["observables"])
    record, probes = settings["record"], settings["probes"]
    steps, run = length(cell)
    record_count = records(record, cell)
    # Records after an early stop hold the end: they are only copied.
    records_until_stop = record_count if record.get("spacing") == "log" else max(1.0, record_count * run / steps)
    test = cell.get("test_samples", 0)
    if engine != "gram":
        # Where samples are told apart, test samples are all there, else turned to as many rows as columns, 2(n + 1), of which
        # eight are taken at a time.
        held = 0 if not test else test if engine == "batched" else n + 1
        work = {
            "network": 1,
            "kernel": (n + 1) ** 3,
            "step": run,
            "step entry": run * (n + 1) ** 2,
            "record": record_count,
            "record entry": records_until_stop * (n + 1) * (n + 1 + probes["count"] + held),
        }
    else:
        m = width(cell)
        work = {
            "network": 1,
            "step": run,
            "step neuron": run * m * n,
            "record": record_count,
            "record pair": records_until_stop * m * (n**2 + n * test),
        }
    amounts = Amounts({("seconds", engine, kind): float(amount) for kind, amount in work.items()})
    probe_values = 2 * min(probes["count"], width(cell)) if probes["keep"] else 0
    record_bytes = 20 + 4 * (len(record["observables"]) + probe_values)  # step and τ; float32, but for the loss
    values = record_count * (len(OBSERVABLES) + len(record["observables"]) + 4 + 2 * probe_values)
    amounts["memory", "", "network"] = amounts["disk", "", "network"] = 1.0
    amounts["memory", "", "value"] = float(values)
    if engine == "gram":
        # p and v, φ(p), φ′(p) and products of the one network that is trained at least; those of test samples.
        amounts[WIDEST] = width(cell) * (64.0 * (n + 1) + (8 * n + 32 * test if test else 0))
    amounts["memory", "", "mode"] = amounts["disk", "", "mode"] = float(n)
    amounts["disk", "", "record byte"] = float(record_count * record_bytes)
    return amounts


def of_draw(cell: dict[str, Any], settings: Mapping[str, Any]) -> Amounts:
    """Return the work of drawing data and weights once, for all networks that share them."""
    n = samples(cell)
    linear = _engine_of(cell) == "propagator"
    explicit = min(settings["probes"]["count"], width(cell)) if linear else width(cell)
    drawn = width(cell) if cell.get("start") in BOUND else explicit
    in_law = cell["source"] == "gaussian" and cell.get("spectrum") in ("isotropic", "spiked")
    units = cell.get("teacher_width", 1) if cell.get("teacher") in NETWORKS else 0  # drawn beside X
    entries = units * (n + units) if in_law else (n + units) * dimension(cell)
    told_apart = by_sample(cell.get("loss", DEFAULT), settings["record"]["observables"])
    test, test_entries = cell.get("test_samples", 0), 0
    if test:
        functions = n + 1 if linear else width(cell)
        # A function for each coordinate or neuron is drawn, and its values; of modes alone a triangle is kept of these.
        turned = linear and not told_apart
        entries += (test + functions) * (2 * n if in_law else dimension(cell)) + (4 * n * n * test if turned else 0)
        test_entries = 4 * (n + 1) ** 2 if turned else test * (n + functions)
    if linear and told_apart:
        test_entries += n * (n + 1)  # eigenvectors of K and targets
    return Amounts(
        {
            ("seconds", "", "draw"): 1.0,
            ("seconds", "", "draw entry"): float(entries + drawn * n + n**3),
            ("memory", "", "draw byte"): 16.0 * (n + 1) * (n + 1 + explicit) + 8.0 * test_entries,
        }
    )


def of_box(like: Recipe, box: Box) -> Amounts:
    """Return the work of all networks of a box (`plan`) of a recipe like `like`, from the mean of some of its cells."""
    settings = like.settings
    axes = {key: points for key, points in box.items() if key != "replicate"}
    networks = size(box)
    draws = networks // math.prod(len(points) for key, points in axes.items() if not _decides_draws(key, like.formulas))
    sampled_points = [[points[i] for i in _spread(len(points))] for points in axes.values()]
    total = Amounts()
    count, widest = 0, 0.0
    for points in product(*sampled_points):
        cell = dict(like.fixed)
        for key, point in zip(axes, points, strict=True):
            cell.update(zip(key.split(), point, strict=True))
        cell = evaluated(like.formulas, cell)
        count += 1
        for work, times in ((of_network(cell, settings), networks), (of_draw(cell, settings), draws)):
            total.add(work, times)
            widest = max(widest, work[WIDEST])
    mean = Amounts({kind: amount / count for kind, amount in total.items()})
    if widest:
        mean[WIDEST] = widest
    return mean


def of_recipe(recipe: Recipe) -> Amounts:
    """Return the work of training a recipe's networks, beside that of starting a job."""
    boxes = [of_box(recipe, box) for box in recipe.boxes]
    total = Amounts()
    for amounts in boxes:
        total.add(amounts)
    if WIDEST in total:
        total[WIDEST] = max(amounts[WIDEST] for amounts in boxes)
    return total


def of_job(rule: str, recipe: Recipe, *, gpu: bool = False) -> Amounts:
    """Return the work of a job: `simulate_shard` of a shard's recipe, or another rule of a whole sweep's."""
    if rule == "simulate_shard":
        amounts = of_recipe(recipe)
        amounts.add({(what, "", "job"): 1.0 for what in ("seconds", "memory", "disk")})
        in_torch = {"gram", "batched"} & {engine for _, engine, _ in amounts}
        amounts["memory", "gram", "job"] = float(bool(in_torch))
        return on_gpu(amounts) if gpu else amounts
    box = recipe.grid
    networks = size(box)
    cell = dict(recipe.fixed)
    for key, points in box.items():
        cell.update(zip(key.split(), points[-1], strict=True))
    cell = evaluated(recipe.formulas, cell)
    return Amounts(
        {
            ("seconds", rule, "job"): 1.0,
            ("seconds", rule, "cell"): networks / len(box["replicate"]),
            ("seconds", rule, "value"): networks * (records(recipe.settings["record"], cell) + 1.0),
            ("memory", rule, "job"): 1.0,
            ("memory", rule, "cell"): networks / len(box["replicate"]),
        }
    )


def on_gpu(amounts: Amounts) -> Amounts:
    """Return the same work with an engine on a GPU, whose seconds are of another kind."""
    return Amounts(
        {
            (what, engine + GPU if what == "seconds" and engine else engine, kind): amount
            for (what, engine, kind), amount in amounts.items()
        }
    )


# A GPU is taken to be as fast as one core until jobs have been measured on it.
SHIPPED = Amounts(CONSTANTS | on_gpu(CONSTANTS))


def cost(amounts: Amounts, constants: Amounts, what: str, threads: int = 1) -> float:
    """Return the bytes, or the seconds of a job on `threads` threads; its start uses one thread."""
    return sum(
        amount * constants[kind] / (threads if what == "seconds" and kind[2] != "job" else 1)
        for kind, amount in amounts.items()
        if kind[0] == what
    )


def _decides_draws(key: str, formulas: Mapping[str, Formula]) -> bool:
    """Return whether an axis decides a width, a law of the start or a key of the problem, itself or by formulas."""
    decided = set(key.split())
    for name, formula in formulas.items():
        if decided.intersection(formula.names):
            decided.add(name)
    return any(name in ("width", "second_layer", "start") or SECTION_OF.get(name) == "problem" for name in decided)


def _spread(count: int) -> list[int]:
    """Return positions of up to `CELLS` points of an axis, its ends among them."""
    if count <= CELLS:
        return list(range(count))
    return [round(i * (count - 1) / (CELLS - 1)) for i in range(CELLS)]
