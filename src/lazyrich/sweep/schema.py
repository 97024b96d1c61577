"""The sections of a sweep file: every key, its rule, default and description.

Validation, the JSON schema and ``config/README.md`` all come from these models.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lazyrich.networks import activations, losses, observables, starts, teachers
from lazyrich.networks.data import DATA, DISTRIBUTIONS, OWN, SOURCES
from lazyrich.sweep.axes import Choice, Classes, Integer, Key, Memory, Real, in_bytes, scalar, swept
from lazyrich.system.errors import LazyrichError

Observable = Annotated[
    str, BeforeValidator(Choice(observables.NAMES)), Field(json_schema_extra={"enum": list(observables.NAMES)})
]

# The state of a network is of size (n + 1)²: 3 GB at this n.
MOST_SAMPLES = 20_000
# Python with a worker's imports takes half of it.
LEAST_MEMORY = 500 * 10**6
POSITIVE = Real(0, open=True)
NON_NEGATIVE = Real(0)


class SweepError(LazyrichError):
    """A sweep file, or a file it names, that cannot be run; the message names file, key, value and fix."""


class Section(BaseModel):
    """A part of the sweep file: frozen, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# Parts of help texts that come from the sources of data.
*_OTHERS, _LAST = (source.description for source in SOURCES.values())
_SOURCES = f"{', '.join(_OTHERS)} or {_LAST}"
_PATHS = "; ".join(f"`{source.name}`: {source.path_description}" for source in SOURCES.values() if source.takes_path)
_TESTS = "".join(f", {source.test_description}" for source in SOURCES.values() if source.test_description)


class Problem(Section):
    """`problem`: inputs X (n, d) and targets y (n,); y_i = ⟨x_i, β⟩ + noise, or another `teacher` of x_i + noise."""

    source: Annotated[Any, swept(Choice((*DISTRIBUTIONS, *DATA)))] = Field(
        "gaussian",
        description="distribution of the independent entries of z in x = Λ^½ z; `sphere`: x uniform on the sphere of radius "
        f"√d; or data: {_SOURCES}",
    )
    path: str | None = Field(None, description=f"relative to the sweep file; {_PATHS}")
    samples: Annotated[Any, swept(Integer(1, MOST_SAMPLES))] = Field(
        None,
        description="n, number of samples; of data so many drawn by seed and replicate, more of them always with the fewer "
        f"({', '.join(f'`{name}`' for name in OWN)} without it: all samples, in their order)",
    )
    test_samples: Annotated[Any, scalar(Integer(1, MOST_SAMPLES))] = Field(
        None,
        description="held-out samples, whose loss is recorded as `test_loss`: of the same distribution, teacher and "
        f"label noise; of data the last of the same shuffle and classes{_TESTS}",
    )
    classes: Annotated[Any, swept(Classes())] = Field(
        None, description="data: of these classes alone, equally many of each (without it: whatever is drawn)"
    )
    inputs: Annotated[Any, swept(Choice(("raw", "scaled", "standardised")))] = Field(
        None,
        description="data: `raw` values; `scaled` to [0, 1] by the least and largest value of the whole source; "
        "`standardised`, each feature with mean 0 and variance 1 over the whole source (default raw)",
    )
    targets: Annotated[Any, swept(Choice(("labels", "centred", "one_vs_rest")))] = Field(
        None,
        description="data: `labels` as numbers; `centred`, less the mean of the chosen samples'; `one_vs_rest`, 1 for "
        "`positive_class` and −1 for others (default labels)",
    )
    positive_class: Annotated[Any, swept(Integer(0))] = Field(
        None, description="one_vs_rest: the one (default the first of `classes`, or of the data's)"
    )
    dimension: Annotated[Any, swept(Integer(1))] = Field(None, description="d, input dimension")
    spectrum: Annotated[Any, swept(Choice(("isotropic", "power_law", "spiked", "explicit")))] = Field(
        None, description="eigenvalues λ_j of the input covariance (default isotropic)"
    )
    spectrum_exponent: Annotated[Any, swept(NON_NEGATIVE)] = Field(None, description="power_law: λ_j = j^−exponent")
    spikes: Annotated[Any, swept(Integer(1))] = Field(None, description="spiked: number of directions that stand out")
    spike_strength: Annotated[Any, swept(POSITIVE)] = Field(
        None, description="spiked: identity plus this on the first `spikes` directions"
    )
    eigenvalues: tuple[Annotated[Any, scalar(NON_NEGATIVE)], ...] | None = Field(
        None, description="explicit: the d eigenvalues"
    )
    noise_std: Annotated[Any, swept(NON_NEGATIVE)] = Field(None, description="σ_y, label noise (default 0)")
    teacher: Annotated[Any, swept(Choice(teachers.TEACHERS))] = Field(
        None,
        description="what y is of x before noise: `linear` ⟨β, x⟩ with β ~ N(0, I_d); `sparse` and `aligned`: linear with "
        "another β; with u_a ~ N(0, I_d) and M = `teacher_width`: `relu` M^−½ Σ_a ±max(0, ⟨u_a, x⟩), `quadratic` "
        "M^−½ Σ_a (⟨u_a, x⟩² − its mean) (default linear)",
    )
    teacher_width: Annotated[Any, swept(Integer(1, MOST_SAMPLES))] = Field(
        None, description="relu, quadratic: M, number of the teacher's neurons"
    )
    teacher_nonzeros: Annotated[Any, swept(Integer(1))] = Field(
        None, description="sparse: number of entries of β that are not 0, anywhere, each N(0, 1)"
    )
    teacher_alignment: Annotated[Any, swept(NON_NEGATIVE)] = Field(
        None, description="aligned: share of ‖β‖ in the `spikes` directions of `spectrum: spiked`, from 0 to 1"
    )
    teacher_norm: Annotated[Any, swept(NON_NEGATIVE)] = Field(
        None,
        description="‖β‖; without it β ~ N(0, I_d) keeps the norm it is drawn with. relu, quadratic: rms y before noise, over "
        "Gaussian inputs of the same covariance",
    )
    target_norm: Annotated[Any, swept(POSITIVE)] = Field(None, description="after sampling, rescale y to this ‖y‖")
    gram_scale: Annotated[Any, swept(POSITIVE)] = Field(
        None, description="after sampling, rescale X to this κ = yᵀXXᵀy/‖y‖²"
    )


