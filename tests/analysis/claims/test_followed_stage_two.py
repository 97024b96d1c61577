"""What the ledger measures of stage two, against plain descent on explicit weights."""

from dataclasses import dataclass

import numpy as np
import pytest

from lazyrich.analysis.claims import followed_proxy, followed_stage_two
from lazyrich.analysis.follow import Followed, Snapshot

N, D, M, K, SHARE = 4, 60, 30, 0.1, 0.02
EPSILON = SHARE**2 / 8  # ε of Theorem 4.1 in units of ‖y‖²/n: the loss is 4ε where ‖y − f‖ = SHARE ‖y‖
# Weights grow from 10⁻⁶ to 1, and rounding with them.
ROUNDING = 1e-8


@dataclass
class Explicit:
    """X, y, and W, v of every step by descent on the loss ‖y − f‖²/(2n)."""

    X: np.ndarray
    y: np.ndarray
    W: np.ndarray  # (steps, m, d)
    v: np.ndarray  # (steps, m)

    @property
    def gamma(self):
        return self.y @ self.X @ self.X.T @ self.y

    @property
    def rho(self):
        return (self.W - self.W[0]) @ self.X.T @ self.y

    @property
    def residual(self):
        return np.linalg.norm(self.y - np.einsum("tmd,nd,tm->tn", self.W, self.X, self.v) / M, axis=1)


def descend(X, y, sigma_0, steps=250, v_0=1e-6):
    """Return the explicit network and the same one as the ledger follows it."""
    rng = np.random.default_rng(5)
    W, v = [sigma_0 * rng.standard_normal((M, D))], [v_0 * rng.choice([-1.0, 1.0], M)]
    rate = K / np.sqrt(y @ X @ X.T @ y)  # η/(mn)
    for _ in range(steps):
        s = rate * (y - X @ W[-1].T @ v[-1] / M)
        W.append(W[-1] + np.outer(v[-1], X.T @ s))
        v.append(v[-1] + W[-2] @ X.T @ s)
    U, roots, Vt = np.linalg.svd(X, full_matrices=False)
    z = np.column_stack([v[0], W[0] @ Vt.T])
    one = Followed(roots**2, U.T @ y, float(M), rate, 0.0, Snapshot(0, z.T @ z / M, z))
    return Explicit(X, y, np.array(W), np.array(v)), one


def given(explicit, trace):
    gram = explicit.X @ explicit.X.T
    y_norm = np.linalg.norm(explicit.y)
    return {
        "growth_per_step": K,
        "gamma": explicit.gamma,
        "phi": explicit.y @ gram @ gram @ explicit.y,
        "covariance_trace": trace,
        "samples": float(N),
        "signal_norm": 0.8,
        "loss_factor": 1.0,
        "y_norm": y_norm,
        "accuracy": EPSILON * y_norm**2 / N,
    }


def times(explicit):
    rms = np.sqrt(np.mean(explicit.rho**2, axis=1))
    return int(np.argmax(rms >= 1)), int(np.argmax(explicit.residual <= SHARE * np.linalg.norm(explicit.y)))


@pytest.fixture(params=[1e-9, 1e-5], ids=["small σ₀", "large σ₀"])
def general(request):
    """A network on Gaussian inputs."""
    rng = np.random.default_rng(11)
    X = rng.standard_normal((N, D))
    return descend(X, X @ rng.standard_normal(D) / np.sqrt(D), request.param)


@pytest.fixture
def isotropic():
    """A network with K = κI."""
    rng = np.random.default_rng(3)
    X = np.sqrt(D) * np.linalg.qr(rng.standard_normal((D, N)))[0].T
    return descend(X, rng.standard_normal(N), 1e-12)


