"""The Gram engine: exact gradient descent for any activation, O(m n²) a step, whatever the input dimension.

Of the first layer only the pre-activations p_r = X w_r ∈ Rⁿ matter, and they obey (`docs/theory.md`, Exact reductions)

    p_r ← p_r + K (v_r φ'(p_r) ⊙ s)        v_r ← v_r + ⟨φ(p_r), s⟩        s = (cη/(mn)) pull(f, y)

No approximation is made; every neuron is explicit. Batched torch, on a CPU or a GPU; p is (networks, n, m), so that neurons
are contiguous in memory.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lazyrich.engines.descent import descend
from lazyrich.engines.observing import Reference, Seen, accuracy, pick, square, tensor
from lazyrich.engines.pieces import in_pieces, torch_threads
from lazyrich.engines.trajectories import Recording, Trajectories
from lazyrich.networks import activations, optimisers
from lazyrich.networks.batch import Networks
from lazyrich.networks.losses import bound_to
from lazyrich.networks.observables import BALANCEDNESS, TEST, WEIGHTS

update = optimisers.OPTIMISERS[optimisers.DEFAULT].update


def evolve(networks: Networks, recording: Recording, *, device: str = "cpu", threads: int = 1) -> Trajectories:
    """Train every network of a batch of explicit networks; arguments as in `propagator.evolve`.

    Results depend on the batch by rounding alone: 1e-12, and not at all on a CPU for a fixed size of batch.
    """
    n = networks.problem.samples
    width = networks.initial.probes.shape[1]
    # p and v, at the start and twice in a step, φ(p), φ'(p), products and pulls; five matrices of samples; records.
    bytes_each = 8 * (9 * width * (n + 1) + 10 * n**2) + recording.bytes_each
    with torch.no_grad(), torch_threads(threads):
        return in_pieces(
            networks,
            recording,
            lambda networks, recording: _train(networks, recording, device),
            bytes_each=bytes_each,
            device=device,
        )


# Pre-activations of test samples that are computed at a time: 1 MiB, which stays in a cache.
TEST_ENTRIES = 2**17


class Start:
    """Networks of one piece at their start, as tensors over samples."""

    def __init__(self, networks: Networks, device: str) -> None:
        problem = networks.problem
        assert problem.vectors is not None and problem.y is not None  # every neuron is explicit: samples are kept
        index = torch.as_tensor(networks.problem_index, device=device)
        root = np.sqrt(problem.eigenvalues)
        U = tensor(problem.vectors, device)
        self.whiten = (U * _inverse(tensor(root, device))[:, None, :]).mT[index]  # (networks, r, n): p ↦ Vᵀw
        self.basis = U[index]
        self.y = tensor(problem.y, device)[index]
        root_K = (U * tensor(root, device)[:, None, :])[index]  # (networks, n, r)
        self.K = root_K @ root_K.mT
        z = tensor(networks.initial.probes, device)[torch.as_tensor(networks.initial_index, device=device)]
        self.v = z[..., 0] * tensor(networks.v_0, device)[:, None]  # (networks, m)
        self.w = z[..., 1:].mT * tensor(networks.sigma_0, device)[:, None, None]  # (networks, r, m): Vᵀw
        self.p = root_K @ self.w  # (networks, n, m)
        if networks.doubled:
            # Pairs cancel in the output to the last bit. Of some shapes a matrix product rounds equal columns differently.
            self.p[..., 1::2] = self.p[..., ::2]
        self.rate = tensor(networks.loss_factor * networks.learning_rate / (problem.samples * networks.width), device)
        self.b_rms = _mean_square(_along(self.y, self.p)) ** 0.5
        self.linear = networks.activation == "linear"
        self.loss = bound_to(torch, networks.loss)
        self.problems, self.held_out, self.function = index, None, activations.function(networks.activation)
        if problem.held_out is not None:
            held_out = problem.held_out
            self.held_out = [tensor(array, device) for array in (held_out.inside, held_out.outside, held_out.y)]
            self.test_scale = tensor(networks.loss_factor / problem.samples, device) / 2
            self.test_scale *= problem.samples / held_out.samples  # c/2n of these
            self.sigma_0 = tensor(networks.sigma_0, device)
            self.root_K = root_K

    def residual_left(self, rows: Tensor, residual: Float[Tensor, "rows n"]) -> Float[Tensor, " rows"]:
        """Return ‖Π(y − f)‖² of some networks; Π projects on the outputs of linear networks, and is I for others."""
        return square((residual[:, None, :] @ self.basis[rows])[:, 0]) if self.linear else square(residual)

    def of_test(
        self, where: Tensor, v: Float[Tensor, "rows m"], pulled: Float[Tensor, "rows n m"]
    ) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"]]:
        """Return loss and accuracy of the test samples.

        Their pre-activations are those of the start and X_test Xᵀ Σ_t v_r φ'(p_r) ⊙ s.
        """
        assert self.held_out is not None  # `pulled` asks, which is there for test samples only
        inside, outside, y = self.held_out
        loss_sums, right = torch.empty_like(v[:, 0]), torch.empty_like(v[:, 0])
        chunk = max(1, TEST_ENTRIES // (y.shape[1] * v.shape[1]))
        for start in range(0, len(where), chunk):
            indices, rows = where[start : start + chunk], slice(start, start + chunk)
            problem = self.problems[indices]
            w = self.w[indices] + self.root_K[indices].mT @ pulled[rows]  # Vᵀw
            p = outside[problem].mul_(self.sigma_0[indices, None, None]).baddbmm_(inside[problem], w)
            f = (self.function(p) @ v[rows, :, None])[..., 0] / v.shape[1]
            loss_sums[rows] = self.loss.value(f, y[problem]).sum(-1)
            right[rows] = accuracy(f, y[problem])
        return self.test_scale[where] * loss_sums, right


def _inverse(root: Tensor) -> Tensor:
    return torch.where(root > 0, 1 / root, 0.0)


def _mean_square(x: Tensor) -> Tensor:
    return x.square().mean(-1)


def _along(x: Tensor, p: Tensor) -> Float[Tensor, "networks m"]:
    """Return ⟨x, p_r⟩ of each neuron."""
    return (x[:, None, :] @ p)[:, 0]


def _output(v: Tensor, H: Tensor, scratch: Tensor | None = None) -> Float[Tensor, "networks n"]:
    """Return f = (1/m) Σ_r v_r φ(p_r)."""
    # A product and a sum: faster here than a batched product of matrix and vector.
    return torch.mul(H, v[:, None, :], out=scratch).sum(-1) / v.shape[1]


def kernel(K: Tensor, v: Tensor, H: Tensor, slope: Tensor) -> Float[Tensor, "networks n n"]:
    """Return Θ = (1/m²) Σ_r [v_r² K ⊙ φ'(p_r) φ'(p_r)ᵀ + φ(p_r) φ(p_r)ᵀ]."""
    by_w = v[:, None, :] * slope
    return (K * (by_w @ by_w.mT) + H @ H.mT) / v.shape[1] ** 2


class Neurons:
    """Networks of one piece with every neuron: its pre-activations p, (rows, n, m), and v, (rows, m); a `System`."""

    def __init__(self, networks: Networks, recording: Recording, device: str) -> None:
        self.start = start = Start(networks, device)
        self.phi = activations.value_and_slope(networks.activation)
        # Reused at every step: allocating memory would cost more than the arithmetic.
        self.H, self.slope, self.scratch = (torch.empty_like(start.p) for _ in range(3))
        self.phi(start.p, self.H, self.slope)
        Pi_y = (start.basis @ (start.y[:, None, :] @ start.basis).mT)[..., 0]
        nothing = torch.zeros_like(start.rate)
        output, theta = _output(start.v, self.H), kernel(start.K, start.v, self.H, self.slope)
        self.reference = Reference.of(networks, start.K, start.y, Pi_y, nothing, theta, output)
        self.b_rms, self.loss = start.b_rms, start.loss
        self.rows = torch.arange(len(start.y), device=device)
        self.p, self.v, self.K, self.y, self.rate = start.p.clone(), start.v, start.K, start.y, start.rate[:, None]
        # The sum of all pulls, if test samples need it: p = p(0) + K Σ pulls.
        pulled = recording.asks(TEST) and start.held_out is not None
        self.pulled = torch.zeros_like(self.p) if pulled else None
        self.weights = recording.asks(WEIGHTS, BALANCEDNESS)
        self.balancedness = recording.asks(BALANCEDNESS) and start.linear

    def output(self) -> Float[Tensor, "rows n"]:
        """Return f = (1/m) Σ_r v_r φ(p_r), after φ(p) and φ'(p) are computed anew."""
        self.phi(self.p, self.H, self.slope)
        return _output(self.v, self.H, self.scratch)

    def left(self, output: Float[Tensor, "rows n"], pull: Float[Tensor, "rows n"]) -> Float[Tensor, " rows"]:
        """Return ‖Π(y − f)‖² of a square, whose pull is the residual, and all of Σ value of others."""
        if self.loss.square:
            return self.start.residual_left(self.rows, pull)
        return self.loss.value(output, self.y).sum(-1)

    def keep(self, active: Tensor) -> None:
        """Drop the other rows."""
        for name in ("rows", "p", "v", "K", "y", "rate", "H", "slope", "pulled"):
            if (value := getattr(self, name)) is not None:
                setattr(self, name, value[active])
        self.scratch = self.scratch[: len(self.rows)]

    def step(self, force: Float[Tensor, "rows n"]) -> None:
        """Set p_r ← p_r + K (v_r φ'(p_r) ⊙ s) and v_r ← v_r + ⟨φ(p_r), s⟩."""
        pull = self.slope.mul_(self.v[:, None, :]).mul_(force[..., None])
        self.v = update(self.v, _along(force, self.H))
        self.p.baddbmm_(self.K, pull)  # `update` in place: a sum of its own would cost the memory that is saved here
        if self.pulled is not None:
            self.pulled += pull

    def see(self, where: Tensor) -> Seen:
        """Return the record of the networks `where`, from p, φ(p), φ'(p), pulls and v of the last `output`."""
        start, rows = self.start, torch.searchsorted(self.rows, where)
        p, v, H, slope = (pick(x, rows) for x in (self.p, self.v, self.H, self.slope))
        moved = p - pick(start.p, where)
        rho_r = _along(pick(start.y, where), moved)
        weight_shift = balance_shift = test_loss = test_accuracy = torch.full_like(v[:, 0], torch.nan)
        if self.pulled is not None:
            test_loss, test_accuracy = start.of_test(where, v, pick(self.pulled, rows))
        if self.weights:
            # Vᵀ(w_r − w_r(0)): w_r moves in the row space of X only.
            w_moved = pick(start.whiten, where) @ moved
            weight_shift = square(w_moved, 2) / v.shape[1]
            if self.balancedness:
                balance_shift = _balance_shift(start, where, v, w_moved)
        return Seen(
            output=_output(v, H),
            kernel=kernel(pick(start.K, where), v, H, slope),
            v_square=_mean_square(v),
            rho_square=_mean_square(rho_r),
            rho=rho_r.abs().mean(-1),
            v=v.abs().mean(-1),
            weight_shift=weight_shift,
            balance_shift=balance_shift,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            rho_r=rho_r,
            v_r=v,
        )


def _balance_shift(start: Start, where: Tensor, v: Tensor, w_moved: Tensor) -> Float[Tensor, " networks"]:
    """Return the mean square over pairs of the change of z_rᵀ J z_s, z = (v, −w): no m × m matrix, no cancellation.

    The change is ΔZ J Zᵀ + Z₀ J ΔZᵀ with (m, r + 1) matrices of neurons, whose common QR decomposition leaves small ones.
    """
    z0 = torch.cat([start.v[where][:, None], start.w[where]], dim=1).mT
    dz = torch.cat([(v - start.v[where])[:, None], w_moved], dim=1).mT
    J = torch.ones(z0.shape[-1], dtype=v.dtype, device=v.device)
    J[1:] = -1
    R = torch.linalg.qr(torch.cat([dz, z0], dim=-1), mode="r").R
    d, o = R[..., : len(J)], R[..., len(J) :]
    change = (d * J) @ (d + o).mT + (o * J) @ d.mT
    return square(change, 2) / v.shape[1] ** 2


def _train(networks: Networks, recording: Recording, device: str) -> Trajectories:
    return descend(networks, recording, Neurons(networks, recording, device))
