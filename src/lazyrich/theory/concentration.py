"""Distributions behind Lemmas A.3 and A.4 for Gaussian inputs and targets without noise, y = Xβ.

With u = Σ^½β/‖β̃‖ and X = ZΣ^½, y = ‖β̃‖g where g = Zu ~ N(0, I_n), so that ‖y‖² = ‖β̃‖²Q with Q = ‖g‖² ~ χ²_n. The part
of Z orthogonal to u is independent of g, hence Zᵀg = Qu + √Q h with h ~ N(0, I − uuᵀ) independent of Q. For β along an
eigenvector of Σ, of eigenvalue a tr Σ, and all p other eigenvalues equal,

    γ = ‖Xᵀy‖² = tr Σ ‖β̃‖² Q (aQ + (1 − a)V/p),   V ~ χ²_p independent of Q.

Isotropic inputs are a = 1/d, p = d − 1: γ = (tr Σ/d) ‖β̃‖² Q(Q + V). For p → ∞, V/p → 1.
"""

import numpy as np
from jaxtyping import Float
from scipy import special, stats

# What the quadrature leaves out on either side of Q.
TAIL = 1e-30
# Points in one standard deviation of the narrower of ln Q and ln V, and at least: the trapezoidal rule is exact to rounding for
# smooth functions that vanish at both ends. Where p is small the integrand has a kink of order p/2, where V reaches 0.
POINTS, LEAST = 4, 2000


def target_norm_outside(samples: Float[np.ndarray, " n"], low: float, high: float) -> Float[np.ndarray, " n"]:
    """Return the probability that ‖Xα‖²/(n‖α‖²_Σ) = χ²_n/n is not within [low, high] (Lemma A.3), for each n."""
    n = np.asarray(samples, dtype=float)
    return np.asarray(special.chdtr(n, low * n) + special.chdtrc(n, high * n))


def gamma_outside(samples: float, share: float, others: float, low: float, high: float) -> float:
    """Return the probability that γ/(tr Σ n‖β̃‖²) is not within [low, high] (Lemma A.4).

    Parameters
    ----------
    samples
        n.
    share
        a, the share of tr Σ that lies along β, an eigenvector of Σ.
    others
        p, the number of other directions, which share the rest equally; infinite for a rest that does not fluctuate.
    """
    n = float(samples)
    if np.isinf(others):
        # Q(aQ + 1 − a) = cn has one positive root in Q, here in the form that holds for a = 0 too.
        root = [2 * c * n / (1 - share + np.sqrt((1 - share) ** 2 + 4 * share * c * n)) for c in (low, high)]
        return float(special.chdtr(n, root[0]) + special.chdtrc(n, root[1]))
    chi = stats.chi2(n)
    ends = np.log([chi.ppf(TAIL), chi.isf(TAIL)])
    wanted = min(np.sqrt(2 / n), np.sqrt(2 / others)) / POINTS
    log_q = np.linspace(ends[0], ends[1], max(int(np.ceil((ends[1] - ends[0]) / wanted)), LEAST))
    q = np.exp(log_q)

    def allowed(c: float) -> Float[np.ndarray, " points"]:
        """Return the V at which γ is c tr Σ n‖β̃‖²; never below 0, where V cannot be."""
        return np.asarray(np.maximum((c * n / q - share * q) / (1 - share) * others, 0.0))

    outside = special.chdtr(others, allowed(low)) + special.chdtrc(others, allowed(high))
    return float((log_q[1] - log_q[0]) * np.sum(chi.pdf(q) * q * outside))


def isotropic_dimension(samples: float, ratio: float) -> int:
    """Return the smallest d at which Σ ∝ I has tr Σ ≥ ratio · (n‖Σ‖₂ + √n‖Σ‖_F), i.e. d ≥ ratio · (n + √(nd))."""
    root = (ratio + np.sqrt(ratio**2 + 4 * ratio)) / 2  # √(d/n) at equality
    return int(np.ceil(samples * root**2 * (1 - 1e-12)))


def spike_share(samples: float, ratio: float) -> float:
    """Return the share λ₁/tr Σ at which tr Σ = ratio · (n‖Σ‖₂ + √n‖Σ‖_F), for one λ₁ and very many, very small eigenvalues."""
    return float(1 / (ratio * (samples + np.sqrt(samples))))
