"""What the ledger measures of stage one, against plain descent on explicit weights."""

import numpy as np
import pytest

from lazyrich.analysis.claims import followed_stage_one
from lazyrich.analysis.follow import Followed, Snapshot
from lazyrich.theory import stage_one_bounds

N, D, M, STEPS, K = 4, 40, 30, 60, 0.15


@pytest.fixture(params=[1e-12, 1e-5], ids=["small σ₀", "large σ₀"])
def both(request):
    """Return what is measured of a network of v₀ = 10⁻⁷, and W, v of all its steps by explicit descent, with X and y."""
    rng = np.random.default_rng(11)
    X = rng.standard_normal((N, D))
    y = X @ rng.standard_normal(D) / np.sqrt(D)
    W, v = [request.param * rng.standard_normal((M, D))], [1e-7 * rng.choice([-1.0, 1.0], M)]
    gamma = y @ X @ X.T @ y
    rate = K / np.sqrt(gamma)  # η/(mn)
    for _ in range(STEPS):
        s = rate * (y - X @ W[-1].T @ v[-1] / M)
        W.append(W[-1] + np.outer(v[-1], X.T @ s))
        v.append(v[-1] + W[-2] @ X.T @ s)
    U, roots, Vt = np.linalg.svd(X, full_matrices=False)
    z = np.column_stack([v[0], W[0] @ Vt.T])
    one = Followed(roots**2, U.T @ y, float(M), rate, 0.0, Snapshot(0, z.T @ z / M, z))
    get = {"growth_per_step": K, "gamma": gamma, "covariance_trace": float(D), "samples": float(N), "signal_norm": 1.0}
    return followed_stage_one.measure(one, get, STEPS), X, y, np.array(W), np.array(v)


def test_every_number_is_that_of_the_explicit_weights(both):
    found, X, y, W, v = both
    gamma = y @ X @ X.T @ y
    rho = (W - W[0]) @ X.T @ y
    t = np.arange(1.0, STEPS + 1)
    needed = stage_one_bounds.needed(t, rho[1:], v[1:], v[0], K, gamma, float(D))
    # Rounding of the weights, 10⁻¹⁴ or so of what has grown, over tr Σ/γ^{3/2} = 0.01 and, for the first steps of v_r, over k².
    np.testing.assert_allclose([found[f"bounds_{name}"] for name in needed._fields], needed, rtol=1e-8, atol=1e-8)
    off = np.linalg.norm(W - W[0] - rho[..., None] / gamma * (X.T @ y), axis=-1)[1:]
    wanted = np.max(off * np.sqrt(gamma) / np.abs(rho[1:])) / (D / gamma**1.5)
    np.testing.assert_allclose(found["bounds_off_target"], wanted, rtol=1e-6, atol=1e-10)
    for name, values, shape in (
        ("rho", rho, (1 + K) ** t - (1 - K) ** t),
        ("v", v, (1 + K) ** t + (1 - K) ** t),
    ):
        assert found[f"other_sign_{name}"] == np.mean((values[1:] * v[0] < 0).any(axis=0))
        ratio = values[1:] / shape[:, None]
        spread = (ratio.max(axis=0) - ratio.min(axis=0)) / np.abs(ratio).max(axis=0)
        np.testing.assert_allclose(found[f"shape_{name}"], spread.max(), rtol=1e-9, atol=1e-12)
    KK = X @ X.T
    end, start = (v[at] @ v[at] / M**2 * KK + X @ W[at].T @ W[at] @ X.T / M**2 for at in (-1, 0))
    np.testing.assert_allclose(found["kernel_growth"], np.linalg.norm(end, 2) / np.linalg.norm(start, 2), rtol=1e-10)
    target = (KK + KK @ np.outer(y, y) @ KK / gamma) / (M * gamma)
    allowed = 1 / (M * N**3 * D)
    np.testing.assert_allclose(found["kernel_printed"], np.linalg.norm(end - target, 2) / allowed, rtol=1e-9)
    structure = end * M / (gamma * (v[-1] @ v[-1])) - target
    np.testing.assert_allclose(found["kernel_scaled"], np.linalg.norm(structure, 2) / allowed, rtol=1e-6)
    wanted = np.linalg.norm(structure, 2) / np.linalg.norm(target, 2)
    np.testing.assert_allclose(found["kernel_apart"], wanted, rtol=1e-6)


def test_signs_and_shapes_need_a_small_first_layer(both, request):
    found = both[0]
    if "large" in request.node.name:
        # Half of 30 neurons, to three standard deviations.
        assert 0.2 < found["other_sign_rho"] < 0.8
        assert found["shape_rho"] > 0.5 and found["shape_v"] > 0.5
        assert found["bounds_rho_lower"] == np.inf
    else:
        assert found["other_sign_rho"] == found["other_sign_v"] == 0
        # b_r/(√γ v₀) is some 10⁻⁵, and f is as small.
        assert max(found["shape_rho"], found["shape_v"]) < 1e-4
        assert found["bounds_rho_lower"] < 0.1
