"""Maps over two axes of a sweep: codes (phases, say) or numbers in colour, with measured and predicted boundaries."""

from __future__ import annotations

import holoviews as hv
import numpy as np
import xarray as xr

from lazyrich.analysis.codes import Codes
from lazyrich.analysis.fields import median
from lazyrich.draw import style
from lazyrich.draw.map_frame import MapFrame


def code_map(frame: MapFrame, codes: Codes) -> hv.Overlay:
    """Draw the code of each cell, in the colours of the codes that the whole summary has."""
    present = codes.present(frame.summary)
    return frame.draw(
        codes.numbered(frame.plane, present).transpose(frame.y, frame.x).values,
        codes.name,
        words=[codes.words[code] for code in present],
        cmap=[codes.colours[code] for code in present],
        clim=(-0.5, len(present) - 0.5),
    )


def value_map(frame: MapFrame, name: str) -> hv.Overlay:
    """Draw the median of one variable, on the `scale` of the whole summary.

    Cells that were not run are white, those that were and have no value grey.
    """
    table = median(frame.plane[name]).transpose(frame.y, frame.x).values.astype(float)
    low, high, log = scale(median(frame.summary[name]).values.astype(float))
    # Clipped here: zero under a log colour scale would be painted like a missing value.
    table = np.where(np.isfinite(table), np.clip(table, low, high), np.nan)
    table[not_run(frame.plane, name).transpose(frame.y, frame.x).values] = below(low, high, log)
    return frame.draw(
        table,
        name,
        symbol=frame.plane[name].attrs.get("symbol", ""),
        cmap="viridis",
        clim=(low, high),
        logz=log,
        clipping_colors={"NaN": style.NO_VALUE, "min": style.NOT_RUN},
    )


def scale(values: np.ndarray) -> tuple[float, float, bool]:
    """Return (low, high, logarithmic) of the colours of values, low < high: logarithmic where they span over two decades."""
    finite = values[np.isfinite(values)]
    positive = finite[finite > 0]
    low, high = (_floor(positive), float(finite.max()) if positive.size else 1.0)
    if positive.size and low > 0 and high / low > 100:
        return low, high, True
    if not finite.size:
        return 0.0, 1.0, False
    low, high = float(finite.min()), float(finite.max())
    # One value everywhere: the two backends would each make up limits of their own.
    return (low, high, False) if low < high else (min(low, 0.0), max(low, 0.0) or 1.0, False)


def _floor(positive: np.ndarray) -> float:
    """Return the lower colour limit: the smallest value, but no more than 18 decades below the largest."""
    return float(max(positive.min(), positive.max() * 1e-18)) if positive.size else 0.0


def below(low: float, high: float, log: bool) -> float:
    """Return a number beyond the lower colour limit (also in single precision), which stands for a cell that was not run."""
    return low / 2 if log else low - (abs(low) + high - low)


def not_run(data: xr.Dataset, name: str) -> xr.DataArray:
    """Return which cells have no number because nothing was trained in them; a refined sweep interpolates it in others."""
    return (data["networks"] == 0) & ~np.isfinite(median(data[name]))
