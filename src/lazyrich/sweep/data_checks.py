"""Checks of a sweep against its data, before any work: each raises ValueError("key: what is wrong; fix")."""

from __future__ import annotations

from typing import Any

import numpy as np

from lazyrich.networks import explicit
from lazyrich.networks.batch import NEED_SIGNAL
from lazyrich.networks.data import OWN, SOURCES, choice, classes_of
from lazyrich.networks.data.interface import DataError, Source
from lazyrich.networks.data.pool import Pool
from lazyrich.networks.data.source import data_of, has_signal, pool_of
from lazyrich.sweep.schema import SECTION_OF
from lazyrich.sweep.sweep import Sweep
from lazyrich.system.errors import LazyrichError

CHOICES = ("samples", "classes", "inputs", "targets", "positive_class")
SCALES = ("sigma_0", "v_0", "laziness", "width_exponent_p", "width_exponent_s")
# Other keys in place of those that Xᵀy = 0 leaves undefined.
_FIXES = {
    "gram_scale": "rescale X in the file",
    "laziness": "write network.sigma_0 and network.v_0",
    "tau": "write training.steps",
}
SHOWN = 12  # classes that an error lists


def check(sweep: Sweep) -> None:
    """Check the files of a sweep's data, and the sweep's choices of samples."""
    source, path = sweep.problem.source, sweep.problem.path
    try:
        if (check_files := SOURCES[source].check) is not None:
            check_files(path or "")
        pool = pool_of(source, path)
    except DataError as error:
        raise LazyrichError(f"{_key(sweep)}: {error}") from None
    if source in OWN:
        _check_weights(sweep, pool)
    for values in sorted(sweep.combinations(*CHOICES), key=str):
        cell = {name: value for name, value in zip(CHOICES, values, strict=True) if value is not None}
        _check_choice(pool, cell, sweep)
        if sweep.problem.test_samples is not None:
            _check_test(pool, cell, sweep.problem.test_samples, SOURCES[source])
    _check_signs(pool, sweep)
    for activation, start, width, samples in sweep.corners("activation", "start", "width", "samples"):
        if width:
            explicit.check_width(activation, width, samples or len(pool))
            explicit.check_start(start, width, samples or len(pool))


def _check_weights(sweep: Sweep, pool: Pool) -> None:
    """Check for keys that exclude weights from the file, or that are needed without them."""
    laws = ("second_layer", "start")
    parameters = [name for name in ("width", *SCALES, "balance", *laws) if name in sweep.parameters]
    if pool.weights is not None:
        if parameters:
            raise LazyrichError(f"network.{parameters[0]}: is set by the weights in {sweep.problem.path}; remove it")
        if sweep.replicates > 1:
            raise LazyrichError("replicates: the file brings the weights, so that all would be the same; remove it")
        for name in CHOICES:
            if getattr(sweep.problem, name) is not None:
                raise LazyrichError(
                    f"problem.{name}: the weights in {sweep.problem.path} belong to its X and y; remove it"
                )
        return
    if "weight_scale" in sweep.parameters:
        raise LazyrichError(
            f"network.weight_scale: {sweep.problem.path} has no weights; add W and v to it, or remove the key"
        )
    if "width" not in parameters:
        raise LazyrichError("network.width: is missing; add it, or weights W and v to the file")
    if not set(parameters) & set(SCALES):
        raise LazyrichError("network: initial scales are missing; give sigma_0 and v_0, or weights W and v in the file")


