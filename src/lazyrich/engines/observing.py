"""The common part of torch engines: the references of a batch's records, and the numbers from which observables follow.

Tensors have a leading axis of networks; vectors and matrices over samples may be in any orthonormal basis (the batched
propagator uses the modes of K, the Gram engine the samples themselves).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lazyrich.engines.marks import Marks, Shares, marks, passed, shares
from lazyrich.engines.simd.compiled import compiled
from lazyrich.engines.trajectories import WINDOW, Recording, Status, Trajectories, empty, period_of
from lazyrich.networks import losses, observables
from lazyrich.networks.backends import bound
from lazyrich.networks.batch import Networks
from lazyrich.networks.observables import State
from lazyrich.system import progress
from lazyrich.theory import end_state

# cuSOLVER's batched eigenvalues fail from about 2^15 matrices on.
MOST_MATRICES = 2**14

_period_of = compiled(period_of)
_marks = bound(marks, xp=torch)


@compiled
def _periods(rings: np.ndarray, newest: np.ndarray) -> np.ndarray:
    """Return `period_of` of many rings, (networks, WINDOW)."""
    periods = np.empty(len(rings), dtype=np.int64)
    for i in range(len(rings)):
        periods[i] = _period_of(rings[i], newest[i])
    return periods


def tensor(array: np.ndarray, device: str) -> Tensor:
    """Return a float64 tensor of a numpy array."""
    return torch.as_tensor(np.ascontiguousarray(array, dtype=np.float64), device=device)


def square(x: Tensor, axes: int = 1) -> Tensor:
    """Return the sum of squares over the last axes."""
    return x.square().sum(dim=tuple(range(-axes, 0)))


def outer(a: Tensor, b: Tensor) -> Tensor:
    """Return a bᵀ, network by network."""
    return a[..., :, None] * b[..., None, :]


def pick(x: Tensor, where: Tensor) -> Tensor:
    """Return x[where] for rising positions; x itself where these are all, which is common and saves a copy."""
    return x if len(where) == len(x) else x[where]


def spectrum(kernel: Float[Tensor, "networks k k"]) -> tuple[Tensor, Tensor]:
    """Return eigenvalues, rising, and eigenvectors; a kernel that overflows has none, and its neighbours keep theirs."""
    finite = torch.isfinite(kernel).all(-1).all(-1)
    identity = torch.eye(kernel.shape[-1], dtype=kernel.dtype, device=kernel.device)
    pieces = torch.where(finite[:, None, None], kernel, identity).split(MOST_MATRICES)
    mu, Q = (torch.cat(parts) for parts in zip(*map(torch.linalg.eigh, pieces), strict=True))
    return torch.where(finite[:, None], mu, torch.nan), Q


@dataclass(frozen=True)
class Reference:
    """Constants of a batch of networks during training."""

    y: Float[Tensor, "networks k"]
    beside: Float[Tensor, " networks"]  # the part of ‖y‖² and ‖y − f‖² outside the basis
    gamma: Float[Tensor, " networks"]
    loss_scale: Float[Tensor, " networks"]  # c/2n
    size: Float[Tensor, " networks"]  # D
    weight_square: Float[Tensor, " networks"]  # ‖W₀‖²/m
    start_kernel: Float[Tensor, "networks k k"]
    target_kernel: Float[Tensor, "networks k k"]  # T/⟨v²⟩
    end_kernel: Float[Tensor, "networks k k"]
    # y − f of the network linearised at its start is linear_modes (linear_rates^t ⊙ linear_start).
    linear_modes: Float[Tensor, "networks k k"]
    linear_rates: Float[Tensor, "networks k"]
    linear_start: Float[Tensor, "networks k"]
    sharpness: Float[Tensor, " networks"]  # at the start

    @staticmethod
    def of(
        networks: Networks,
        K: Float[Tensor, "networks k k"],
        y: Float[Tensor, "networks k"],
        Pi_y: Float[Tensor, "networks k"],
        beside: Float[Tensor, " networks"],
        start_kernel: Float[Tensor, "networks k k"],
        start_output: Float[Tensor, "networks k"],
    ) -> Reference:
        """Return the reference from K, y and Πy in a basis, and the kernel and the output at the start."""
        device = str(K.device)
        b = networks.of_problem("b")
        gamma = tensor(networks.of_problem("gamma"), device)
        gamma = torch.where(gamma > 0, gamma, torch.nan)  # T, and alignment by √γ, are not defined where Xᵀy = 0
        growth = tensor(end_state.growth(networks.size, b) / networks.width, device)[:, None, None]
        m = tensor(networks.width, device)[:, None, None]
        Ky = (K @ y[..., None])[..., 0]
        factor = tensor(networks.loss_factor / networks.problem.samples, device)
        mu, Q = spectrum(start_kernel)
        return Reference(
            y=y,
            beside=beside,
            gamma=gamma,
            loss_scale=factor / 2,
            size=tensor(networks.size, device),
            weight_square=tensor(networks.sigma_0**2 * networks.of_problem("dimension"), device),
            start_kernel=start_kernel,
            target_kernel=(K + outer(Ky, Ky) / gamma[:, None, None]) / m,
            end_kernel=start_kernel + growth * (K + outer(Pi_y, Pi_y) / tensor(b**2, device)[:, None, None]),
            linear_modes=Q,
            linear_rates=1 - (factor * tensor(networks.learning_rate, device))[:, None] * mu,
            linear_start=((y - start_output)[:, None, :] @ Q)[:, 0],
            sharpness=factor * mu[:, -1],
        )

    def part(self, where: Tensor) -> Reference:
        """Return the same of some of the networks."""
        return Reference(**{field.name: pick(getattr(self, field.name), where) for field in fields(self)})


@dataclass(frozen=True)
class Seen:
    """The record of some networks, in the basis of their `Reference`."""

    output: Float[Tensor, "networks k"]
    kernel: Float[Tensor, "networks k k"]
    v_square: Float[Tensor, " networks"]
    rho_square: Float[Tensor, " networks"]
    rho: Float[Tensor, " networks"]
    v: Float[Tensor, " networks"]
    weight_shift: Float[Tensor, " networks"]
    balance_shift: Float[Tensor, " networks"]
    test_loss: Float[Tensor, " networks"]
    rho_r: Float[Tensor, "networks probes"]
    v_r: Float[Tensor, "networks probes"]

    def part(self, where: Tensor) -> Seen:
        """Return the same of some of the networks."""
        return Seen(**{field.name: pick(getattr(self, field.name), where) for field in fields(self)})


def shares_on(device: str, recording: Recording) -> Shares:
    """Return the recording's `Shares` as tensors of one number: Python's numbers would reach a GPU in single precision."""
    return Shares(*torch.tensor(shares(recording.onset, recording.converged), dtype=torch.float64, device=device))


def observe(reference: Reference, seen: Seen, steps: Int[Tensor, " networks"]) -> Float[Tensor, "names networks"]:
    """Return every observable of the networks `seen` at these steps."""
    # A diverging linearised network is infinitely far away; inf − inf would be NaN.
    decay = reference.linear_rates ** steps[:, None].to(torch.float64)
    unlearnt = (reference.linear_modes @ (decay * reference.linear_start)[..., None])[..., 0]
    target = seen.v_square[:, None, None] * reference.target_kernel
    state = State(
        y_square=square(reference.y) + reference.beside,
        gamma=reference.gamma,
        loss=reference.loss_scale * (losses.value(seen.output, reference.y).sum(-1) + reference.beside),
        test_loss=seen.test_loss,
        size=reference.size,
        weight_square=reference.weight_square,
        overlap=(seen.output * reference.y).sum(-1),
        lazy_square=torch.nan_to_num(square(seen.output - reference.y + unlearnt), nan=torch.inf, posinf=torch.inf),
        v_square=seen.v_square,
        rho_square=seen.rho_square,
        rho=seen.rho,
        v=seen.v,
        kernel_square=square(seen.kernel, 2),
        y_kernel_y=(outer(reference.y, reference.y) * seen.kernel).sum((-2, -1)),
        from_start=square(seen.kernel - reference.start_kernel, 2),
        start_square=square(reference.start_kernel, 2),
        from_target=square(seen.kernel - target, 2),
        target_square=square(target, 2),
        from_end=square(seen.kernel - reference.end_kernel, 2),
        end_square=square(reference.end_kernel, 2),
        weight_shift=seen.weight_shift,
        balance_shift=seen.balance_shift,
    )
    out = torch.empty((len(observables.NAMES), len(steps)), dtype=torch.float64, device=steps.device)
    observables.measure(state, out)
    return out


class Outcome:
    """The results of a batch's training as tensors on its device, to be filled in; names and shapes as in `Trajectories`."""

    def __init__(self, networks: Networks, recording: Recording, device: str) -> None:
        count, records = recording.steps.shape
        probes = recording.keep_probes

        def floats(*shape: int) -> Tensor:
            return torch.full(shape, torch.nan, dtype=torch.float64, device=device)

        def integers(value: int) -> Tensor:
            return torch.full((count,), value, dtype=torch.int64, device=device)

        self.observables = floats(len(observables.NAMES), count, records)
        self.rho_rms = floats(count, records)
        self.rho_r, self.v_r = floats(count, records, probes), floats(count, records, probes)
        self.onset_step, self.end_step = integers(-1), integers(-1)
        self.loss_start, self.loss_end = floats(count), floats(count)
        self.loss_min, self.loss_max = floats(count), floats(count)
        self.kernel_change = floats(count)
        self.sharpness_start, self.sharpness_end = floats(count), floats(count)
        self.b_rms = floats(count)
        self.ring = torch.zeros((count, WINDOW), dtype=torch.float64, device=device)  # loss of step t at t mod WINDOW
        self.last_step = integers(-1)  # where training ended
        self.status = integers(Status.running)

    def keep(self, rows: Tensor, columns: Tensor | int, seen: Seen) -> None:
        """Store single neurons of the networks `rows` at their records `columns`."""
        count = min(self.rho_r.shape[2], seen.rho_r.shape[1])
        self.rho_r[rows, columns, :count] = seen.rho_r[:, :count]
        self.v_r[rows, columns, :count] = seen.v_r[:, :count]

    def note_end(self, ended: Tensor, kernel: Tensor, reference: Reference) -> None:
        """Store kernel change and sharpness of the networks `ended`, from their reference and kernel."""
        start = reference.start_kernel
        self.kernel_change[ended] = (square(kernel - start, 2) / square(start, 2)) ** 0.5
        self.sharpness_end[ended] = 2 * reference.loss_scale * spectrum(kernel)[0][:, -1]

    def trajectories(self, networks: Networks, recording: Recording) -> Trajectories:
        """Return the results as numpy arrays."""
        result = empty(recording.steps.shape, recording.keep_probes)
        result.observables[...] = self.observables.permute(1, 2, 0).cpu().numpy()
        result.observables[:, :, ~recording.observables] = np.nan
        probe_names = ("rho_r", "v_r") if recording.keep_probes else ()
        for name in [
            field.name for field in fields(result) if field.name not in ("observables", "period", "rho_r", "v_r")
        ]:
            getattr(result, name)[...] = getattr(self, name).cpu().numpy()
        for name in probe_names:
            getattr(result, name)[...] = getattr(self, name).cpu().numpy()
        if not recording.follows_neurons:
            result.rho_rms[...] = np.nan
        rings = self.ring.cpu().numpy()
        # A network that stopped early, converged to rounding, has no period.
        complete = np.flatnonzero((self.last_step.cpu().numpy() == networks.steps) & (networks.steps >= WINDOW))
        result.period[complete] = _periods(rings[complete], networks.steps[complete] % WINDOW)
        return result


