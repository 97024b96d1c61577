"""The propagator as one GPU kernel: a program trains one network from start to end, its state never leaving the chip.

Written in Triton, which can also interpret it on a CPU (`TRITON_INTERPRET=1`); tests without a GPU do so. The kernel performs
the steps of `batched`, and stores the state of each record, which `observing` turns into observables.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from lazyrich.engines.batched import Start, see
from lazyrich.engines.marks import marks, passed
from lazyrich.engines.observing import Outcome, observe, shares_on
from lazyrich.engines.pieces import in_pieces
from lazyrich.engines.trajectories import WINDOW, Recording, Status, Trajectories
from lazyrich.networks import losses, optimisers
from lazyrich.networks.backends import bound
from lazyrich.networks.batch import Networks
from lazyrich.networks.observables import BALANCEDNESS
from lazyrich.system import progress

MOST_MODES = 64  # modes whose M and P fit the registers of one program

# Triton's interpreter wants its language among a function's globals.
MARKS, PASSED, VALUE, PULL, UPDATE = (
    triton.jit(bound(function, xp=tl))
    for function in (
        marks,
        passed,
        losses.square_value,
        losses.square_pull,
        optimisers.OPTIMISERS[optimisers.DEFAULT].update,
    )
)


def fits(networks: Networks, recording: Recording) -> bool:
    """Return whether the kernel can train these networks with this recording; `batched` can train all."""
    small = networks.problem.eigenvalues.shape[1] <= MOST_MODES
    return small and not networks.by_sample and not recording.asks(BALANCEDNESS)


def evolve(networks: Networks, recording: Recording, *, device: str = "cuda", threads: int = 1) -> Trajectories:
    """Train every network of the batch; arguments as in `propagator.evolve`, which this agrees with to 1e-10."""
    size = networks.problem.eigenvalues.shape[1] + 1
    # M and P of every record, and the memory to observe one record at a time.
    probes = networks.initial.probes.shape[1]
    bytes_each = 8 * ((2 * recording.steps.shape[1] + 14) * size**2 + probes * (size + 6)) + recording.bytes_each
    return in_pieces(
        networks,
        recording,
        lambda networks, recording: _train(networks, recording, device),
        bytes_each=bytes_each,
        device=device,
    )


def _train(networks: Networks, recording: Recording, device: str) -> Trajectories:
    start = Start(networks, device)
    outcome = Outcome(networks, recording, device)
    reference = start.reference
    count, records = recording.steps.shape
    size = start.moments.shape[1]
    modes = size - 1
    # Records that a diverging network does not reach stay NaN.
    M = torch.full((count, records, size, size), torch.nan, dtype=torch.float64, device=device)
    P = torch.full_like(M, torch.nan) if recording.follows_neurons else M
    steps = torch.as_tensor(networks.steps, device=device)
    record_steps = torch.as_tensor(recording.steps, device=device)
    y_square = (start.y**2).sum(-1) + reference.beside
    kernel[(count,)](
        torch.stack(shares_on(device, recording)),
        start.moments,
        start.root,
        start.y,
        start.rate,
        reference.loss_scale,
        reference.beside,
        y_square,
        steps,
        record_steps,
        M,
        P,
        outcome.onset_step,
        outcome.end_step,
        outcome.loss_start,
        outcome.loss_end,
        outcome.loss_min,
        outcome.loss_max,
        outcome.ring,
        outcome.last_step,
        outcome.status,
        records,
        modes,
        **constants(modes, recording.follows_neurons),
        num_warps=warps(modes),
    )
    outcome.b_rms = start.b_rms
    outcome.sharpness_start = reference.sharpness
    for record in range(records):
        where = torch.nonzero(~torch.isnan(M[:, record, 0, 0]))[:, 0]
        seen = see(start, where, M[where, record], P[where, record], None)
        outcome.observables[:, where, record] = observe(
            reference.part(where), seen, record_steps[where, record], losses.LOSSES[networks.loss]
        )
        outcome.rho_rms[where, record] = seen.rho_square**0.5
        if recording.keep_probes:
            outcome.keep(where, record, seen)
        if record + 1 == records:
            outcome.note_end(where, seen.kernel, reference.part(where))
    progress.advance(count)
    return outcome.trajectories(networks, recording)


def constants(modes: int, follow: bool) -> dict[str, Any]:
    """Return the constants that the kernel is compiled for."""
    return {
        "RING": WINDOW,
        "CONVERGED": int(Status.converged),
        "RUNNING": int(Status.running),
        "OVER_LIMIT": int(Status.diverged),
        "BLOCK": max(2, triton.next_power_of_2(modes)),
        "FOLLOW": follow,
    }


def signature(modes: int, follow: bool) -> dict[str, Any]:
    """Return types of the kernel's arguments and its constants, to compile it ahead of time (`triton.compiler.ASTSource`)."""
    fixed = constants(modes, follow)
    integers = ("steps_at", "record_steps_at", "onset_at", "end_at", "last_step_at", "status_at")

    def kind(name: str) -> str:
        if name in fixed:
            return "constexpr"
        if name.endswith("_at"):
            return "*i64" if name in integers else "*fp64"
        return "i32"  # records, modes

    names = kernel.arg_names
    return {
        "signature": {name: kind(name) for name in names},
        "constexprs": {(names.index(name),): value for name, value in fixed.items()},
    }


def warps(modes: int) -> int:
    """Return the warps of a program: as many as hold M and P in registers (at 64 modes a few hundred bytes a thread spill)."""
    return 1 if modes <= 16 else 4 if modes <= 32 else 16