PROBES = Integer(1, 10**6)


class Probes(Section):
    """`network.probes`: neurons followed one by one."""

    count: Annotated[Any, scalar(PROBES)] = Field(64, description="number of explicit neurons")
    keep: bool = Field(False, description="keep `rho_r` and `v_r` of each probe at each record")


class Network(Section):
    """`network`: f(X) = (1/m) Σ_r v_r φ(X w_r). Initial scales by sigma_0 and v_0, or laziness, or width exponents."""

    width: Annotated[Any, swept(Integer(1))] = Field(
        None, description="m, number of neurons, up to 2⁶³ − 1; the cost of linear networks does not depend on it"
    )
    activation: Annotated[
        Any, swept(Choice(activations.NAMES, own=activations.OWN, own_text="your own as file.py:function"))
    ] = Field(
        "linear",
        description="φ; your own is a torch function in a file that stands alone, named relative to the sweep file",
    )
    sigma_0: Annotated[Any, swept(NON_NEGATIVE)] = Field(None, description="σ0: w_r ~ N(0, σ0² I)")
    v_0: Annotated[Any, swept(NON_NEGATIVE)] = Field(
        None, description="v0: v_r = ±v0 with equal probability, or as `second_layer` says"
    )
    laziness: Annotated[Any, swept(POSITIVE)] = Field(
        None, description="χ: σ0² + v0² = 2bχ, b the minimum-norm solution"
    )
    balance: Annotated[Any, swept(POSITIVE)] = Field(None, description="σ0/v0 beside laziness (default 1)")
    width_exponent_p: Annotated[Any, swept(Real())] = Field(None, description="p: v0 = m^−p")
    width_exponent_s: Annotated[Any, swept(Real())] = Field(None, description="s: σ0 = m^−s")
    second_layer: Annotated[Any, swept(Choice(starts.SECOND_LAYERS))] = Field(
        None,
        description="law of v_r: `signs`, ±v0 with equal probability; `gaussian`, N(0, v0²); `positive`, v0 (default signs)",
    )
    start: Annotated[Any, swept(Choice(starts.STARTS))] = Field(
        None,
        description="`drawn`, neurons independent, w_r Gaussian; `doubled`, pairs (w, v) and (w, −v), so that f(0) = 0 (m "
        "even); `balanced_neurons`, v_r = ±‖w_r‖ (v0 is then σ0√d and not given); `unit_rows`, ‖w_r‖ = σ0√d (default drawn). "
        "The last two draw every neuron, so that m is bounded for linear networks, too",
    )
    weight_scale: Annotated[Any, swept(POSITIVE)] = Field(
        None, description="factor of the weights W and v that a file brings (default 1)"
    )
    probes: Annotated[
        Probes,
        BeforeValidator(
            lambda data: data if isinstance(data, (dict, Probes)) else {"count": data},
            json_schema_input_type=Probes | Annotated[Any, scalar(PROBES)],
        ),
    ] = Field(Probes(), description="explicit neurons for means over neurons (all neurons if m is at most that)")


