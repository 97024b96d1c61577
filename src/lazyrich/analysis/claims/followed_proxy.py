"""The proxy of a network from t₁ on, step by step: Lemma 5.3 and its proof in Appendix B.2."""

from __future__ import annotations

import numpy as np

from lazyrich.analysis.follow import Followed
from lazyrich.theory import two_stage

FEWEST_STEPS = 3  # through two points there is always a line
COARSE = 0.01  # δ of an earlier t₂, at which the proxy is measured too


def measure(one: Followed, get: dict[str, float], t1: int, t2: int) -> dict[str, float]:
    """Return name -> number of one network, ρ being the root mean square over its neurons; NaN where ρ̃ is not defined.

    Training goes on beyond t₂, for as many steps as from t₁ to t₂, until the proxy is where the lemma has it end.
    """
    limit = np.sqrt(two_stage.limit(get["gamma"], get["phi"]))
    end = limit * np.sqrt(
        two_stage.share_of_proxy(two_stage.printed_proxy_end(get["accuracy"], get["y_norm"], get["samples"]))
    )
    sizes, left, at_end, step_at_end = [], np.nan, np.nan, np.nan
    coarse = 0  # steps until ‖y − f‖ is `COARSE` ‖y‖
    for now in one.snapshots(range(t1, 2 * t2 - t1 + 1)):
        size = float(np.sqrt(np.mean(one.rho(now) ** 2)))
        residual = float(np.linalg.norm(one.targets - one.output(now)))
        if now.step <= t2:
            sizes.append(size)
            left = residual / get["y_norm"]
            coarse = coarse or (len(sizes) if left <= COARSE else 0)
        if np.isnan(at_end) and size >= end:
            at_end = get["loss_factor"] / (2 * get["samples"]) * residual**2 / (4 * get["accuracy"])
            step_at_end = now.step - t2
        if now.step >= t2 and not np.isnan(at_end):
            break
    b2_limit = np.sqrt(two_stage.isotropic_limit(get["gamma"], get["covariance_trace"]))
    proxies, b2 = (np.asarray(two_stage.proxy(np.array(sizes), at)) for at in (limit, b2_limit))
    rate, line = _line(proxies)
    return {
        **_growth("proxy", proxies),
        **_growth("proxy_b2", b2),
        **_growth("proxy_coarse", proxies[: coarse or None]),
        "proxy_rate": rate / float(np.log1p(get["growth_per_step"])),
        "proxy_line": line,
        "proxy_end": float(proxies[-1] / limit),
        "proxy_end_repaired": float(two_stage.proxy_at(left)),
        "proxy_end_printed": float(two_stage.printed_proxy_end(get["accuracy"], get["y_norm"], get["samples"])),
        # Never within the steps followed: no loss is small enough.
        "loss_at_printed_end": np.inf if np.isnan(at_end) else at_end,
        "steps_to_printed_end": step_at_end,
    }


def _growth(name: str, proxies: np.ndarray) -> dict[str, float]:
    """Return the smallest and largest ρ̃(t + 1)/ρ̃(t), and at how many steps ρ̃ is not defined."""
    with np.errstate(invalid="ignore"):
        growth = proxies[1:] / proxies[:-1]
    growth = growth[np.isfinite(growth)]
    return {
        f"{name}_growth_low": float(growth.min()) if growth.size else np.nan,
        f"{name}_growth_high": float(growth.max()) if growth.size else np.nan,
        f"{name}_undefined": float(np.count_nonzero(~np.isfinite(proxies))),
    }


def _line(proxies: np.ndarray) -> tuple[float, float]:
    """Return the slope of log ρ̃ in t by least squares, and its largest distance to that line as a share of its rise."""
    (t,) = np.nonzero(np.isfinite(proxies))
    if len(t) < FEWEST_STEPS:
        return np.nan, np.nan
    logs = np.log(proxies[t])
    fit = np.polyfit(t, logs, 1)
    return float(fit[0]), float(np.max(np.abs(logs - np.polyval(fit, t))) / (logs.max() - logs.min()))
