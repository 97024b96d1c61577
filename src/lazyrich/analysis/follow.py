"""A trained network step by step with everything in hand: single neurons and whole kernels, which shards do not keep.

The recursion of docs/theory.md (Exact reduction) as it is written there, in plain numpy, from the very start that the engine
had: a shard keeps spectrum and targets, and its recipe the random streams of the weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float

from lazyrich.analysis import scope
from lazyrich.engines.trajectories import Status
from lazyrich.networks import optimisers
from lazyrich.networks.data import OWN
from lazyrich.networks.initial import draw
from lazyrich.networks.losses import DEFAULT, LOSSES, Loss, bound_to
from lazyrich.networks.recipe import Recipe
from lazyrich.networks.starts import Law, independent_neurons
from lazyrich.networks.streams import Role, stream
from lazyrich.shards.batch import batch_of
from lazyrich.system.errors import LazyrichError
from lazyrich.theory import end_state

Array = np.ndarray

update = optimisers.OPTIMISERS[optimisers.DEFAULT].update


@dataclass(frozen=True)
class Snapshot:
    """A network at one step, in the eigenbasis of K; z = (v, Vᵀw) as in `Initial`."""

    step: int
    moments: Float[Array, "coordinates coordinates"]  # ⟨z zᵀ⟩ over all neurons
    neurons: Float[Array, "probes coordinates"]  # z_r of the explicit ones

    @property
    def v_square(self) -> float:
        """⟨v²⟩ over all neurons."""
        return float(self.moments[0, 0])


@dataclass(frozen=True)
class Followed:
    """One network, ready to be trained again step by step; r is the rank of K.

    Of a loss that is no square, `samples` are the eigenvectors of K, (n, r), and the targets themselves, (n,).
    """

    eigenvalues: Float[Array, " r"]
    targets: Float[Array, " r"]
    width: float
    force: float  # cη/(mn)
    size: float  # D
    start: Snapshot
    loss: Loss = LOSSES[DEFAULT]
    samples: tuple[Float[Array, "n r"], Float[Array, " n"]] | None = None

    @property
    def gamma(self) -> float:
        """γ = yᵀKy."""
        return float(self.eigenvalues @ self.targets**2)

    @property
    def direction(self) -> Float[Array, " r"]:
        """Vᵀ(Xᵀy), whose square is γ."""
        return np.sqrt(self.eigenvalues) * self.targets

    def snapshots(self, steps: Iterable[int]) -> Iterator[Snapshot]:
        """Yield the network at each of the rising `steps`."""
        root = np.sqrt(self.eigenvalues)
        M, z, step = self.start.moments, self.start.neurons, self.start.step
        for target_step in steps:
            while step < target_step:
                g = self.force * root * self._pull(root * M[0, 1:])
                G = np.zeros_like(M)
                G[0, 1:] = G[1:, 0] = g
                boost = update(np.eye(len(M)), G)
                M, z, step = boost @ M @ boost, z @ boost, step + 1
            yield Snapshot(step=step, moments=M, neurons=z)

    def _pull(self, f: Float[Array, " r"]) -> Float[Array, " r"]:
        """Return the pull on an output, both in the eigenbasis of K."""
        if self.samples is None:
            return self.loss.pull(f, self.targets)
        U, y = self.samples
        return U.T @ self.loss.pull(U @ f, y)

    def output(self, now: Snapshot) -> Float[Array, " r"]:
        """Return f in the eigenbasis of K."""
        return np.sqrt(self.eigenvalues) * now.moments[0, 1:]

    def kernel(self, now: Snapshot) -> Float[Array, "r r"]:
        """Return Θ (Definition 3.1)."""
        root = np.sqrt(self.eigenvalues)
        return (now.v_square * np.diag(self.eigenvalues) + root[:, None] * now.moments[1:, 1:] * root) / self.width

    def aligned_kernel(self, v_square: float) -> Float[Array, "r r"]:
        """Return T = (⟨v²⟩/m)(K + K y yᵀK/γ)."""
        Ky = self.eigenvalues * self.targets
        return v_square / self.width * (np.diag(self.eigenvalues) + np.outer(Ky, Ky) / self.gamma)

    def end_kernel(self) -> Float[Array, "r r"]:
        """Return Θ∞ of gradient flow from this network's own start: Θ₀ + (G/m)(K + y yᵀ/b²)."""
        wide_start = np.diag(self.size * self.eigenvalues / self.width)
        wide_end = end_state.kernel(self.eigenvalues, self.targets, np.float64(self.size), np.float64(self.width))
        return self.kernel(self.start) + wide_end - wide_start

    def rho(self, now: Snapshot) -> Float[Array, " probes"]:
        """Return ρ_r = ⟨w_r(t) − w_r(0), Xᵀy⟩ of the explicit neurons (Eq. 6)."""
        return (now.neurons[:, 1:] - self.start.neurons[:, 1:]) @ self.direction

    def off_target(self, now: Snapshot) -> Float[Array, " probes"]:
        """Return ‖w_r(t) − w_r(0) − (ρ_r/γ) Xᵀy‖ of the explicit neurons (Lemma 5.3, first bullet)."""
        moved = now.neurons[:, 1:] - self.start.neurons[:, 1:]
        return np.linalg.norm(moved - np.outer(self.rho(now) / self.gamma, self.direction), axis=1)