def _check_choice(pool: Pool, cell: dict[str, Any], sweep: Sweep) -> None:
    """Check whether the data have the samples of one combination of choices, and something to learn."""
    class_numbers = np.array(list(pool.counts))
    classes = cell.get("classes")
    reach = class_numbers if classes is None else np.array(classes_of(classes), dtype=float)
    for number in reach[~np.isin(reach, class_numbers)]:
        raise LazyrichError(
            f"problem.classes = {classes}: the data have no class {number:g} ({_listed(class_numbers)}); drop it"
        )
    if "samples" in cell:
        limit = choice.available(pool.counts, classes)
        if cell["samples"] > limit:
            of = "" if classes is None else f"taken in turns of the classes {classes} "
            raise LazyrichError(
                f"problem.samples = {cell['samples']}: {of}are more than the data have; write at most {limit}"
            )
    if cell["inputs"] == "scaled" and pool.span[0] == pool.span[1]:
        raise LazyrichError("problem.inputs = scaled: all values of X are the same; write raw")
    if cell["inputs"] == "standardised" and sweep.problem.source in OWN and not pool.moments[1].any():
        raise LazyrichError("problem.inputs = standardised: no feature of X varies; write raw")
    positive = float(cell.get("positive_class", reach[0]))
    if cell["targets"] == "one_vs_rest":
        if positive not in reach:
            raise LazyrichError(
                f"problem.positive_class = {positive:g}: is none of the classes ({_listed(reach)}); write one"
            )
        if len(reach) == 1:
            raise LazyrichError(
                f"problem.targets = one_vs_rest: class {reach[0]:g} alone leaves no rest; write two classes"
            )
    if "samples" in cell:
        n = cell["samples"]
        # With classes in turns, or a single class, the labels are known; otherwise any may be drawn, most likely not all 0.
        labels = np.resize(reach, n) if classes is not None or len(reach) == 1 else np.arange(1.0, n + 1)
        if not choice.targets(labels, cell["targets"], positive).any():
            raise LazyrichError(f"problem.targets = {cell['targets']}: are all 0, with nothing to learn; write others")
    else:
        _check_signal(sweep, cell)


def _check_signs(pool: Pool, sweep: Sweep) -> None:
    """Check whether targets are 1 and −1 where a loss or an observable wants that."""
    known = {*pool.counts, *(pool.held_out.counts if pool.held_out is not None else ())}
    for loss, targets, classes in sorted(sweep.combinations("loss", "targets", "classes"), key=str):
        what = sweep.wants_signs(loss)
        labels = known if classes is None else set(map(float, classes_of(classes)))
        if what and targets == "labels" and not labels <= {1.0, -1.0}:
            raise LazyrichError(
                f"{what}: wants targets of 1 and -1, and the labels are {_listed(np.array(sorted(labels)))}; "
                "write `targets: one_vs_rest` under problem"
            )


def _check_test(pool: Pool, cell: dict[str, Any], test_samples: int, source: Source) -> None:
    """Check whether `test_samples` samples can be held out."""
    subject = f"problem.test_samples = {test_samples}"
    classes = cell.get("classes")
    of = "" if classes is None else f" taken in turns of the classes {classes}"
    if pool.held_out is not None:
        limit, beside = choice.available(pool.held_out.counts, classes), ""
    elif "samples" in cell:
        limit = choice.available(pool.counts, classes, excluded=cell["samples"])
        beside = f" beside problem.samples = {cell['samples']}"
    else:
        # Weights belong to the whole of the data.
        fixes = ["write problem.samples"] * (pool.weights is None) + [source.test_fix] * bool(source.test_fix)
        raise LazyrichError(f"{subject}: all samples are trained on; {', or '.join(fixes)}")
    if test_samples > limit:
        fix = f"write at most {limit}" if limit > 0 else "write fewer samples"
        raise LazyrichError(f"{subject}:{of} are more than the data have for a test{beside}; {fix}")


def _check_signal(sweep: Sweep, cell: dict[str, Any]) -> None:
    """Check whether there is something to learn from all of a user's own data."""
    source, path = sweep.problem.source, sweep.problem.path
    X, y, *_ = data_of({**cell, "source": source, "path": path}, 0, 0)
    if has_signal(X, y):
        return
    subject = f"{path or source}: Xᵀy = 0"
    if not (X.any() and y.any()) or ("linear",) in sweep.combinations("activation"):
        raise LazyrichError(
            f"{_key(sweep)}: {subject}, so that no feature can be learnt; check X and y, or write a network.activation "
            "that is not linear"
        )
    for name in NEED_SIGNAL:
        if name in sweep.parameters:
            fix = _FIXES.get(name, "write training.learning_rate")
            raise LazyrichError(f"{SECTION_OF[name]}.{name}: is not defined where {subject}; {fix} instead")


def _key(sweep: Sweep) -> str:
    """Return the key that says which data a sweep has."""
    return "problem.source" if sweep.problem.path is None else "problem.path"


def _listed(numbers: np.ndarray) -> str:
    """Return numbers as text, only the first ones of a long list."""
    ellipsis = ", …" if len(numbers) > SHOWN else ""
    return ", ".join(f"{number:g}" for number in numbers[:SHOWN]) + ellipsis