def test_every_number_of_stage_two_is_that_of_the_explicit_weights(general):
    explicit, one = general
    t1, t2 = times(explicit)
    found = followed_stage_two.measure(one, given(explicit, float(D)), t1, t2)
    X, y, gamma, gram = explicit.X, explicit.y, explicit.gamma, explicit.X @ explicit.X.T
    W, v, rho = (values[t1 : t2 + 1] for values in (explicit.W, explicit.v, explicit.rho))
    off = np.linalg.norm(W - explicit.W[0] - rho[..., None] / gamma * (X.T @ y), axis=-1) / np.abs(rho)
    aligned = (gram + np.outer(gram @ y, gram @ y) / gamma) / M
    kernels = np.array([a @ a / M**2 * gram + X @ w.T @ w @ X.T / M**2 for w, a in zip(W, v, strict=True)])

    def gap(square):
        return np.linalg.norm(kernels - square[:, None, None] * aligned, 2, axis=(1, 2)) / (square * D / M)

    rms = np.linalg.norm(rho, axis=1)
    wanted = {
        "off_target": off.max() * np.sqrt(gamma),
        "off_target_printed": off.max() * np.sqrt(D * N * 0.8**2),
        "imbalance": np.max(np.abs(rho - np.sqrt(gamma) * v) / np.abs(rho)),
        "kernel_constant": gap(np.mean(v**2, axis=1)).max(),
        # Over every neuron, not the smallest and the largest alone.
        "kernel_constant_each": max(gap(v[:, r] ** 2).max() for r in range(M)),
        "aligned_kernel_norm": np.linalg.norm(aligned, 2) * M / D,
        "rho_largest": np.abs(rho).max() * np.sqrt(D) / gamma**0.75,
        "rho_over_proof": np.max(rho[-1] ** 2) * np.linalg.norm(X, 2) ** 2 / gamma**1.5,
        "negative_share": np.mean(rho[-1] < 0),
        "rise": np.min(np.abs(rho[1:] / rho[:-1])),
        "rise_rms": np.min(rms[1:] / rms[:-1]),
    }
    np.testing.assert_allclose([found[name] for name in wanted], list(wanted.values()), rtol=ROUNDING)


def test_the_third_bullet_of_every_neuron_needs_neurons_that_are_alike(general, request):
    explicit, one = general
    found = followed_stage_two.measure(one, given(explicit, float(D)), *times(explicit))
    # ‖T‖₂ is about 2 ⟨v²⟩ tr Σ/m, and what a neuron has whose v_r² is far smaller is 2⟨v²⟩/v_r².
    if "large" in request.node.name:
        assert found["kernel_constant_each"] > 10 * found["kernel_constant"]
    else:
        # v_r² differ by twice b_r/(√γ v₀), that is by 2 · 10⁻³ times a normal number, and ‖T‖₂ is 2 of these units.
        assert found["kernel_constant_each"] == pytest.approx(found["kernel_constant"], abs=2 * 2 * 1e-3 * 3)


def test_every_number_of_the_proxy_is_that_of_the_explicit_weights(general):
    explicit, one = general
    t1, t2 = times(explicit)
    get = given(explicit, float(D))
    found = followed_proxy.measure(one, get, t1, t2)
    size = np.sqrt(np.mean(explicit.rho**2, axis=1))
    limit = np.sqrt(explicit.gamma**2.5 / get["phi"])
    for name, square in (("proxy", limit**2), ("proxy_b2", explicit.gamma**1.5 / D)):
        inside = size[t1 : t2 + 1] ** 2 < square
        rho = size[t1 : t2 + 1][inside]
        proxy = rho / np.sqrt(1 - rho**2 / square)
        growth = proxy[1:] / proxy[:-1]
        np.testing.assert_allclose(
            [found[f"{name}_growth_{side}"] for side in ("low", "high")], [growth.min(), growth.max()], rtol=1e-6
        )
        assert found[f"{name}_undefined"] == np.count_nonzero(~inside)
        if name == "proxy":
            t = np.flatnonzero(inside)
            slope, start = np.polyfit(t, np.log(proxy), 1)
            line = np.max(np.abs(np.log(proxy) - start - slope * t)) / np.log(proxy[-1] / proxy[0])
            np.testing.assert_allclose(
                [found["proxy_rate"], found["proxy_line"]], [slope / np.log1p(K), line], rtol=1e-6
            )
    printed = np.sqrt((1 - get["accuracy"]) / (N * get["accuracy"])) * get["y_norm"]
    assert found["proxy_end_printed"] == pytest.approx(printed, rel=ROUNDING)
    there = np.flatnonzero(size[t1:] >= limit * printed / np.sqrt(1 + printed**2)) + t1
    assert len(there) and there[0] <= 2 * t2 - t1
    assert found["steps_to_printed_end"] == there[0] - t2
    loss = explicit.residual[there[0]] ** 2 / (2 * N)
    assert found["loss_at_printed_end"] == pytest.approx(loss / (4 * get["accuracy"]), rel=1e-6)


