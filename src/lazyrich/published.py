"""A network's distance to published curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from lazyrich.points import read_points


def load_published(path: str | Path) -> dict[str, np.ndarray]:
    """Columns step, loss, rho_over_v and ntk_error of a published figure, (points,) each; errors as in `read_points`."""
    return {name: np.array(values) for name, values in read_points(path).items()}


def plateau(published: dict[str, np.ndarray]) -> np.ndarray:
    """Which published points lie on the plateau of |ρ|/|v|: within 1 % of its largest value, (points,) bool."""
    ratio = published["rho_over_v"]
    return ratio > 0.99 * ratio.max()


def compare_published(data: xr.Dataset, published: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Distance of each network to published points, name -> (networks,); records between steps are interpolated.

    `published_loss_error` is max |L − L_published|/L_published(0), `published_plateau_error` the largest relative distance
    of |ρ|/|v| on the published plateau.
    """
    result = {}
    on = plateau(published)
    everywhere = np.ones_like(on)
    for name, observable, where in (
        ("published_loss_error", "loss", everywhere),
        ("published_plateau_error", "rho_over_v", on),
    ):
        if observable in data:
            wanted = published[observable][where]
            found = np.stack(
                [
                    np.interp(published["step"][where], steps, curve, right=np.nan)
                    for steps, curve in zip(data["step"].values, data[observable].values, strict=True)
                ]
            )
            scale = published["loss"][0] if observable == "loss" else wanted
            result[name] = np.max(np.abs(found - wanted) / scale, axis=1)
    return result