class Watch:
    """Recorder of a torch engine: scalars at every step, observables at records."""

    def __init__(self, networks: Networks, recording: Recording, reference: Reference) -> None:
        device = str(reference.y.device)
        count = len(recording.steps)
        self.recording, self.reference = recording, reference
        self.outcome = Outcome(networks, recording, device)
        self.outcome.sharpness_start = reference.sharpness
        self.steps = torch.as_tensor(networks.steps, device=device)
        self.record_steps = torch.as_tensor(recording.steps, device=device)
        self.next_record = torch.zeros(count, dtype=torch.int64, device=device)
        self.active = torch.ones(count, dtype=torch.bool, device=device)
        self.y_square = square(reference.y) + reference.beside
        self.floor = tensor(networks.floor, device)
        self.shares = shares_on(device, recording)
        self.marks: Marks
        # For progress: networks of a batch have similar lengths, so that each step is an equal share of the work.
        self.unreported, self.share = float(count), count / max(1, int(networks.steps.max()))

    def look(self, t: int, left: Float[Tensor, " networks"], see: Callable[[Tensor], Seen]) -> bool:
        """Record step t, at which ‖Π(y − f)‖² is `left`; return whether any network still trains.

        `see` returns the record of some networks; it is called for those with a record at this step.
        """
        o = self.outcome
        loss = self.reference.loss_scale * (left + self.floor)
        if t == 0:
            self.marks = Marks(*_marks(left, self.y_square, loss, *self.shares))
            o.loss_start, o.loss_min, o.loss_max = loss, loss, loss
        began, near, finished, sound = passed(left, loss, *self.marks)
        diverged = self.active & ~sound
        o.status[diverged] = Status.diverged
        self.active = active = self.active & ~diverged
        o.loss_min = torch.where(active & (loss < o.loss_min), loss, o.loss_min)
        o.loss_max = torch.where(active & (loss > o.loss_max), loss, o.loss_max)
        o.ring[:, t % WINDOW] = torch.where(active, loss, o.ring[:, t % WINDOW])
        near = active & near
        o.onset_step[active & began & (o.onset_step < 0)] = t
        o.end_step[near & (o.end_step < 0)] = t
        # Nothing moves once only rounding is left: the remaining records hold this state.
        done = active & ((t == self.steps) | finished)
        upcoming = self.record_steps.gather(1, self.next_record[:, None])[:, 0]
        where = torch.nonzero(active & (done | (upcoming == t)))[:, 0]
        if len(where):
            self._record(where, t, done[where], see(where))
        o.loss_end = torch.where(done, loss, o.loss_end)
        o.last_step[done] = t
        o.status[done & near] = Status.converged
        self.active = active & ~done
        training = bool(self.active.any())
        newly_done = min(self.share, self.unreported) if training else self.unreported
        self.unreported -= newly_done
        progress.advance(newly_done)
        return training

    def _record(self, where: Tensor, t: int, done: Tensor, seen: Seen) -> None:
        o = self.outcome
        reference = self.reference.part(where)
        records = self.record_steps.shape[1]
        left = torch.arange(len(where), device=where.device)  # those of `where` that have another record to fill
        while len(left):
            rows = where[left]
            columns = self.next_record[rows]
            seen_left = seen.part(left)
            o.observables[:, rows, columns] = observe(reference.part(left), seen_left, self.record_steps[rows, columns])
            o.rho_rms[rows, columns] = seen_left.rho_square**0.5
            if self.recording.keep_probes:
                o.keep(rows, columns, seen_left)
            last = columns + 1 == records
            self.next_record[rows] = torch.where(last, columns, columns + 1)
            upcoming = self.record_steps[rows, self.next_record[rows]]
            left = left[~last & (done[left] | (upcoming == t))]
        ended = torch.nonzero(done)[:, 0]
        o.note_end(where[ended], pick(seen.kernel, ended), reference.part(ended))
