"""Checks across keys of a sweep file: keys that exclude, need or contradict each other.

Each raises ValueError("key: what is wrong; fix"); `reader` adds the file's name.
"""

from __future__ import annotations

from typing import Any

from lazyrich.networks import activations, explicit, observables
from lazyrich.networks.data import DATA, OWN, SOURCES
from lazyrich.networks.formulas import Formula
from lazyrich.networks.losses import LOSSES
from lazyrich.networks.starts import BOUND, DEFAULTS
from lazyrich.networks.teachers import LINEAR, NETWORKS
from lazyrich.sweep.axes import Axis
from lazyrich.sweep.formula_checks import check_names, check_values
from lazyrich.sweep.grid import Grid
from lazyrich.sweep.schema import SECTION_OF, bare

MOST_ENTRIES = 10**10
MOST_RECORDS = 10**6
# numpy draws hypergeometric numbers below this total only.
MOST_SPARSE = 10**9


def check_combinations(sweep: Grid) -> None:
    """Raise ValueError at the first combination of keys that makes no sense."""
    checks = (
        check_names,
        _check_zip,
        _check_networks,
        check_values,
        _check_problem,
        _check_scales,
        _check_start,
        _check_activation,
        _check_training,
        _check_loss,
        _check_record,
        _check_figures,
        _check_refine,
    )
    for check in checks:
        check(sweep)


def _given(sweep: Grid, *names: str) -> list[str]:
    return [name for name in names if name in sweep.parameters]


def _require(sweep: Grid, *names: str) -> None:
    for name in names:
        if name not in sweep.parameters:
            raise ValueError(f"{SECTION_OF[name]}.{name}: is missing; add it")


def _refuse(sweep: Grid, names: tuple[str, ...], why: str) -> None:
    for name in _given(sweep, *names):
        raise ValueError(f"{SECTION_OF[name]}.{name}: {why}; remove it")


def _values(sweep: Grid, name: str, default: Any = None) -> tuple[Any, ...]:
    value = sweep.parameters.get(name, default)
    if isinstance(value, Formula):
        return tuple(value for (value,) in sweep.combinations(name))
    return value.values if isinstance(value, Axis) else (value,)


# Keys of sampled inputs only, and keys of data only.
_OF_LAWS = (
    "dimension",
    "spectrum",
    "spectrum_exponent",
    "spikes",
    "spike_strength",
    "eigenvalues",
    "noise_std",
    "teacher",
    "teacher_width",
    "teacher_nonzeros",
    "teacher_alignment",
    "teacher_norm",
)
_OF_DATA = ("classes", "inputs", "targets", "positive_class")


def _check_problem(sweep: Grid) -> None:
    for source in DATA:
        if source in _values(sweep, "source"):
            if isinstance(sweep.problem.source, Axis):
                raise ValueError(f"problem.source: holds `{source}` among others; give the data a sweep of their own")
            _check_data(sweep, source)
            return
    _refuse(sweep, ("path", *_OF_DATA), f"belongs to the sources {', '.join(DATA)}")
    _require(sweep, "samples", "dimension")
    _check_teacher(sweep)
    _check_law(sweep)


def _check_data(sweep: Grid, source: str) -> None:
    """Check the keys of data; `data_checks` then checks the data themselves."""
    if SOURCES[source].takes_path:
        _require(sweep, "path")
    else:
        of = " and ".join(name for name, entry in SOURCES.items() if entry.takes_path)
        _refuse(sweep, ("path",), f"belongs to the sources {of}")
    _refuse(sweep, _OF_LAWS, f"is set by the data where `source: {source}`")
    if source not in OWN or _given(sweep, "classes"):
        _require(sweep, "samples")
    if "one_vs_rest" not in _values(sweep, "targets"):
        _refuse(sweep, ("positive_class",), "belongs to `targets: one_vs_rest`")