def test_the_proxy_up_to_an_earlier_end_is_that_of_fewer_steps(general, monkeypatch):
    explicit, one = general
    t1, t2 = times(explicit)
    get = given(explicit, float(D))
    left = explicit.residual / get["y_norm"]
    middle = (t1 + t2) // 2
    monkeypatch.setattr(followed_proxy, "COARSE", float(left[middle]) * (1 + 1e-9))
    found = followed_proxy.measure(one, get, t1, t2)
    assert np.all(left[t1:middle] > left[middle]) and middle < t2
    earlier = followed_proxy.measure(one, get, t1, middle)
    for which in ("growth_low", "growth_high", "undefined"):
        assert found[f"proxy_coarse_{which}"] == pytest.approx(earlier[f"proxy_{which}"], rel=1e-12)
    # One that t₂ itself does not come to is t₂.
    monkeypatch.setattr(followed_proxy, "COARSE", 1e-9)
    found = followed_proxy.measure(one, get, t1, t2)
    assert found["proxy_coarse_growth_high"] == found["proxy_growth_high"]


def test_the_proxy_of_an_isotropic_network_is_that_of_lemma_5_3(isotropic):
    """K = κI, σ₀ and v₀ so small that what is not on ρ = √γ v is some 10⁻⁴ at t₁, and halves with each √2-fold of ρ."""
    explicit, one = isotropic
    t1, t2 = times(explicit)
    get = given(explicit, float(D))
    found = followed_proxy.measure(one, get, t1, t2)
    assert found["proxy_growth_low"] >= 1 + K / 4 and found["proxy_growth_high"] <= 1.5 * (1 + 1.5 * K)
    assert found["proxy_undefined"] == found["proxy_b2_undefined"] == 0
    # tr Σ = κ: B.2's proxy is Section 5's.
    assert found["proxy_b2_growth_high"] == pytest.approx(found["proxy_growth_high"], rel=1e-6)
    left = explicit.residual[t2] / get["y_norm"]
    assert found["proxy_end"] == pytest.approx(np.sqrt((1 - left) / left), rel=1e-3)
    assert found["proxy_end_repaired"] == pytest.approx(np.sqrt((1 - left) / left), rel=ROUNDING)
    # The printed end stands for a loss share of nε/‖y‖² = SHARE²/8, later than t₂ by about ln(8/SHARE)/(2k) steps.
    assert found["steps_to_printed_end"] == pytest.approx(
        np.log(8 / SHARE) / (2 * K), abs=0.2 * np.log(8 / SHARE) / (2 * K)
    )
    assert found["loss_at_printed_end"] <= (SHARE**2 / 8 / SHARE) ** 2


def test_a_proxy_that_never_comes_to_its_end_has_no_small_loss(isotropic):
    explicit, one = isotropic
    t1, t2 = times(explicit)
    # An end nearer to ρ∞ than double precision tells.
    found = followed_proxy.measure(one, given(explicit, float(D)) | {"accuracy": 1e-18}, t1, t2)
    assert found["loss_at_printed_end"] == np.inf and np.isnan(found["steps_to_printed_end"])


def test_two_steps_make_no_line(isotropic):
    explicit, one = isotropic
    _, t2 = times(explicit)
    found = followed_proxy.measure(one, given(explicit, float(D)), t2 - 1, t2)
    assert np.isnan(found["proxy_rate"]) and np.isnan(found["proxy_line"])
    assert np.isfinite(found["proxy_growth_low"])
