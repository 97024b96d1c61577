"""The dense engine: explicit weights trained by torch autograd, the ground truth for the exact engines.

Everything is computed from its definition: gradients and the neural tangent kernel by automatic differentiation of the
network's function, observables from the weights themselves. Slow and memory-hungry by design.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
from jaxtyping import Float, Int

from lazyrich.engines.marks import Marks, Shares, marks, passed, shares
from lazyrich.engines.pieces import torch_threads
from lazyrich.engines.trajectories import WINDOW, Recording, Status, Trajectories, empty, period_of
from lazyrich.networks import activations, losses, observables, optimisers
from lazyrich.networks.backends import bound
from lazyrich.networks.batch import Networks, Reason
from lazyrich.networks.data.source import has_signal
from lazyrich.networks.held_out import CUT
from lazyrich.networks.observables import State
from lazyrich.system import progress
from lazyrich.theory import end_state

Array = np.ndarray

# Weights, their gradients and the Jacobian of n outputs by m(d + 1) weights, in float64.
MEMORY_BOUND = 4 * 2**30

_marks = bound(marks, xp=np)
update = optimisers.OPTIMISERS[optimisers.DEFAULT].update

Activation = Callable[[torch.Tensor], torch.Tensor]


def output(phi: Activation, X: torch.Tensor, W: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Return f(X) = (1/m) Σ_r v_r φ(⟨x, w_r⟩), (n,)."""
    return phi(X @ W.T) @ v / len(v)


