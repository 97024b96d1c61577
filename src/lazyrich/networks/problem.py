"""Problems: the Gram matrix of the inputs, and the targets in its eigenbasis. Training depends on nothing else.

Rotations of the input space change nothing and are never formed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lazyrich.networks import sampling
from lazyrich.networks.data import DATA
from lazyrich.networks.data.source import Data, data_of, has_signal
from lazyrich.networks.held_out import Drawing, HeldOut, Rows, functions, stacked, turned
from lazyrich.networks.streams import Role, stream
from lazyrich.networks.table import Table, distinct
from lazyrich.networks.teacher import Teacher
from lazyrich.theory import scalars

Array = np.ndarray

# Eigenvalues of K below this share of the largest count as zero.
RANK_CUT = 1e-12

KEYS = [
    "replicate",
    "source",
    "path",
    "samples",
    "test_samples",
    "classes",
    "inputs",
    "targets",
    "positive_class",
    "dimension",
    "spectrum",
    "spectrum_exponent",
    "spikes",
    "spike_strength",
    "noise_std",
    "teacher",
    "teacher_width",
    "teacher_nonzeros",
    "teacher_alignment",
    "teacher_norm",
    "target_norm",
    "gram_scale",
]


@dataclass(frozen=True)
class Weights:
    """Initial weights that a file brings."""

    p: Float[Array, "m r"]  # Vᵀw_r, the first layer in the row space of X
    v: Float[Array, " m"]  # second layer
    sigma_0: float  # σ0 = ‖W‖_F/√(m d)
    v_0: float  # v0 = rms v

    @property
    def units(self) -> Float[Array, "m coordinates"]:
        """z = (v, Vᵀw) of each neuron, in units of both scales."""
        return np.column_stack([self.v / (self.v_0 or 1.0), self.p / (self.sigma_0 or 1.0)])


@dataclass(frozen=True)
class Distribution:
    """Scalars of the distribution of the data, after all rescaling; NaN for a user's own data."""

    covariance_trace: float = np.nan  # tr Σ
    covariance_norm: float = np.nan  # ‖Σ‖₂
    covariance_frobenius: float = np.nan  # ‖Σ‖_F
    signal_norm: float = np.nan  # ‖β̃‖ = √(βᵀΣβ); NaN for a teacher without β, too
    label_noise: float = np.nan  # σ_y


DISTRIBUTION = tuple(field.name for field in fields(Distribution))


@dataclass(frozen=True)
class Problem:
    """Distinct problems of one n as a batch; r is the largest rank among them, modes beyond a problem's rank are zero."""

    samples: int
    dimension: Int[Array, " problems"]
    rank: Int[Array, " problems"]
    eigenvalues: Float[Array, "problems r"]  # of K, descending
    targets: Float[Array, "problems r"]  # y in the eigenbasis of K
    floor: Float[Array, " problems"]  # ‖(I − Π)y‖², which a linear network cannot fit
    gram_norm: Float[Array, " problems"]  # ‖K‖_F
    gram_error: Float[Array, " problems"]  # ‖K − tr Σ I‖₂, NaN where Σ is not known
    covariance_trace: Float[Array, " problems"]  # from here on as in `Distribution`
    covariance_norm: Float[Array, " problems"]
    covariance_frobenius: Float[Array, " problems"]
    signal_norm: Float[Array, " problems"]
    label_noise: Float[Array, " problems"]
    weights: Weights | None = None
    vectors: Float[Array, "problems n r"] | None = (
        None  # eigenvectors of K, for engines that see the samples themselves
    )
    y: Float[Array, "problems n"] | None = None
    held_out: HeldOut | None = None  # test samples, if the sweep has them

    def part(self, where: np.ndarray) -> Problem:
        """Return some of the problems, without modes that none of them has."""
        r = int(self.rank[where].max())
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {name: value[where] for name, value in values.items() if isinstance(value, np.ndarray)}
        for name in ("eigenvalues", "targets", "vectors"):
            if name in arrays:
                arrays[name] = arrays[name][..., :r]
        if self.held_out is not None:
            # Each explicit neuron has its own function.
            function_count = r + 1 if self.vectors is None else self.held_out.outside.shape[-1]
            arrays["held_out"] = self.held_out.part(where, r, function_count)
        return replace(self, **arrays)

    @property
    def y_norm(self) -> Float[Array, " problems"]:
        """‖y‖."""
        return np.sqrt(scalars.over_modes(self.targets**2) + self.floor)

    @property
    def fitted_norm(self) -> Float[Array, " problems"]:
        """‖Πy‖, the norm of the part of y that a linear network can fit."""
        return np.sqrt(scalars.over_modes(self.targets**2))

    @property
    def gamma(self) -> Float[Array, " problems"]:
        """γ = yᵀKy."""
        return np.asarray(scalars.gamma(self.eigenvalues, self.targets))

    @property
    def gamma_2(self) -> Float[Array, " problems"]:
        """φ₂ = yᵀK²y."""
        return np.asarray(scalars.gamma_2(self.eigenvalues, self.targets))

    @property
    def kappa(self) -> Float[Array, " problems"]:
        """κ = γ/‖y‖², NaN where y = 0."""
        with np.errstate(invalid="ignore"):
            kappa: np.ndarray = self.gamma / self.y_norm**2
        return kappa

    @property
    def b(self) -> Float[Array, " problems"]:
        """b = √(yᵀK⁺y)."""
        return np.asarray(scalars.minimum_norm(self.eigenvalues, self.targets))