_CURVATURES = ", ".join(
    f"{name} {'none' if loss.curvature is None else format(loss.curvature, 'g')}"
    for name, loss in losses.LOSSES.items()
)


class Training(Section):
    """`training`: full-batch gradient descent on L = (1/n) Σ ℓ(f_i, y_i), by default a square; one rate and one length."""

    learning_rate: Annotated[Any, swept(POSITIVE)] = Field(None, description="η")
    growth_per_step: Annotated[Any, swept(POSITIVE)] = Field(None, description="k = cη√γ/(mn), instead of η")
    stability_fraction: Annotated[Any, swept(POSITIVE)] = Field(
        None,
        description="h = cηλ_max(Θ∞)/(2n), share of the largest stable step, instead of η; c here is the largest curvature of "
        f"the loss ({_CURVATURES})",
    )
    loss: Annotated[Any, swept(Choice(tuple(losses.LOSSES)))] = Field(
        losses.DEFAULT,
        description="; ".join(
            f"`{name}`: {loss.formula}, c = {loss.factor:g}" + (", targets ±1" if loss.targets == "signs" else "")
            for name, loss in losses.LOSSES.items()
        ),
    )
    steps: Annotated[Any, swept(Integer(1, 10**9))] = Field(None, description="T, number of steps")
    tau: Annotated[Any, swept(POSITIVE)] = Field(None, description="τ = hT, instead of steps: T = max(1, round(τ/h))")


class Record(Section):
    """`record`: which steps and which observables are kept."""

    points: Annotated[Any, scalar(Integer(2, 10**6))] = Field(
        None, description="P records, record j at step round(jT/(P−1)) (default 64)"
    )
    every: Annotated[Any, scalar(Integer(1))] = Field(
        None, description="a record every so many steps, and the last; needs one `steps` for the whole sweep"
    )
    spacing: Literal["linear", "log"] = Field(
        "linear", description="log: record j at step round((T+1)^(j/(P−1))) − 1, dense in early steps"
    )
    summary: bool = Field(False, description="keep the end of training only")
    observables: tuple[Observable, ...] = Field(observables.DEFAULT, description="which to keep")
    onset: Annotated[Any, scalar(POSITIVE)] = Field(
        0.05, description="learning has begun when the reducible loss has fallen by this share"
    )
    converged: Annotated[Any, scalar(POSITIVE)] = Field(
        1e-3, description="training has ended when ‖Π(y − f)‖ is at most this share of ‖y‖"
    )
    converged_loss: Annotated[Any, scalar(POSITIVE)] = Field(
        None,
        description="losses that are no squares: training has ended when the loss is at most this share of that of an output "
        f"of 0 (default {losses.CONVERGED_LOSS:g})",
    )


class Phases(Section):
    """`phases`: thresholds between phases."""

    kernel_change: Annotated[Any, scalar(POSITIVE)] = Field(
        None,
        description="rich above, lazy below this ‖Θ∞ − Θ₀‖/‖Θ₀‖ (default: its value at χ = 1 for K = κI, which depends on n)",
    )
    loss_growth: Annotated[Any, scalar(POSITIVE)] = Field(
        1.1, description="catapult: the loss rose above this multiple of its start before it fell"
    )
    alignment: Annotated[Any, scalar(POSITIVE)] = Field(
        2 / 3,
        description="rich by alignment at or above this rms ρ_r/(√γ rms v_r) at the end (⅔ follows from |ρ_r − √γ v_r| ≤ ½ρ_r)",
    )
    weight_change: Annotated[Any, scalar(POSITIVE)] = Field(
        1.0, description="rich by weights at or above this ‖W − W₀‖/‖W₀‖ at the end"
    )
    theory_error: Annotated[Any, scalar(POSITIVE)] = Field(
        0.05, description="a theory describes a network up to this distance of the target overlap, whose scale is 1"
    )


