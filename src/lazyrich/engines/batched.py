"""The propagator in plain batched torch: the recursion as it is written, on any device and at any size.

The readable statement of what `propagator` does in SIMD lanes and `fused` on one chip, the reference that both are held to
beside explicit weights, and the engine where neither fits: many samples, or observables that the fused kernel does not follow.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lazyrich.engines.descent import descend
from lazyrich.engines.observing import Reference, Seen, outer, pick, square, tensor
from lazyrich.engines.pieces import in_pieces, one_by_one
from lazyrich.engines.trajectories import Recording, Trajectories
from lazyrich.networks import losses, optimisers
from lazyrich.networks.batch import Networks
from lazyrich.networks.observables import BALANCEDNESS

update = optimisers.OPTIMISERS[optimisers.DEFAULT].update


def evolve(
    networks: Networks, recording: Recording, *, device: str = "cpu", threads: int = 1, together: bool | None = None
) -> Trajectories:
    """Train every network of the batch; arguments as in `propagator.evolve`, on a device `cpu` or `cuda`.

    `together` trains many networks side by side, as is the rule on a GPU; on a CPU, where the propagator's results depend on
    nothing but the network, they are taken one at a time.
    """

    def train(networks: Networks, recording: Recording) -> Trajectories:
        return _train(networks, recording, device)

    if not (device == "cuda" if together is None else together):
        return one_by_one(networks, recording, train, threads=threads)
    size = networks.problem.eigenvalues.shape[1] + 1
    # M, P, B and their next values, the start, three kernels and the modes of the linearised network; probes; records.
    bytes_each = 8 * (12 * size**2 + networks.initial.probes.shape[1] * (size + 4)) + recording.bytes_each
    return in_pieces(networks, recording, train, bytes_each=bytes_each, device=device)


class Start:
    """Networks of one piece at their start, as tensors in the modes of K; r modes, coordinates z = (v, Vᵀw)."""

    def __init__(self, networks: Networks, device: str) -> None:
        self.root = tensor(np.sqrt(networks.of_problem("eigenvalues")), device)  # (networks, r): √λ
        self.y = tensor(networks.of_problem("targets"), device)  # (networks, r)
        r = self.y.shape[1]
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
        floor = tensor(networks.floor, device)
        K = torch.diag_embed(self.root**2)
        output, kernel = self.output(self.moments), self.kernel(self.moments, self.root, self.width)
        self.reference = Reference.of(networks, K, self.y, self.y, floor, kernel, output)
        self.problems = torch.as_tensor(networks.problem_index, device=device)
        self.test = None
        if networks.initial.spread is not None:
            held_out = networks.problem.held_out
            assert held_out is not None  # `spread` is there for test samples only
            self.test = [tensor(array, device) for array in (held_out.inside, held_out.outside, held_out.y)]
            self.test_scale = self.reference.loss_scale * (networks.problem.samples / held_out.samples)  # c/2n of these
            self.spread = tensor(networks.initial.spread, device)
        signal = self.root * self.y
        self.b_rms = ((outer(signal, signal) * self.moments[:, 1:, 1:]).sum((-2, -1))) ** 0.5

    def probes(self, where: Tensor) -> Float[Tensor, "networks probes coordinates"]:
        """Return the explicit neurons of some networks; 0 where a network has fewer than others."""
        return self.unit_probes[self.draws[where]] * self.scale[where][:, None, :]

    def output(self, M: Float[Tensor, "networks z z"]) -> Float[Tensor, "networks r"]:
        """Return f = Λ^½ ⟨v Vᵀw⟩."""
        return self.root * M[:, 0, 1:]

    def test_loss(self, where: Tensor, M: Tensor, P: Tensor) -> Float[Tensor, " networks"]:
        """Return the loss of the test samples, f = C⟨v Vᵀw⟩ + H⟨u v⟩ with ⟨u v⟩ of the unit functions by P_v (`held_out`)."""
        if self.test is None:
            return torch.full_like(M[:, 0, 0], torch.nan)
        C, H, y = (array[self.problems[where]] for array in self.test)
        spread = self.scale[where, -1:, None] * self.spread[self.draws[where]]  # σ0
        uv = spread @ (self.scale[where] * P[:, 0, :])[..., None]
        f = (C @ M[:, 0, 1:, None] + H @ uv)[..., 0]
        return self.test_scale[where] * losses.value(f, y).sum(-1)

    @staticmethod
    def kernel(M: Tensor, root: Tensor, width: Tensor) -> Float[Tensor, "networks r r"]:
        """Return Θ = (1/m)(⟨v²⟩ K + ⟨p pᵀ⟩), p = Λ^½ Vᵀw."""
        K = torch.diag_embed(root**2)
        return (M[:, 0, 0, None, None] * K + outer(root, root) * M[:, 1:, 1:]) / width[:, None, None]


def see(start: Start, where: Tensor, M: Tensor, P: Tensor, B: Tensor | None) -> Seen:
    """Return the record of the networks `where` from their M, P and B, (networks, r + 1, r + 1)."""
    root, M0 = start.root[where], start.moments[where]
    moved = P - torch.eye(P.shape[-1], dtype=P.dtype, device=P.device)
    signal = ((root * start.y[where])[:, None, :] @ moved[:, 1:, :])[:, 0]  # ρ_r = ⟨signal, z_r(0)⟩
    z = start.probes(where)
    rho_r = (z @ signal[..., None])[..., 0]
    v_r = (z @ P[:, 0, :, None])[..., 0]
    observed = torch.arange(z.shape[1], device=z.device) < start.observed[where, None]
    nothing = torch.zeros_like(M[:, 0, 0])
    BM = None if B is None else B @ M0
    return Seen(
        output=root * M[:, 0, 1:],
        kernel=start.kernel(M, root, start.width[where]),
        v_square=M[:, 0, 0],
        rho_square=(signal[:, None, :] @ M0 @ signal[..., None])[:, 0, 0].clamp(min=0),
        rho=rho_r.abs().sum(-1) / start.observed[where],
        v=v_r.abs().sum(-1) / start.observed[where],
        weight_shift=((moved @ M0) * moved)[:, 1:].sum((-2, -1)),
        balance_shift=nothing if BM is None else (BM * BM.mT).sum((-2, -1)),
        test_loss=start.test_loss(where, M, P),
        rho_r=torch.where(observed, rho_r, torch.nan),
        v_r=torch.where(observed, v_r, torch.nan),
    )


class Moments:
    """Networks of one piece as the moments M, the propagators P and, where it is wanted, B; a `System`."""

    def __init__(self, networks: Networks, recording: Recording, device: str) -> None:
        self.start = start = Start(networks, device)
        self.reference, self.b_rms = start.reference, start.b_rms
        count, size, _ = start.moments.shape
        self.rows = torch.arange(count, device=device)
        self.y, self.root = start.y, start.root
        self.rate = start.rate[:, None] * start.root
        self.identity = torch.eye(size, dtype=torch.float64, device=device)
        self.J = torch.diag(torch.tensor([-1.0] + [1.0] * (size - 1), dtype=torch.float64, device=device))
        self.M, self.P = start.moments, self.identity.expand(count, size, size)
        self.B = torch.zeros_like(self.M) if recording.asks(BALANCEDNESS) else None
        self.G = torch.zeros_like(self.M)

    def output(self) -> Float[Tensor, "rows r"]:
        """Return f = Λ^½ ⟨v Vᵀw⟩."""
        return self.root * self.M[:, 0, 1:]

    def left(self, residual: Float[Tensor, "rows r"]) -> Float[Tensor, " rows"]:
        """Return ‖Π(y − f)‖²: these networks can fit all modes."""
        return square(residual)

    def see(self, where: Tensor) -> Seen:
        """Return the record of the networks `where`."""
        rows = torch.searchsorted(self.rows, where)
        B = None if self.B is None else pick(self.B, rows)
        return see(self.start, where, pick(self.M, rows), pick(self.P, rows), B)

    def keep(self, active: Tensor) -> None:
        """Drop the other rows."""
        for name in ("rows", "y", "root", "rate", "M", "P", "B", "G"):
            if (value := getattr(self, name)) is not None:
                setattr(self, name, value[active])

    def step(self, force: Float[Tensor, "rows r"]) -> None:
        """Set M ← (I + G) M (I + G) and P ← (I + G) P."""
        self.G[:, 0, 1:] = self.G[:, 1:, 0] = force
        if self.B is not None:
            GP = self.G @ self.P
            self.B = self.B + GP.mT @ self.J @ GP
        boost = update(self.identity, self.G)
        self.M, self.P = boost @ self.M @ boost, boost @ self.P


def _train(networks: Networks, recording: Recording, device: str) -> Trajectories:
    return descend(networks, recording, Moments(networks, recording, device))
