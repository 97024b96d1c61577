"""What the engines are measured beside: the network as a user would train it in torch, and the exact recursion in JAX.

JAX is asked to see each core as a device of its own before it is first imported, so that it may use all of them, and to leave
the memory of a GPU to others.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import torch

CORES = len(os.sched_getaffinity(0))  # `taskset -c 0,1` leaves two
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={CORES}"
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"


def torch_autograd(samples: int, dimension: int, width: int, activation: Callable) -> Callable[[], int]:
    """Steps of one network of explicit weights in float64, by autograd and plain SGD."""
    X = torch.randn(samples, dimension, dtype=torch.float64)
    y = X @ torch.randn(dimension, dtype=torch.float64)
    W = (1e-3 * torch.randn(width, dimension, dtype=torch.float64)).requires_grad_()
    v = (1e-2 * torch.sign(torch.randn(width, dtype=torch.float64))).requires_grad_()
    optimiser = torch.optim.SGD([W, v], lr=1e-3)

    def work() -> int:
        for _ in range(5):
            optimiser.zero_grad()
            ((activation(X @ W.T) @ v / width - y) ** 2).mean().backward()
            optimiser.step()
        return 5

    return work


def jax_recursion(
    samples: int, networks: int, steps: int, *, devices: int = 1, platform: str = "cpu"
) -> Callable[[], int]:
    """Network-steps of the propagator's recursion in JAX: `vmap` over networks, `scan` over steps, `jit`.

    The smallest form of it, as in the engine: second moments (A, u, c), and the loss at the end. With more than one device
    networks are split between them by `pmap`.
    """
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def train(A, u, c, root, y, rate):
        def step(state, _):
            A, u, c = state
            g = rate * root * (y - root * u)
            q, w, gu = A @ g, u + 0.5 * c * g, g @ u
            return (A + jnp.outer(g, w) + jnp.outer(w, g), u + (c + gu) * g + q, c + 2 * gu + g @ q), None

        (A, u, c), _ = jax.lax.scan(step, (A, u, c), None, length=steps)
        return jnp.sum((y - root * u) ** 2)

    rng = np.random.default_rng(0)
    arrays = (
        np.broadcast_to(0.1 * np.eye(samples), (networks, samples, samples)),
        np.zeros((networks, samples)),
        np.full(networks, 0.1),
        np.ones((networks, samples)),
        rng.standard_normal((networks, samples)),
        np.full(networks, 1e-3),
    )
    chosen = jax.devices(platform)[:devices]
    if devices == 1:
        together = jax.jit(jax.vmap(train))
        arrays = tuple(jax.device_put(a, chosen[0]) for a in arrays)
    else:
        together = jax.pmap(jax.vmap(train), devices=chosen)
        arrays = tuple(jnp.asarray(a.reshape(devices, networks // devices, *a.shape[1:])) for a in arrays)

    def work() -> int:
        together(*arrays).block_until_ready()
        return networks * steps

    return work