class Conditions(Section):
    """`conditions`: the paper's Assumption 4.1, how far it reaches: its unnamed absolute constants, and the form of (6)."""

    width: Annotated[Any, scalar(POSITIVE)] = Field(1.0, description="(1): m ≥ C log 2n")
    sigma_0: Annotated[Any, scalar(POSITIVE)] = Field(1.0, description="(2): σ0 ≤ C₁/√(n d ‖β̃‖² tr Σ)")
    v_0: Annotated[Any, scalar(POSITIVE)] = Field(1.0, description="(3): v0 ≤ C₂/√(n ‖β̃‖² tr Σ)")
    learning_rate: Annotated[Any, scalar(POSITIVE)] = Field(1.0, description="(4): cη ≤ C √n m/(√(tr Σ) ‖β̃‖)")
    trace: Annotated[Any, scalar(POSITIVE)] = Field(1.0, description="(6): tr Σ ≥ max{C₂, √ε ‖β̃‖} (n‖Σ‖₂ + √n ‖Σ‖_F)")
    trace_form: Literal["printed", "repaired"] = Field(
        "printed",
        description="(6) that counts in `assumption_margin`: `printed`, with √ε ‖β̃‖, or `repaired`, with ‖β̃‖/√ε in its place, "
        "which the proof needs (margins of both are kept)",
    )
    signal: Annotated[Any, scalar(POSITIVE)] = Field(1.0, description="(6): tr Σ ‖β̃‖² ≥ C")


class Figures(Section):
    """`figures`: what to draw beside the data."""

    published: str | None = Field(
        None, description="curves to lay over, relative to the sweep file: CSV with step, loss, rho_over_v, ntk_error"
    )
    published_source: Annotated[Any, scalar(Choice((*DISTRIBUTIONS, *DATA)))] = Field(
        None,
        description="what the published curves were trained on; figures say so where the sweep trains on something else",
    )
    published_onset: Annotated[Any, scalar(POSITIVE)] = Field(
        None, description="step of the published figure's own t₁, drawn as its red line"
    )
    axes: tuple[str, str] | None = Field(
        None,
        description="the two axes of maps (default the first two with numbers); boundaries lie between numbers only",
    )


# Field of a summary -> its level on a boundary; `boundaries` draws the same lines.
REFINED = {"kernel_change_ratio": 1.0, "converged_share": 0.5, "conclusions_share": 0.5}


class Refine(Section):
    """`refine`: train a coarse grid, then only where a boundary runs, finer and finer until the grid of the axes is reached."""

    levels: Annotated[Any, scalar(Integer(1, 12))] = Field(
        description="how often the spacing is halved: the first grid takes every 2^levels-th point of both axes, and the last"
    )
    of: Annotated[Any, scalar(Choice(("phase", *REFINED, *observables.NAMES)))] = Field(
        "phase", description="what has the boundary: `phase`, a field of the summary, or an observable's end value"
    )
    at: Annotated[Any, scalar(Real())] = Field(
        None, description="the value on the boundary (for an observable; the fields have their own)"
    )

    @property
    def level(self) -> float | None:
        """The value on the boundary; None for phases, which differ across it."""
        level: float | None = REFINED.get(self.of, self.at)
        return level


class Dask(Section):
    """`dask`: processes that compare shards with theory, where one with a few threads is not enough."""

    cluster: Annotated[Any, scalar(Choice(("local", "slurm")))] = Field(
        description="`local`: processes of this machine; `slurm`: jobs, whose partition, account, walltime and network "
        "interface are those of dask-jobqueue's own configuration (`jobqueue.slurm` in ~/.config/dask/*.yaml)",
    )
    workers: Annotated[Any, scalar(Integer(1, 10**4))] = Field(description="number of processes")
    memory: Annotated[Any, scalar(Memory(LEAST_MEMORY))] = Field(
        description="of each; a process that takes more is ended, and its part of the work begun anew"
    )

    @property
    def memory_bytes(self) -> int:
        """`memory` as a number."""
        return in_bytes(self.memory)


def bare(name: str) -> str:
    """Return `network.width` or `width` -> `width`: every sweepable key is unique without its section."""
    return name.rpartition(".")[2]


def sweepable(model: type[Section]) -> list[str]:
    """Return a section's keys that may be an axis, and other keys that decide numbers in the same way."""
    return [
        name
        for name, field in model.model_fields.items()
        if name in ("path", "test_samples", "eigenvalues")
        or any(isinstance(meta, Key) and meta.axis for meta in field.metadata)
    ]


def dotted(name: str) -> str:
    """Return `width` -> `network.width`; an axis of the user's own stands under `axes`."""
    return f"{SECTION_OF.get(name, 'axes')}.{name}"


SECTION_OF = {
    name: section
    for section, model in (("problem", Problem), ("network", Network), ("training", Training))
    for name in sweepable(model)
}

# Key that may be a formula -> the rule for its values.
NUMBERS: dict[str, Real | Integer] = {
    name: meta.rule
    for model in (Problem, Network, Training)
    for name, field in model.model_fields.items()
    for meta in field.metadata
    if isinstance(meta, Key) and meta.takes_formulas and isinstance(meta.rule, (Real, Integer))
}