def _check_law(sweep: Grid) -> None:
    spectra = _values(sweep, "spectrum")
    for spectrum, names in {
        "power_law": ("spectrum_exponent",),
        "spiked": ("spikes", "spike_strength"),
        "explicit": ("eigenvalues",),
    }.items():
        if spectrum in spectra:
            _require(sweep, *names)
        else:
            _refuse(sweep, names, f"belongs to `spectrum: {spectrum}`")
    if "spiked" in spectra:
        for spikes, dimension in sweep.corners("spikes", "dimension"):
            if spikes > dimension:
                raise ValueError(f"problem.spikes: {spikes} exceeds dimension {dimension}; write at most the dimension")
    if "explicit" in spectra:
        eigenvalues = sweep.problem.eigenvalues or ()
        if not any(eigenvalues):
            raise ValueError("problem.eigenvalues: are all zero; write at least one above 0")
        for dimension in _values(sweep, "dimension"):
            if dimension != len(eigenvalues):
                raise ValueError(
                    f"problem.eigenvalues: has {len(eigenvalues)} values for dimension {dimension}; "
                    "write as many as the dimension"
                )
    for source, spectrum in sweep.corners("source", "spectrum"):
        if source == "sphere" and spectrum != "isotropic":
            raise ValueError(f"problem.spectrum: {spectrum} where the source `sphere` is isotropic; write isotropic")
    test = sweep.problem.test_samples
    names = ("source", "spectrum", "samples", "dimension", "teacher", "teacher_width")
    names += ("activation", "width") if test else ()
    for source, spectrum, samples, dimension, teacher, teacher_width, *network in sweep.corners(*names):
        # Test samples also need a random function for each coordinate, or for each explicit neuron.
        functions = samples + 1 if "linear" in network else network[-1] if network else 0
        rows = samples + (teacher_width if teacher in NETWORKS else 0) + (test + functions if test else 0)
        if (source != "gaussian" or spectrum in ("power_law", "explicit")) and rows * dimension > MOST_ENTRIES:
            test_text = f" and {test} test samples" if test else ""
            raise ValueError(
                f"problem.dimension: {dimension} with {samples} samples{test_text} of {source} {spectrum} inputs would be "
                f"drawn entry by entry, over 10¹⁰ of them; write less, or gaussian inputs with an isotropic or spiked spectrum"
            )
    for teacher, noise in sweep.corners("teacher_norm", "noise_std"):
        if teacher == 0 and not noise:
            raise ValueError(
                "problem.teacher_norm: 0 without label noise makes y = 0; write a number > 0, or noise_std"
            )


def _check_teacher(sweep: Grid) -> None:
    teachers = _values(sweep, "teacher", LINEAR)
    for name, kinds in (
        ("teacher_width", NETWORKS),
        ("teacher_nonzeros", ("sparse",)),
        ("teacher_alignment", ("aligned",)),
    ):
        if set(kinds) & set(teachers):
            _require(sweep, name)
        else:
            _refuse(sweep, (name,), f"belongs to `teacher: {' or '.join(kinds)}`")
    if "sparse" in teachers:
        for nonzeros, dimension in sweep.corners("teacher_nonzeros", "dimension"):
            if nonzeros > dimension:
                raise ValueError(
                    f"problem.teacher_nonzeros: {nonzeros} exceeds dimension {dimension}; write at most the dimension"
                )
        for teacher, spectrum, dimension in sweep.corners("teacher", "spectrum", "dimension"):
            if teacher == "sparse" and spectrum == "spiked" and dimension >= MOST_SPARSE:
                raise ValueError(
                    f"problem.dimension: {dimension} is too large for a sparse teacher of spiked inputs; "
                    f"write less than {MOST_SPARSE}, or an isotropic spectrum"
                )
    if "aligned" not in teachers:
        return
    for teacher, spectrum in sweep.corners("teacher", "spectrum"):
        if teacher == "aligned" and spectrum != "spiked":
            raise ValueError(
                f"problem.teacher: aligned has no spikes to be aligned with where `spectrum: {spectrum}`; "
                "write spectrum: spiked with spikes and spike_strength"
            )
    for alignment, spikes, dimension in sweep.corners("teacher_alignment", "spikes", "dimension"):
        if alignment > 1:
            raise ValueError(
                f"problem.teacher_alignment: {alignment:g} is more than all of β; write a number from 0 to 1"
            )
        if spikes == dimension and alignment != 1:
            raise ValueError(
                f"problem.teacher_alignment: {alignment:g} leaves a part of β beside the spikes, which take all {dimension} "
                "dimensions; write 1, or fewer spikes"
            )