def problems(
    columns: Table, fixed: Mapping[str, Any], seed: int, *, samples: bool = False
) -> tuple[Problem, np.ndarray]:
    """Return the distinct problems of networks with the same n, and the index of each network's problem (networks,).

    `samples` also keeps the eigenvectors of K, y itself, and every test sample with a function for each neuron: networks that
    are not linear depend on them.
    """
    rows, index = distinct(columns, KEYS)
    # All networks have the same number of explicit neurons. Weights from a file bring their own functions.
    neurons = int(columns["width"].max()) if samples and "width" in columns else None
    return _stack([_problem(row, fixed, seed, samples, neurons) for row in rows], samples, rows[0]), index


@dataclass(frozen=True)
class _Single:
    """One problem before it is stacked."""

    eigenvalues: np.ndarray  # (r,)
    targets: np.ndarray  # (r,)
    floor: float
    samples: int
    dimension: int
    gram_error: float
    vectors: np.ndarray  # (n, r)
    y: np.ndarray  # (n,)
    distribution: Distribution = Distribution()
    weights: Weights | None = None
    test: Rows | None = None


def _problem(row: dict[str, Any], fixed: Mapping[str, Any], seed: int, samples: bool, neurons: int | None) -> _Single:
    if row["source"] in DATA:
        unit = stream(seed, row["replicate"], Role.TEST_WEIGHTS)
        single = _of_data(data_of(row, seed, row["replicate"]), unit, samples, neurons)
    else:
        single = _sampled(row, fixed, seed, neurons)
    if single.test is not None and not samples:
        single = replace(single, test=turned(single.test))
    return _rescaled(single, row)


def _of_data(data: Data, unit: np.random.Generator, samples: bool, neurons: int | None) -> _Single:
    X, y = data.X, data.y
    # From the singular values of X: eigenvalues of K would lose half of the digits of the small ones.
    U, singular, V = np.linalg.svd(X, full_matrices=False)
    keep = singular**2 > RANK_CUT * singular[0] ** 2
    keep[0] = True  # for X = 0, too; its networks fail one by one
    targets, signal = U[:, keep].T @ y, has_signal(X, y)
    if not signal:  # no rounding in its place, from which γ, b and all that follows from them would be
        targets = np.zeros_like(targets)
    floor = 0.0 if signal and keep.sum() == len(y) else float(np.sum((y - U[:, keep] @ targets) ** 2))
    weights, test = None, None
    if data.weights is not None:
        W, v = data.weights
        scales = {"sigma_0": float(np.sqrt(np.mean(W**2))), "v_0": float(np.sqrt(np.mean(v**2)))}
        weights = Weights(p=W @ V[keep].T, v=v, **scales)
    if data.X_test is not None:
        assert data.y_test is not None  # test inputs come with targets
        inside = data.X_test @ V[keep].T
        beyond = data.X_test - inside @ V[keep]
        if weights is None:
            outside = beyond @ functions(unit, int(keep.sum()) + 1 if neurons is None else neurons, X.shape[1])
        else:
            outside = beyond @ W.T / (weights.sigma_0 or 1.0)
            # For a linear network, ⟨h zᵀ⟩ itself.
            outside = outside if samples else outside @ weights.units / len(v)
        test = Rows(inside=inside, outside=outside, y=data.y_test)
    dimension = X.shape[1]
    return _Single(
        eigenvalues=singular[keep] ** 2,
        targets=targets,
        floor=floor,
        samples=len(y),
        dimension=dimension,
        gram_error=np.nan,
        vectors=U[:, keep],
        y=y,
        weights=weights,
        test=test,
    )