def followable(data: xr.Dataset) -> np.ndarray:
    """Return which networks of a shard can be followed, (networks,): trained linear ones, drawn as the propagator does."""
    recipe = Recipe.of(data)
    width = data["width"].values
    # The Gram engine draws neuron by neuron; where all are probes, they are the same.
    _, start = scope.starts_of(data)
    independent = np.array([independent_neurons(*each) for each in zip(start, width, strict=True)])
    in_law = (independent > data["samples"].values) & (data.attrs["engine"] != "gram")
    reproducible = in_law | (width <= recipe.settings["probes"]["count"])
    return (
        (scope.of_networks(data) == scope.LINEAR)
        & (recipe.fixed.get("source") not in OWN)
        & reproducible
        & (data["status"].values != Status.failed)
    )


def follow(data: xr.Dataset, network: int) -> Followed:
    """Return a network of a shard, or of what `run` returned, to be trained again; `network` is its row.

    Raises
    ------
    ValueError
        for networks that are not linear, whose data came from a file, that the Gram engine drew neuron by neuron, or that
        could not be trained.
    """
    if not followable(data)[network]:
        raise LazyrichError(
            "a network that is not linear, whose data come from a file, that the Gram engine drew neuron by neuron "
            "or that failed cannot be followed"
        )
    recipe = Recipe.of(data)
    row = data.isel(network=network)
    rank = int(np.count_nonzero(row["eigenvalues"].values))
    width = int(row["width"].item())
    explicit = min(recipe.settings["probes"]["count"], width)
    generator = stream(recipe.settings["seed"], int(row["replicate"].item()), Role.WEIGHTS)
    second_layer, start = (str(values[network]) for values in scope.starts_of(data))
    law = Law(second_layer, start, int(row["dimension"].item()))
    moments, neurons = draw(generator, rank, width, explicit, law)
    sigma_0, v_0 = float(row["sigma_0"]), float(row["v_0"])
    scale = np.concatenate([[v_0], np.full(rank, sigma_0)])
    loss, samples = bound_to(np, str(scope.losses_of_networks(data)[network])), None
    if not loss.square:
        problem = batch_of(data, network).problem
        assert problem.vectors is not None and problem.y is not None  # such a loss tells samples apart
        samples = problem.vectors[0, :, :rank], problem.y[0]
    return Followed(
        eigenvalues=row["eigenvalues"].values[:rank],
        targets=row["targets"].values[:rank],
        width=float(width),
        force=float(row["loss_factor"] * row["learning_rate"] / (row["width"].astype(float) * row["samples"])),
        size=sigma_0**2 + v_0**2,
        start=Snapshot(step=0, moments=moments * np.outer(scale, scale), neurons=neurons * scale),
        loss=loss,
        samples=samples,
    )