def _check_scales(sweep: Grid) -> None:
    families = {"sigma_0 and v_0": ("sigma_0", "v_0"), "laziness": ("laziness",)}
    families["width_exponent_p and width_exponent_s"] = ("width_exponent_p", "width_exponent_s")
    if "balanced_neurons" in _starts(sweep):
        for name in ("v_0", "balance", "width_exponent_p"):
            if getattr(sweep.network, name) is not None:  # `balance` has a default beside laziness
                raise ValueError(f"network.{name}: is set by |v_r| = ‖w_r‖ where start: balanced_neurons; remove it")
        families = {name: (name,) for name in ("sigma_0", "laziness", "width_exponent_s")}
        if set(_starts(sweep)) != {"balanced_neurons"}:
            for name in _given(sweep, "sigma_0", "width_exponent_s"):
                raise ValueError(
                    f"network.{name}: leaves v0 open where start is not balanced_neurons; write laziness instead"
                )
            families = {"laziness": ("laziness",)}
    present = {text: names for text, names in families.items() if _given(sweep, *names)}
    choice = "give exactly one of: " + "; ".join(families)
    if len(present) > 1:
        raise ValueError(f"network: initial scales come from {' and from '.join(present)}; {choice}")
    if not present and sweep.problem.source not in OWN:
        raise ValueError(f"network: initial scales are missing; {choice}")
    for names in present.values():
        _require(sweep, *names)
    if sweep.network.laziness is None:
        _refuse(sweep, ("balance",), "belongs to laziness")
    if sweep.problem.source not in OWN:
        # With own data, width and scales may come with their weights; `data_checks` decides.
        _require(sweep, "width")
    if "balanced_neurons" in _starts(sweep) and (0,) in sweep.corners("sigma_0"):
        raise ValueError("network.sigma_0: 0 and |v_r| = ‖w_r‖ leave no weight above 0; write one > 0")
    if (0, 0) in sweep.corners("sigma_0", "v_0"):
        raise ValueError("network.sigma_0: and v_0 are both 0, where no gradient flows; write one > 0")


def _starts(sweep: Grid) -> tuple[str, ...]:
    return _values(sweep, "start", DEFAULTS["start"])


def _check_start(sweep: Grid) -> None:
    """Check laws of the start against each other, the width, and held-out samples."""
    if sweep.problem.source not in OWN:
        _refuse(sweep, ("weight_scale",), f"belongs to the weights that a source {' or '.join(sorted(OWN))} brings")
    together = sweep.corners("start", "second_layer")
    if ("doubled", "positive") in together:
        raise ValueError(
            "network.second_layer: positive excludes start: doubled, in which half of the v_r are negative; write signs or "
            "gaussian"
        )
    if ("balanced_neurons", "gaussian") in together:
        raise ValueError(
            "network.second_layer: gaussian excludes start: balanced_neurons, which sets |v_r| = ‖w_r‖; write signs or positive"
        )
    bound = [start for start in _starts(sweep) if start in BOUND]
    if bound and sweep.problem.test_samples is not None:
        raise ValueError(
            f"problem.test_samples: need a first layer that is independent outside the row space of X, and start: {bound[0]} "
            "binds it by ‖w_r‖; remove it, or write start: drawn or doubled"
        )
    if "doubled" in _starts(sweep):
        for start, width in sorted(sweep.combinations("start", "width"), key=str):
            if start == "doubled" and width and width % 2:
                raise ValueError(
                    f"network.width: {width} is odd, and start: doubled pairs the neurons; write even numbers"
                )
    for start, width, samples in sweep.corners("start", "width", "samples"):
        if width and samples:  # `data_checks` does this for a whole file
            explicit.check_start(start, width, samples)


def _check_activation(sweep: Grid) -> None:
    for activation, width, samples in sweep.corners("activation", "width", "samples"):
        if width and samples:  # `data_checks` does this for a whole file
            explicit.check_width(activation, width, samples)
    for activation, sigma_0 in sweep.corners("activation", "sigma_0"):
        builtin = activations.ACTIVATIONS.get(activation)
        if builtin and builtin.kink and sigma_0 == 0:
            raise ValueError(
                f"network.sigma_0: 0 leaves every {activation} at its kink, where no gradient flows; write one > 0"
            )


def _check_training(sweep: Grid) -> None:
    for choices in (("learning_rate", "growth_per_step", "stability_fraction"), ("steps", "tau")):
        names = _given(sweep, *choices)
        if len(names) != 1:
            text = " and ".join(names) if names else "none"
            raise ValueError(f"training: exactly one of {', '.join(choices)} is needed and {text} is given; keep one")
    for tau, fraction in sweep.corners("tau", "stability_fraction"):
        if tau and fraction and tau / fraction > 10**9:
            raise ValueError(f"training.tau: {tau:g} at stability_fraction {fraction:g} is over 10⁹ steps; write less")


def _check_loss(sweep: Grid) -> None:
    """Check what a loss, or an accuracy, wants of targets; `data_checks` then looks at the data's own."""
    for loss, source, targets, target_norm in sorted(
        sweep.corners("loss", "source", "targets", "target_norm"), key=str
    ):
        if not (what := sweep.wants_signs(loss)):
            continue
        fix = "write a source of data with `targets: one_vs_rest`, or a file whose y is 1 and -1"
        if source not in DATA:
            raise ValueError(f"{what}: wants targets of 1 and -1, and those of {source} inputs are drawn; {fix}")
        if targets == "centred":
            raise ValueError(f"{what}: wants targets of 1 and -1, and `targets: centred` are others; {fix}")
        if target_norm is not None:
            raise ValueError(f"{what}: wants targets of 1 and -1, which problem.target_norm rescales; remove it")
    for loss in sorted(loss for (loss,) in sweep.combinations("loss") if LOSSES[loss].curvature is None):
        for name in _given(sweep, "stability_fraction", "tau"):
            raise ValueError(
                f"training.{name}: measures the step by the largest curvature of the loss, and that of {loss} is not bounded; "
                f"write {'steps' if name == 'tau' else 'learning_rate or growth_per_step'}"
            )
    if sweep.record.converged_loss is not None and sweep.squares:
        raise ValueError("record.converged_loss: belongs to losses that are no squares; write record.converged")