@triton.jit
def kernel(
    shares_at,
    moments_at,
    root_at,
    y_at,
    rate_at,
    loss_scale_at,
    floor_at,
    y_square_at,
    steps_at,
    record_steps_at,
    M_at,
    P_at,
    onset_at,
    end_at,
    loss_start_at,
    loss_end_at,
    loss_min_at,
    loss_max_at,
    ring_at,
    last_step_at,
    status_at,
    records,
    modes,
    RING: tl.constexpr,
    CONVERGED: tl.constexpr,
    RUNNING: tl.constexpr,
    OVER_LIMIT: tl.constexpr,
    BLOCK: tl.constexpr,
    FOLLOW: tl.constexpr,
):
    """Train one network: M ← (I + G) M (I + G), P ← (I + G) P in blocks.

    A = ⟨p pᵀ⟩, u = ⟨v p⟩, c = ⟨v²⟩; P = [[Pvv, Pvp], [Ppv, Ppp]].
    """
    network = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, BLOCK)
    inside = i < modes
    square_inside = inside[:, None] & inside[None, :]
    size = modes + 1
    at_row = (i[:, None] + 1) * size + i[None, :] + 1  # of A and Ppp in an (r + 1, r + 1) matrix
    moments_at += network * size * size
    A = tl.load(moments_at + at_row, mask=square_inside, other=0.0)
    u = tl.load(moments_at + 1 + i, mask=inside, other=0.0)
    c = tl.load(moments_at)
    Ppp = tl.where((i[:, None] == i[None, :]) & square_inside, 1.0, 0.0).to(tl.float64)
    Pvp = tl.zeros([BLOCK], dtype=tl.float64)
    Ppv = tl.zeros([BLOCK], dtype=tl.float64)
    Pvv = c * 0.0 + 1.0
    root = tl.load(root_at + network * modes + i, mask=inside, other=0.0)
    y = tl.load(y_at + network * modes + i, mask=inside, other=0.0)
    pull = tl.load(rate_at + network) * root
    loss_scale = tl.load(loss_scale_at + network)
    floor = tl.load(floor_at + network)
    y_square = tl.load(y_square_at + network)
    last = tl.load(steps_at + network)

    f = root * u
    square = tl.sum(VALUE(f, y), axis=0)
    loss = loss_scale * (square + floor)
    loss_start = loss
    low = loss
    high = loss
    onset_mark, end_mark, finished_mark, limit = MARKS(
        square,
        y_square,
        loss_start,
        tl.load(shares_at),
        tl.load(shares_at + 1),
        tl.load(shares_at + 2),
        tl.load(shares_at + 3),
        tl.load(shares_at + 4),
    )
    onset = last * 0 - 1
    end = last * 0 - 1
    t = last * 0
    record = last * 0
    due = tl.load(record_steps_at + network * records)
    training = True
    while training:
        began, near, finished, sound = PASSED(square, loss, onset_mark, end_mark, finished_mark, limit)
        low = tl.where(sound & (loss < low), loss, low)
        high = tl.where(sound & (loss > high), loss, high)
        tl.store(ring_at + network * RING + t % RING, loss, mask=sound)
        onset = tl.where(sound & (onset < 0) & began, t, onset)
        end = tl.where(sound & (end < 0) & near, t, end)
        done = sound & ((t == last) | finished)
        while (record < records) & sound & (done | (due == t)):
            at = (network * records + record) * size * size
            tl.store(M_at + at + at_row, A, mask=square_inside)
            tl.store(M_at + at + 1 + i, u, mask=inside)
            tl.store(M_at + at + (i + 1) * size, u, mask=inside)
            tl.store(M_at + at, c)
            if FOLLOW:
                tl.store(P_at + at + at_row, Ppp, mask=square_inside)
                tl.store(P_at + at + 1 + i, Pvp, mask=inside)
                tl.store(P_at + at + (i + 1) * size, Ppv, mask=inside)
                tl.store(P_at + at, Pvv)
            record += 1
            due = tl.load(record_steps_at + network * records + record, mask=record < records, other=0)
        training = sound & (done == 0)
        if training:
            g = pull * PULL(f, y)
            if FOLLOW:
                row = tl.sum(g[:, None] * Ppp, axis=0)
                corner = tl.sum(g * Ppv, axis=0)
                Ppp = UPDATE(Ppp, g[:, None] * Pvp[None, :])
                Ppv = UPDATE(Ppv, g * Pvv)
                Pvp = UPDATE(Pvp, row)
                Pvv = UPDATE(Pvv, corner)
            w = u + 0.5 * c * g
            q = tl.sum(A * g[None, :], axis=1)
            gu = tl.sum(g * u, axis=0)
            gq = tl.sum(g * q, axis=0)
            A += g[:, None] * w[None, :] + w[:, None] * g[None, :]
            u += (c + gu) * g + q
            c += 2.0 * gu + gq
            f = root * u
            square = tl.sum(VALUE(f, y), axis=0)
            loss = loss_scale * (square + floor)
            t += 1
    tl.store(onset_at + network, onset)
    tl.store(end_at + network, end)
    tl.store(loss_start_at + network, loss_start)
    tl.store(loss_min_at + network, low)
    tl.store(loss_max_at + network, high)
    began, near, finished, sound = PASSED(square, loss, onset_mark, end_mark, finished_mark, limit)
    tl.store(loss_end_at + network, loss, mask=sound)
    tl.store(last_step_at + network, t, mask=sound)
    ended = tl.where(near, CONVERGED, RUNNING)
    tl.store(status_at + network, tl.where(sound, ended, OVER_LIMIT).to(tl.int64))