def _sampled(row: dict[str, Any], fixed: Mapping[str, Any], seed: int, neurons: int | None) -> _Single:
    n, d, replicate = row["samples"], row["dimension"], row["replicate"]
    inputs = stream(seed, replicate, Role.INPUTS)
    teacher = Teacher(row, stream(seed, replicate, Role.TEACHER))
    groups = sampling.spectrum(row, fixed)
    drawing = None
    if row.get("test_samples") is not None:
        count = n + 1 if neurons is None else neurons
        drawing = Drawing(seed, replicate, n, row["test_samples"], count, teacher.units)
    if row["source"] == "gaussian" and isinstance(groups, list):
        values, counts = (np.array(column, dtype=float) for column in zip(*groups, strict=True))
        sample = sampling.gaussian_in_law(inputs, teacher, n, groups, drawing)
    else:
        if isinstance(groups, list):
            groups = np.repeat([value for value, _ in groups], [count for _, count in groups])
        values, counts = groups, np.ones(len(groups))
        sample = sampling.explicit(inputs, teacher, n, groups, row["source"], drawing)
    K, signal = sample.K, teacher.values(sample.projections, sample.gram)
    signal_norm = float(np.sqrt(sample.gram[0, 0])) if teacher.has_beta else np.nan
    test_signal = None if drawing is None else teacher.values(drawing.projections, sample.gram)
    if row.get("teacher_norm") is not None:
        factor = row["teacher_norm"] / teacher.norm(sample.plain, sample.gram)
        signal = signal * factor
        signal_norm = signal_norm * factor
        test_signal = None if test_signal is None else test_signal * factor
    noise_std = row.get("noise_std", 0.0)
    trace = float(np.sum(values * counts))
    distribution = Distribution(
        covariance_trace=trace,
        covariance_norm=float(values[counts > 0].max()),
        covariance_frobenius=float(np.sqrt(np.sum(values**2 * counts))),
        signal_norm=signal_norm,
        label_noise=noise_std,
    )
    y = signal + noise_std * stream(seed, replicate, Role.NOISE).standard_normal(n)

    eigenvalues, U = np.linalg.eigh(K)
    eigenvalues, U = eigenvalues[::-1], U[:, ::-1]
    error = float(np.max(np.abs(eigenvalues - trace)))
    keep = eigenvalues > RANK_CUT * eigenvalues[0]
    targets = U[:, keep].T @ y
    # The residual itself, not a difference of squares; exactly 0 at full rank.
    floor = 0.0 if keep.all() else float(np.sum((y - U[:, keep] @ targets) ** 2))
    test = None
    if drawing is not None and test_signal is not None:
        test = drawing.test(eigenvalues[keep], U[:, keep], test_signal, noise_std)
        if neurons is None:  # a function for each coordinate of z
            test = test._replace(outside=test.outside[:, : int(keep.sum()) + 1])
    return _Single(
        eigenvalues=eigenvalues[keep],
        targets=targets,
        floor=floor,
        samples=n,
        dimension=d,
        gram_error=error,
        vectors=U[:, keep],
        y=y,
        distribution=distribution,
        test=test,
    )


def _rescaled(single: _Single, row: dict[str, Any]) -> _Single:
    """Scale y to `target_norm`, then X to `gram_scale`, if the sweep has these keys; test samples by the same factors."""
    values = dict(vars(single))
    y_norm = float(np.sqrt(np.sum(single.targets**2) + single.floor))
    distribution, test = single.distribution, single.test
    if row.get("target_norm") is not None and y_norm > 0:
        factor = row["target_norm"] / y_norm
        values["targets"] = single.targets * factor
        values["floor"] = single.floor * factor**2
        values["y"] = single.y * factor
        test = test and test._replace(y=test.y * factor)
        distribution = replace(
            distribution, signal_norm=distribution.signal_norm * factor, label_noise=distribution.label_noise * factor
        )
    kappa = float(scalars.gamma(single.eigenvalues, single.targets)) / y_norm**2 if y_norm > 0 else 0.0
    if row.get("gram_scale") is not None and kappa > 0:
        scale = row["gram_scale"] / kappa
        values["eigenvalues"] = single.eigenvalues * scale
        values["gram_error"] = single.gram_error * scale
        test = test and test._replace(inside=test.inside * np.sqrt(scale), outside=test.outside * np.sqrt(scale))
        # The targets stay, and so does βᵀΣβ.
        distribution = replace(
            distribution,
            covariance_trace=distribution.covariance_trace * scale,
            covariance_norm=distribution.covariance_norm * scale,
            covariance_frobenius=distribution.covariance_frobenius * scale,
        )
    values["distribution"], values["test"] = distribution, test
    return _Single(**values)


def _stack(singles: list[_Single], samples: bool, row: dict[str, Any]) -> Problem:
    r = max(len(single.eigenvalues) for single in singles)

    def padded(name: str) -> np.ndarray:
        return np.stack([np.pad(getattr(s, name), (0, r - len(s.eigenvalues))) for s in singles])

    eigenvalues = padded("eigenvalues")
    tests = [single.test for single in singles if single.test is not None]  # all of them or none
    return Problem(
        samples=singles[0].samples,
        dimension=np.array([single.dimension for single in singles]),
        rank=np.array([len(single.eigenvalues) for single in singles]),
        eigenvalues=eigenvalues,
        targets=padded("targets"),
        floor=np.array([single.floor for single in singles]),
        gram_norm=np.sqrt(scalars.over_modes(eigenvalues**2)),
        gram_error=np.array([single.gram_error for single in singles]),
        **{name: np.array([getattr(single.distribution, name) for single in singles]) for name in DISTRIBUTION},
        weights=singles[0].weights,
        vectors=np.stack([np.pad(s.vectors, ((0, 0), (0, r - s.vectors.shape[1]))) for s in singles])
        if samples
        else None,
        y=np.stack([single.y for single in singles]) if samples else None,
        held_out=stacked(tests, row["test_samples"]) if tests else None,
    )