def _check_record(sweep: Grid) -> None:
    record = sweep.record
    ways = [name for name in ("points", "every", "summary") if getattr(record, name)]
    if len(ways) > 1:
        raise ValueError(f"record: {' and '.join(ways)} exclude each other; keep one")
    if record.every and not isinstance(sweep.fixed.get("steps"), int):
        raise ValueError("record.every: needs one `steps` for the whole sweep; write training.steps, or record.points")
    if record.spacing == "log" and (record.every or record.summary):
        raise ValueError("record.spacing: log goes with points; remove it")
    if record.every and sweep.fixed["steps"] // record.every >= MOST_RECORDS:
        raise ValueError("record.every: makes over 10⁶ records of each network; write a larger number")
    if len(set(record.observables)) < len(record.observables):
        raise ValueError("record.observables: names one twice; drop it")
    if not record.observables:
        raise ValueError("record.observables: is empty; name at least one")
    held_out = sweep.problem.test_samples is not None
    if "test_loss" in record.observables and not held_out:
        raise ValueError(
            "record.observables: test_loss needs held-out samples; write problem.test_samples, or remove it"
        )
    if held_out and "test_loss" not in record.observables:
        raise ValueError("record.observables: has no test_loss, of which problem.test_samples speaks; add it")
    if "test_accuracy" in record.observables and not held_out:
        raise ValueError(
            "record.observables: test_accuracy needs held-out samples; write problem.test_samples, or remove it"
        )
    if "balance_drift" in record.observables and "linear" not in _values(sweep, "activation"):
        raise ValueError("record.observables: balance_drift is defined for linear networks only; remove it")
    if record.onset >= 1 or record.converged >= 1 or (record.converged_loss or 0) >= 1:
        raise ValueError("record.onset: converged and converged_loss are shares; write numbers below 1")


def _check_zip(sweep: Grid) -> None:
    zipped_names: set[str] = set()
    for group in sweep.zip:
        lengths = {}
        for name in group:
            value = sweep.parameters.get(bare(name))
            if not isinstance(value, Axis):
                raise ValueError(f"zip: {name} is not an axis of this sweep; name axes only")
            if bare(name) in zipped_names:
                raise ValueError(f"zip: {name} stands in it twice; name each axis once")
            zipped_names.add(bare(name))
            lengths[name] = len(value)
        if len(set(lengths.values())) > 1:
            text = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"zip: axes that advance together differ in length ({text}); make them equal")


def _check_networks(sweep: Grid) -> None:
    if sweep.networks > 10**9:
        raise ValueError(f"replicates: the grid has {sweep.networks:.3g} networks; write a coarser one (at most 10⁹)")


def _check_figures(sweep: Grid) -> None:
    for name in ("published_source", "published_onset"):
        if getattr(sweep.figures, name) is not None and sweep.figures.published is None:
            raise ValueError(f"figures.{name}: is about published curves; name their table in figures.published")
    single_axes, axes = sweep.single, sweep.figures.axes or ()
    for name in map(bare, axes):
        if name not in single_axes or len(set(axes)) < 2:
            raise ValueError(
                f"figures.axes: {' and '.join(axes)} are not two axes of this sweep, each alone; write two of "
                f"{', '.join(single_axes) or 'none, it has no such axis'}"
            )


def _check_refine(sweep: Grid) -> None:
    refine = sweep.refine
    if refine is None:
        return
    if not sweep.plane:
        raise ValueError("refine: needs an axis of numbers; write one, or remove refine")
    if (refine.of in observables.NAMES) != (refine.at is not None):
        fix = "write it" if refine.at is None else "remove it"
        raise ValueError(
            f"refine.at: is the value of an observable on its boundary, and refine.of = {refine.of}; {fix}"
        )
    if refine.of in observables.NAMES and refine.of not in sweep.record.observables:
        raise ValueError(f"refine.of = {refine.of}: is not kept; add it to record.observables")
    shortest = min(len(sweep.dims[name,]) for name in sweep.plane)
    if 2**refine.levels >= shortest:
        raise ValueError(
            f"refine.levels = {refine.levels}: leaves nothing of an axis of {shortest} points; write fewer levels, or a finer "
            "axis"
        )