def kernel(phi: Activation, X: torch.Tensor, W: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Return Θ = J Jᵀ with J the Jacobian of the outputs by all weights (Definition 3.1), (n, n)."""
    by_W, by_v = torch.func.jacrev(lambda W, v: output(phi, X, W, v), argnums=(0, 1))(W, v)
    J = torch.cat([by_W.reshape(len(X), -1), by_v], dim=1)
    return J @ J.T


def refuse_large(samples: int, dimension: int, width: int, activation: str) -> None:
    """Raise MemoryError, naming the engine to use, for a network that does not fit the stated bound."""
    pairs = 3 * width**2 if activation == "linear" else 0  # v_r v_s − ⟨w_r, w_s⟩, for `balance_drift`
    bytes_needed = 8.0 * ((samples + 4) * width * (dimension + 1) + pairs)
    if bytes_needed > MEMORY_BOUND:
        engine = "propagator" if activation == "linear" else "gram"
        raise MemoryError(
            f"the dense engine would need {bytes_needed / 2**30:.1f} GiB for n = {samples}, d = {dimension}, m = {width} "
            f"(bound: {MEMORY_BOUND / 2**30:.0f} GiB); use the {engine} engine, which is as exact and never holds weights"
        )


class Start:
    """One network at its start, with the references of its records; everything follows its definition."""

    def __init__(
        self,
        X: torch.Tensor,
        y: torch.Tensor,
        W: torch.Tensor,
        v: torch.Tensor,
        *,
        activation: str,
        size: float | None,
        weight_square: float | None,
        scale: float,
        contraction: float,
    ) -> None:
        self.scale = scale
        self.weight_square = (W**2).sum() / len(v) if weight_square is None else weight_square
        self.X, self.y, self.W, self.v = X, y, W, v
        self.phi, self.linear = activations.function(activation), activation == "linear"
        m = len(v)
        K = X @ X.T
        # The row space of X by singular values, as in `problem`; everything else here is free of decompositions.
        U, singular, _ = torch.linalg.svd(X, full_matrices=False)
        self.U = U[:, singular**2 > 1e-12 * singular[0] ** 2]
        Pi_y = self.U @ (self.U.T @ y)
        signal = has_signal(X.numpy(), y.numpy())
        self.gamma = y @ K @ y if signal else torch.tensor(torch.nan)
        # b = ‖X⁺y‖ from X itself: K has the square of its condition number, and a power law would cost half of the digits.
        b_square = float((torch.linalg.lstsq(X, Pi_y, rcond=1e-6, driver="gelsd").solution ** 2).sum())
        b_square = b_square if signal else math.nan
        self.size = float((W**2).mean() + (v**2).mean()) if size is None else float(size)
        growth = float(end_state.growth(np.float64(self.size), np.sqrt(b_square)))
        self.kernel = kernel(self.phi, X, W, v)
        # For ⟨v²⟩ = 1: a record multiplies by ⟨v²⟩ of its step.
        self.target_kernel = (K + torch.outer(K @ y, K @ y) / self.gamma) / m
        self.end_kernel = self.kernel + growth / m * (K + torch.outer(Pi_y, Pi_y) / b_square)
        self.balancedness = balancedness(W, v) if self.linear else None
        self.residual = y - output(self.phi, X, W, v)
        # y − f of the network linearised here is multiplied by this at each step.
        self.contraction = torch.eye(len(y), dtype=torch.float64) - contraction * self.kernel
        self.b_rms = float(((W @ (X.T @ y)) ** 2).mean()) ** 0.5

    def left(self, f: torch.Tensor) -> float:
        """Return ‖Π(y − f)‖², where Π projects on the outputs of a linear network, and is I for others."""
        reducible = self.U.T @ (f - self.y) if self.linear else f - self.y
        return float((reducible**2).sum())

    def rho(self, W: torch.Tensor) -> torch.Tensor:
        """Return ρ_r of each neuron."""
        return (W - self.W) @ (self.X.T @ self.y)

    def state(
        self, W: torch.Tensor, v: torch.Tensor, step: int, own_neurons: int, loss: torch.Tensor, test_loss: torch.Tensor
    ) -> State:
        """Return the `State` of observables, for weights at a step with these losses."""
        y, m = self.y, len(v)
        rho = self.rho(W)
        lazy = y - torch.linalg.matrix_power(self.contraction, step) @ self.residual
        f, theta = output(self.phi, self.X, W, v), kernel(self.phi, self.X, W, v)
        v_square = (v**2).mean()

        def square(kernel: torch.Tensor) -> torch.Tensor:
            return self.scale**2 * (kernel**2).sum()

        return State(
            y_square=y @ y,
            gamma=self.gamma,
            loss=loss,
            test_loss=test_loss,
            size=self.size,
            weight_square=self.weight_square,
            overlap=y @ f,
            # A linearised network that diverges is infinitely far, where inf − inf would be no number.
            lazy_square=torch.nan_to_num(((f - lazy) ** 2).sum(), nan=torch.inf, posinf=torch.inf),
            v_square=v_square,
            rho_square=(rho**2).mean(),
            rho=rho[:own_neurons].abs().mean(),
            v=v[:own_neurons].abs().mean(),
            kernel_square=square(theta),
            y_kernel_y=self.scale * (y @ theta @ y),
            from_start=square(theta - self.kernel),
            start_square=square(self.kernel),
            from_target=square(theta - v_square * self.target_kernel),
            target_square=square(v_square * self.target_kernel),
            from_end=square(theta - self.end_kernel),
            end_square=square(self.end_kernel),
            weight_shift=((W - self.W) ** 2).sum() / m,
            balance_shift=torch.nan
            if self.balancedness is None
            else ((balancedness(W, v) - self.balancedness) ** 2).mean(),
        )


def balancedness(W: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Return v_r v_s − ⟨w_r, w_s⟩, (m, m), which gradient flow conserves."""
    return torch.outer(v, v) - W @ W.T


class Notes:
    """Scalars of one network at every step, written to the trajectories of a batch of one."""

    def __init__(self, result: Trajectories, y_square: float, levels: Shares) -> None:
        self.result, self.y_square, self.levels = result, y_square, levels
        self.ring = np.zeros(WINDOW)
        self.marks: Marks
        self.near = False  # below the mark of the end

    def take(self, step: int, left: float, loss: float) -> bool:
        """Take note of a step, at which ‖Π(y − f)‖² is `left`; return whether the loss is sound."""
        result = self.result
        if step == 0:
            self.marks = Marks(*_marks(left, self.y_square, loss, *self.levels))
            result.loss_start[0] = result.loss_min[0] = result.loss_max[0] = loss
        began, self.near, _, sound = passed(left, loss, *self.marks)
        if not sound:
            return False
        result.loss_max[0] = max(result.loss_max[0], loss)
        result.loss_min[0] = min(result.loss_min[0], loss)
        self.ring[step % WINDOW] = loss
        if result.onset_step[0] < 0 and began:
            result.onset_step[0] = step
        if result.end_step[0] < 0 and self.near:
            result.end_step[0] = step
        return True


def train(
    X: Float[Array, "n d"],
    y: Float[Array, " n"],
    W: Float[Array, "m d"],
    v: Float[Array, " m"],
    *,
    learning_rate: float,
    loss_factor: float,
    record_steps: Int[Array, " records"],
    onset: float = 0.05,
    converged: float = 1e-3,
    size: float | None = None,
    weight_square: float | None = None,
    scale: float = 1.0,
    activation: str = "linear",
    keep_probes: int = 0,
    own_neurons: int | None = None,
    roughness: float = 0.0,
    test: tuple[Float[Array, "rows d"], Float[Array, " rows"]] | None = None,
) -> Trajectories:
    """Train one network by full-batch gradient descent on L = (c/2n) Σ value(f_i, y_i), c = `loss_factor`.

    `size` is the D = σ0² + v0² that Θ∞ and `balance_drift` refer to, by default the mean square of the weights themselves,
    and `weight_square` the ‖W₀‖²/m of `weight_change`, by default theirs, too; kernels and sharpness are `scale` times those of
    these weights.
    Returns the trajectories of a batch of one, with every observable; means of |ρ_r| and |v_r| are over the first
    `own_neurons` neurons, by default all. `test` has inputs and targets that are not trained on. `roughness` makes the
    arithmetic coarser: after each step every weight changes, up or down at random, by that share of the largest weight of its
    neuron (sums over both layers round like their largest term).

    Raises
    ------
    MemoryError
        for a network that does not fit; the message names the engine to use.
    """
    (n, d), m = X.shape, len(v)
    refuse_large(n, d, m, activation)
    own_neurons = m if own_neurons is None else own_neurons
    inputs, targets = torch.as_tensor(X, dtype=torch.float64), torch.as_tensor(y, dtype=torch.float64)
    X_test, y_test = (torch.as_tensor(array, dtype=torch.float64) for array in test or (np.empty((0, d)), np.empty(0)))
    first = torch.tensor(W, dtype=torch.float64, requires_grad=True)  # the layers as they are trained
    second = torch.tensor(v, dtype=torch.float64, requires_grad=True)
    noise = torch.Generator().manual_seed(0)
    start = Start(
        inputs,
        targets,
        first.detach().clone(),
        second.detach().clone(),
        activation=activation,
        size=size,
        weight_square=weight_square,
        scale=scale,
        contraction=loss_factor * learning_rate / n,
    )
    result = empty((1, len(record_steps)), keep_probes)
    notes = Notes(result, float((targets**2).sum()), shares(onset, converged))

    def observe(record: int, step: int, loss: torch.Tensor) -> None:
        W_t, v_t = first.detach(), second.detach()
        test_scale = torch.nan if test is None else loss_factor / (2 * len(y_test))
        test_loss = test_scale * losses.value(output(start.phi, X_test, W_t, v_t), y_test).sum()
        state = start.state(W_t, v_t, step, own_neurons, loss, test_loss)
        observables.measure(state, result.observables[0, record])
        result.rho_rms[0, record] = state.rho_square**0.5
        if result.rho_r is not None and result.v_r is not None:
            count = min(keep_probes, own_neurons)
            result.rho_r[0, record, :count] = start.rho(W_t).numpy()[:count]
            result.v_r[0, record, :count] = v_t.numpy()[:count]

    T = int(record_steps[-1])
    record = 0
    for step in range(T + 1):
        f = output(start.phi, inputs, first, second)
        # By autograd of the value, never by `pull`, which the other engines use.
        loss = loss_factor / (2 * n) * losses.value(f, targets).sum()
        sound = notes.take(step, start.left(f.detach()), float(loss.detach()))
        if not sound:
            break
        while record < len(record_steps) and record_steps[record] == step:
            observe(record, step, loss.detach())
            record += 1
        if step < T:
            by_first, by_second = torch.autograd.grad(loss, (first, second))
            with torch.no_grad():
                first.copy_(update(first, -learning_rate * by_first))
                second.copy_(update(second, -learning_rate * by_second))
                if roughness:
                    _roughen(first, second, roughness, noise)
    result.status[0] = Status.diverged
    if sound:
        result.status[0] = Status.converged if notes.near else Status.running
        if T >= WINDOW:
            result.period[0] = period_of(notes.ring, T % WINDOW)
        last_kernel = kernel(start.phi, inputs, first.detach(), second.detach())
        result.loss_end[0] = float(loss.detach())
        result.kernel_change[0] = float((last_kernel - start.kernel).norm() / start.kernel.norm())
        result.sharpness_end[0] = loss_factor / n * float(torch.linalg.eigvalsh(last_kernel)[-1]) * scale
    if torch.isfinite(start.kernel).all():
        result.sharpness_start[0] = loss_factor / n * float(torch.linalg.eigvalsh(start.kernel)[-1]) * scale
    result.b_rms[0] = start.b_rms
    return result


def _roughen(W: torch.Tensor, v: torch.Tensor, roughness: float, noise: torch.Generator) -> None:
    """Change every weight, up or down at random, by a share of the largest of its neuron."""
    largest = roughness * torch.maximum(W.abs().amax(dim=1), v.abs())
    for weights, by in ((W, largest[:, None]), (v, largest)):
        weights += by * (2.0 * torch.randint(0, 2, weights.shape, generator=noise) - 1.0)


@dataclass(frozen=True)
class Realised:
    """A network with explicit inputs and weights, of r input dimensions and m' neurons; r is the rank of K."""

    X: Float[Array, "n r"]  # and columns of zeros where only test inputs have others
    y: Float[Array, " n"]
    W: Float[Array, "neurons r"]
    v: Float[Array, " neurons"]
    learning_rate: float  # η m'/m, with which f takes the path of the network of width m
    scale: float  # m'/m; Θ is 1/scale times larger
    own_neurons: int  # number of neurons, the first ones, that are the network's own
    # Inputs and targets with the mean square error of the test samples.
    test: tuple[Float[Array, "rows r"], Float[Array, " rows"]] | None = None


def realise_network(networks: Networks, i: int, roughness: float = 0.0) -> Realised:
    """Return network i with explicit weights of the same K, y and second moments, so that f, Θ m and ⟨ρ²⟩ take the same path.

    X = U Λ^½ is a root of K; training depends on nothing else of the inputs. Linear networks know their samples up to a
    rotation only: U = I, and rows of X are the modes of K. If every neuron is explicit, the weights are the network's own and
    nothing needs scaling; otherwise `neurons` adds neurons to the probes so that the moments are those of all neurons.

    `roughness` changes weights by that share, at random, and second moments after a step (which mixes the layers by k) by
    r + 1 additional neurons: these grow like the rounding errors of an engine that stores moments.
    """
    problem, p = networks.problem, networks.problem_index[i]
    r = problem.rank[p]
    if networks.explicit:
        assert problem.vectors is not None and problem.y is not None  # every neuron is explicit: samples are kept
        X, y = problem.vectors[p][:, :r] * np.sqrt(problem.eigenvalues[p, :r]), problem.y[p]
    else:
        X = np.zeros((problem.samples, r))
        X[np.arange(r), np.arange(r)] = np.sqrt(problem.eigenvalues[p, :r])
        y = np.zeros(problem.samples)
        y[:r] = problem.targets[p, :r]
        if problem.samples > r:
            y[r] = np.sqrt(problem.floor[p])
    start, draw, own_neurons = networks.initial, networks.initial_index[i], int(networks.observed_neurons[i])
    extra = r + 1 if roughness and not networks.explicit else 0
    z = neurons(
        start.moments[draw, : r + 1, : r + 1], start.probes[draw, :own_neurons, : r + 1], networks.width[i], extra
    )
    test = None
    if problem.held_out is not None:
        test, beyond = _realised_test(networks, i, z)
        z, X = np.column_stack([z, beyond]), np.column_stack([X, np.zeros((len(X), beyond.shape[1]))])
    if roughness:
        z = z * (1 + roughness * np.random.default_rng(0).choice([-1.0, 1.0], z.shape))
    # Unit draws are scaled last: in one matrix of moments, σ0² = 1e-24 would be the rounding of v0² = 1e-8.
    sigma_0, v_0 = networks.sigma_0[i], networks.v_0[i]
    z = z * np.append(v_0, np.full(z.shape[1] - 1, sigma_0))
    if extra:
        k = min(networks.growth_per_step[i], 1.0)
        size = np.append(np.hypot(v_0, k * sigma_0), np.full(r, np.hypot(sigma_0, k * v_0)))
        z[-extra:, : r + 1] = np.sqrt(roughness * len(z)) * np.diag(size)
    scale = len(z) / networks.width[i]
    return Realised(
        X=X,
        y=y,
        W=z[:, 1:],
        v=z[:, 0],
        learning_rate=networks.learning_rate[i] * scale,
        scale=scale,
        own_neurons=own_neurons,
        test=test,
    )


def _realised_test(
    networks: Networks, i: int, z: Float[Array, "neurons coordinates"]
) -> tuple[tuple[Float[Array, "rows d"], Float[Array, " rows"]], Float[Array, "neurons more"]]:
    """Return test inputs and targets of network i, and weights of neurons z in coordinates that only those inputs have."""
    held_out, p = networks.problem.held_out, networks.problem_index[i]
    assert held_out is not None  # the caller has checked
    r = z.shape[1] - 1
    inside, outside, y = held_out.inside[p, :, :r], held_out.outside[p], held_out.y[p]
    if networks.explicit:
        # A coordinate for each neuron, or for each input: whichever are fewer.
        test_columns, beyond = (outside, np.eye(len(z))) if len(z) < len(outside) else (np.eye(len(outside)), outside.T)
    else:
        # A coordinate for each unit function: ⟨z u⟩ = A, and weights of that mean from z alone.
        assert networks.initial.spread is not None  # linear networks with test samples have it
        spread = networks.initial.spread[networks.initial_index[i], : r + 1, : r + 1]
        test_columns = outside[:, : r + 1]
        beyond = z @ np.linalg.pinv(z.T @ z / len(z), rcond=CUT, hermitian=True) @ spread
    # Turned rows stand for more samples than they are.
    share = np.sqrt(len(y) / held_out.samples)
    return (share * np.column_stack([inside, test_columns]), share * y), beyond


def neurons(
    moments: Float[Array, "coordinates coordinates"],
    probes: Float[Array, "probes coordinates"],
    width: float,
    spare: int = 0,
) -> Float[Array, "neurons coordinates"]:
    """Return neurons that begin with the `probes` and whose second moments ⟨z zᵀ⟩ are `moments`, those of `width` neurons.

    Of m' neurons, those that are not probes need Σ z zᵀ = m'⟨z zᵀ⟩ − Σ_probes z zᵀ. This has a root (r + 1 neurons, further
    ones are 0) if m' is at least the largest eigenvalue of Σ_probes z zᵀ relative to ⟨z zᵀ⟩, and also if m' ≥ m, since the
    rest of the network is one. At least the last `spare` neurons are 0.
    """
    explicit, coordinates = probes.shape
    if explicit == width and not spare:
        return probes
    probe_moments = probes.T @ probes
    count = explicit + coordinates + spare
    if count < width:  # else moments may be singular
        count = max(count, spare + int(scipy.linalg.eigh(probe_moments, moments, eigvals_only=True)[-1]) + 1)
    if not spare:
        count = int(min(count, width))
    values, vectors = np.linalg.eigh(count * moments - probe_moments)
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    remaining = np.zeros((count - explicit, coordinates))
    rows = min(remaining.shape)  # m − probes < r + 1 neurons leave the smallest eigenvalues 0
    remaining[:rows] = root[coordinates - rows :]
    return np.concatenate([probes, remaining])


def evolve(networks: Networks, recording: Recording, *, threads: int = 1) -> Trajectories:
    """Train every network of the batch one after the other on realised weights; arguments as in `propagator.evolve`."""
    result = empty(recording.steps.shape, recording.keep_probes)
    with torch_threads(threads):
        for i in np.flatnonzero(networks.reason == Reason.none):
            where = np.array([i])
            batch = networks.part(where)
            result.put(where, train_realised(realise_network(batch, 0), batch, recording.part(where)))
            progress.advance()
    return result


def train_realised(
    realised: Realised, networks: Networks, recording: Recording, roughness: float = 0.0
) -> Trajectories:
    """Train a realised network, the only one of the batch; results are those of the network at its original width."""
    trajectories = train(
        realised.X,
        realised.y,
        realised.W,
        realised.v,
        learning_rate=realised.learning_rate,
        loss_factor=networks.loss_factor[0],
        record_steps=recording.steps[0],
        onset=recording.onset,
        converged=recording.converged,
        size=networks.size[0],
        # ‖W₀‖² = m d σ0² counts the directions that X does not reach, too.
        weight_square=float(networks.sigma_0[0] ** 2 * networks.of_problem("dimension")[0]),
        scale=realised.scale,
        activation=networks.activation,
        keep_probes=recording.keep_probes,
        own_neurons=realised.own_neurons,
        roughness=roughness,
        test=realised.test,
    )
    trajectories.observables[0][:, ~recording.observables] = np.nan
    return trajectories
