"""The propagator in plain batched torch: the recursion as it is written, on any device and at any size.

The readable statement of what `propagator` does in SIMD lanes and `fused` on one chip, the reference that both are held to
beside explicit weights, and the engine where neither fits: many samples, observables that the fused kernel does not follow, and
networks whose loss or records tell samples apart. These have their outputs f = UΛ^½⟨v Vᵀw⟩, targets and kernels sample by
sample, and the force on a mode is Λ^½Uᵀ times the samples' pulls; the state is the same.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lazyrich.engines.descent import descend
from lazyrich.engines.observing import Reference, Seen, accuracy, outer, pick, square, tensor
from lazyrich.engines.pieces import in_pieces, one_by_one, torch_threads
from lazyrich.engines.trajectories import Recording, Trajectories
from lazyrich.networks import optimisers
from lazyrich.networks.batch import Networks
from lazyrich.networks.losses import bound_to
from lazyrich.networks.observables import BALANCEDNESS

update = optimisers.OPTIMISERS[optimisers.DEFAULT].update


def evolve(
    networks: Networks, recording: Recording, *, device: str = "cpu", threads: int = 1, together: bool | None = None
) -> Trajectories:
    """Train every network of the batch; arguments as in `propagator.evolve`, on a device `cpu` or `cuda`.

    `together` trains many networks side by side, as is the rule on a GPU and for networks whose samples are told apart; on a
    CPU, where the propagator's results depend on nothing but the network, others are taken one at a time.
    """

    def train(networks: Networks, recording: Recording) -> Trajectories:
        return _train(networks, recording, device)

    if not (device == "cuda" or networks.by_sample if together is None else together):
        return one_by_one(networks, recording, train, threads=threads)
    size = (networks.problem.samples if networks.by_sample else networks.problem.eigenvalues.shape[1]) + 1
    # M, P, B and their next values, the start, three kernels and the modes of the linearised network; probes; records.
    bytes_each = 8 * (12 * size**2 + networks.initial.probes.shape[1] * (size + 4)) + recording.bytes_each
    with torch_threads(threads):
        return in_pieces(networks, recording, train, bytes_each=bytes_each, device=device)


class Start:
    """Networks of one piece at their start, as tensors in the modes of K; r modes, coordinates z = (v, Vᵀw).

    Outputs, targets and kernels have k entries: r modes, or n samples where these are told apart.
    """

    def __init__(self, networks: Networks, device: str) -> None:
        self.root = tensor(np.sqrt(networks.of_problem("eigenvalues")), device)  # (networks, r): √λ
        self.targets = tensor(networks.of_problem("targets"), device)  # (networks, r): Uᵀy
        self.y, self.vectors = self.targets, None  # (networks, k)
        self.problems = torch.as_tensor(networks.problem_index, device=device)
        if networks.by_sample:
            assert networks.problem.vectors is not None and networks.problem.y is not None  # samples are kept
            self.vectors = tensor(networks.problem.vectors, device)[self.problems]  # (networks, n, r): U
            self.y = tensor(networks.problem.y, device)[self.problems]
        self.loss = bound_to(torch, networks.loss)
        r = self.root.shape[1]
        # (networks, r + 1): a coordinate's scale, v0 or σ0.
        scale = np.column_stack([networks.v_0] + [networks.sigma_0] * r)
        self.scale = tensor(scale, device)
        self.draws = torch.as_tensor(networks.initial_index, device=device)
        self.unit_probes = torch.nan_to_num(tensor(networks.initial.probes, device))
        moments = tensor(networks.initial.moments, device)[self.draws]
        self.moments = outer(self.scale, self.scale) * moments  # (networks, r + 1, r + 1): ⟨z zᵀ⟩
        rate = networks.loss_factor * networks.learning_rate / (networks.problem.samples * networks.width)
        self.rate = tensor(rate, device)  # cη/(mn)
        self.width = tensor(networks.width, device)
        self.observed = torch.as_tensor(networks.observed_neurons, device=device)
        everyone = torch.arange(len(self.y), device=device)
        K = self.of_kernels(torch.diag_embed(self.root**2), everyone)
        # What ‖y‖² has beside the modes.
        floor = tensor(networks.floor, device) if self.vectors is None else torch.zeros_like(self.width)
        output = self.of_outputs(self.root * self.moments[:, 0, 1:], everyone)
        kernel = self.kernel(self.moments, everyone)
        fitted = self.of_outputs(self.targets, everyone)
        self.reference = Reference.of(networks, K, self.y, fitted, floor, kernel, output)
        self.test = None
        if networks.initial.spread is not None:
            held_out = networks.problem.held_out
            assert held_out is not None  # `spread` is there for test samples only
            self.test = [tensor(array, device) for array in (held_out.inside, held_out.outside, held_out.y)]
            self.test_scale = self.reference.loss_scale * (networks.problem.samples / held_out.samples)  # c/2n of these
            self.spread = tensor(networks.initial.spread, device)
        signal = self.root * self.targets
        self.b_rms = ((outer(signal, signal) * self.moments[:, 1:, 1:]).sum((-2, -1))) ** 0.5

    def probes(self, where: Tensor) -> Float[Tensor, "networks probes coordinates"]:
        """Return the explicit neurons of some networks; 0 where a network has fewer than others."""
        return self.unit_probes[self.draws[where]] * self.scale[where][:, None, :]

    def of_outputs(self, modes: Float[Tensor, "some r"], where: Tensor) -> Float[Tensor, "some k"]:
        """Return vectors over modes of the networks `where` as outputs have them."""
        return modes if self.vectors is None else (pick(self.vectors, where) @ modes[..., None])[..., 0]

    def of_kernels(self, modes: Float[Tensor, "some r r"], where: Tensor) -> Float[Tensor, "some k k"]:
        """Return matrices over modes of the networks `where` as kernels have them."""
        if self.vectors is None:
            return modes
        U = pick(self.vectors, where)
        return U @ modes @ U.mT

    def of_test(self, where: Tensor, M: Tensor, P: Tensor) -> tuple[Float[Tensor, " some"], Float[Tensor, " some"]]:
        """Return loss and accuracy of the test samples, NaN without any.

        f = C⟨v Vᵀw⟩ + H⟨u v⟩ with ⟨u v⟩ of the unit functions by P_v (`held_out`).
        """
        if self.test is None:
            nothing = torch.full_like(M[:, 0, 0], torch.nan)
            return nothing, nothing
        C, H, y = (array[self.problems[where]] for array in self.test)
        spread = self.scale[where, -1:, None] * self.spread[self.draws[where]]  # σ0
        uv = spread @ (self.scale[where] * P[:, 0, :])[..., None]
        f = (C @ M[:, 0, 1:, None] + H @ uv)[..., 0]
        return self.test_scale[where] * self.loss.value(f, y).sum(-1), accuracy(f, y)

    def kernel(self, M: Tensor, where: Tensor) -> Float[Tensor, "some k k"]:
        """Return Θ = (1/m)(⟨v²⟩ K + ⟨p pᵀ⟩), p = Λ^½ Vᵀw, of the networks `where`."""
        root, width = pick(self.root, where), pick(self.width, where)
        K = torch.diag_embed(root**2)
        theta = (M[:, 0, 0, None, None] * K + outer(root, root) * M[:, 1:, 1:]) / width[:, None, None]
        return self.of_kernels(theta, where)


def see(start: Start, where: Tensor, M: Tensor, P: Tensor, B: Tensor | None) -> Seen:
    """Return the record of the networks `where` from their M, P and B, (networks, r + 1, r + 1)."""
    root, M0 = start.root[where], start.moments[where]
    moved = P - torch.eye(P.shape[-1], dtype=P.dtype, device=P.device)
    signal = ((root * start.targets[where])[:, None, :] @ moved[:, 1:, :])[:, 0]  # ρ_r = ⟨signal, z_r(0)⟩
    z = start.probes(where)
    rho_r = (z @ signal[..., None])[..., 0]
    v_r = (z @ P[:, 0, :, None])[..., 0]
    observed = torch.arange(z.shape[1], device=z.device) < start.observed[where, None]
    nothing = torch.zeros_like(M[:, 0, 0])
    BM = None if B is None else B @ M0
    test_loss, test_accuracy = start.of_test(where, M, P)
    return Seen(
        output=start.of_outputs(root * M[:, 0, 1:], where),
        kernel=start.kernel(M, where),
        v_square=M[:, 0, 0],
        rho_square=(signal[:, None, :] @ M0 @ signal[..., None])[:, 0, 0].clamp(min=0),
        rho=rho_r.abs().sum(-1) / start.observed[where],
        v=v_r.abs().sum(-1) / start.observed[where],
        weight_shift=((moved @ M0) * moved)[:, 1:].sum((-2, -1)),
        balance_shift=nothing if BM is None else (BM * BM.mT).sum((-2, -1)),
        test_loss=test_loss,
        test_accuracy=test_accuracy,
        rho_r=torch.where(observed, rho_r, torch.nan),
        v_r=torch.where(observed, v_r, torch.nan),
    )


class Moments:
    """Networks of one piece as the moments M, the propagators P and, where it is wanted, B; a `System`."""

    def __init__(self, networks: Networks, recording: Recording, device: str) -> None:
        self.start = start = Start(networks, device)
        self.reference, self.b_rms, self.loss = start.reference, start.b_rms, start.loss
        count, size, _ = start.moments.shape
        self.rows = torch.arange(count, device=device)
        self.y, self.root, self.vectors = start.y, start.root, start.vectors
        # By modes already, or for every sample of a network.
        self.rate = start.rate[:, None] * start.root if self.vectors is None else start.rate[:, None]
        self.identity = torch.eye(size, dtype=torch.float64, device=device)
        self.J = torch.diag(torch.tensor([-1.0] + [1.0] * (size - 1), dtype=torch.float64, device=device))
        self.M, self.P = start.moments, self.identity.expand(count, size, size)
        self.B = torch.zeros_like(self.M) if recording.asks(BALANCEDNESS) else None
        self.G = torch.zeros_like(self.M)

    def output(self) -> Float[Tensor, "rows k"]:
        """Return f = Λ^½ ⟨v Vᵀw⟩, or U times that where samples are told apart."""
        modes = self.root * self.M[:, 0, 1:]
        return modes if self.vectors is None else (self.vectors @ modes[..., None])[..., 0]

    def left(self, output: Float[Tensor, "rows k"], pull: Float[Tensor, "rows k"]) -> Float[Tensor, " rows"]:
        """Return ‖Π(y − f)‖² of a square, modes being what these networks can fit, and all of Σ value of others."""
        if not self.loss.square:
            return self.loss.value(output, self.y).sum(-1)
        return square(pull if self.vectors is None else self._of_modes(pull))

    def see(self, where: Tensor) -> Seen:
        """Return the record of the networks `where`."""
        rows = torch.searchsorted(self.rows, where)
        B = None if self.B is None else pick(self.B, rows)
        return see(self.start, where, pick(self.M, rows), pick(self.P, rows), B)

    def keep(self, active: Tensor) -> None:
        """Drop the other rows."""
        for name in ("rows", "y", "root", "vectors", "rate", "M", "P", "B", "G"):
            if (value := getattr(self, name)) is not None:
                setattr(self, name, value[active])

    def step(self, force: Float[Tensor, "rows k"]) -> None:
        """Set M ← (I + G) M (I + G) and P ← (I + G) P."""
        if self.vectors is not None:
            force = self.root * self._of_modes(force)
        self.G[:, 0, 1:] = self.G[:, 1:, 0] = force
        if self.B is not None:
            GP = self.G @ self.P
            self.B = self.B + GP.mT @ self.J @ GP
        boost = update(self.identity, self.G)
        self.M, self.P = boost @ self.M @ boost, boost @ self.P

    def _of_modes(self, samples: Float[Tensor, "rows n"]) -> Float[Tensor, "rows r"]:
        assert self.vectors is not None  # samples are told apart
        return (samples[:, None, :] @ self.vectors)[:, 0]


def _train(networks: Networks, recording: Recording, device: str) -> Trajectories:
    return descend(networks, recording, Moments(networks, recording, device))
