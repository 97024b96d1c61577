"""Trajectories of one grid cell against theory and against published points: loss, |ρ|/|v| and the kernel's distance to T."""

from __future__ import annotations

from dataclasses import dataclass

import holoviews as hv
import holoviews.plotting.bokeh
import holoviews.plotting.mpl
import numpy as np
import xarray as xr

from lazyrich.comparison import predictions
from lazyrich.draw import style

WIDTH, HEIGHT = 330, 290
INCHES = 4.2


@dataclass(frozen=True)
class Panel:
    """One observable over training."""

    observable: str
    label: str
    published: str
    log: bool
    legend: str


PANELS = (
    Panel("loss", "L, training loss", "loss", True, "bottom_left"),
    Panel("rho_over_v", "⟨|ρ_r|⟩/⟨|v_r|⟩, alignment over magnitude", "rho_over_v", False, "bottom_right"),
    Panel("ntk_target_error", "‖Θ − T‖/‖T‖, distance to the aligned kernel", "ntk_error", True, "top_right"),
)


def theory_loss(cell: xr.Dataset) -> dict[str, np.ndarray]:
    """Median over replicates of the loss that each theory predicts, name -> (records,).

    The theories give the output along y; the loss (c/2n)‖f − y‖² follows for an output that has no other part.
    """
    scale = (cell["loss_factor"] / (2 * cell["samples"]) * cell["y_norm"] ** 2).values[:, None]
    floor = cell["loss_floor"].values[:, None]
    names = {
        "stage_one": "stage one (Eq. 9, exact discrete)",
        "two_stage": "stage two (Eq. 10)",
        "closed_form": "closed form (K = κI, small steps)",
    }
    predicted = predictions(cell)
    result = {}
    for name, text in names.items():
        # Beyond its stage a theory means nothing: stage one is drawn until it has learnt the targets.
        overlap = np.where(predicted[name] < 1.0 if name == "stage_one" else True, predicted[name], np.nan)
        loss = np.maximum(scale * (1 - overlap) ** 2, floor)
        result[text] = np.median(loss, axis=0)
    return result


def panels(cell: xr.Dataset, published: dict[str, np.ndarray] | None, backend: str, title: str) -> hv.Layout:
    """The panels of one cell: every replicate, their median, theory (loss only) and published points."""
    return [_panel(cell, panel, published, backend, title) for panel in PANELS if panel.observable in cell]


def _panel(
    cell: xr.Dataset, panel: Panel, published: dict[str, np.ndarray] | None, backend: str, title: str
) -> hv.Overlay:
    bokeh = backend == "bokeh"
    width = "line_width" if bokeh else "linewidth"
    values = cell[panel.observable].values.astype(float)
    steps = cell["step"].values[0].astype(float)

    def curve(y: np.ndarray, label: str, x: np.ndarray = steps, **options: object) -> hv.Curve:
        y = np.where(y > 0, y, np.nan) if panel.log else y
        element = hv.Curve((x, y), kdims=["step"], vdims=[panel.observable], label=label)
        return element.opts(backend=backend, **options)

    # All replicates as one curve, parted by NaN: as elements of their own they take seconds to draw.
    parted = [np.append(row, np.nan) for row in values]
    every = np.tile(np.append(steps, np.nan), len(values))
    overlay = hv.Overlay([curve(np.concatenate(parted), "", every, color=style.CURVES[0], alpha=0.3, **{width: 1})])
    overlay *= curve(
        np.median(values, axis=0), f"simulated, median of {len(values)}", color=style.CURVES[0], **{width: 2.5}
    )
    if panel.observable == "loss" and "target_overlap" in cell:
        dashes = (("dashed", "--"), ("dotted", ":"), ("dotdash", "-."))
        for (text, loss), colour, dash in zip(theory_loss(cell).items(), style.CURVES[1:], dashes, strict=False):
            pattern = {"line_dash": dash[0]} if bokeh else {"linestyle": dash[1]}
            overlay *= curve(loss, text, color=colour, **{width: 1.8}, **pattern)
    if panel.observable == "rho_over_v":
        plateau = float(np.median(np.sqrt(cell["gamma"].values)))
        pattern = {"line_dash": "dashed"} if bokeh else {"linestyle": "--"}
        overlay *= curve(
            np.full(len(steps), plateau), "√γ, limit of stage one", color=style.CURVES[1], **{width: 1.5}, **pattern
        )
    everything = [values[values > 0] if panel.log else values.ravel()]
    if published is not None:
        y = published[panel.published]
        points = hv.Scatter(
            (published["step"], np.where(y > 0, y, np.nan) if panel.log else y),
            "step",
            panel.observable,
            label="published",
        )
        marker = {"size": 7, "line_color": style.PUBLISHED} if bokeh else {"s": 26, "edgecolors": style.PUBLISHED}
        overlay *= points.opts(backend=backend, color="white", **marker)
        everything.append(y[y > 0] if panel.log else y)
    shown = np.concatenate([part[np.isfinite(part)] for part in everything])
    low, high = shown.min(), shown.max()
    # Room for the legend, below or above the curves.
    room = (high / low) ** 0.7 if panel.log else 1.0
    below, above = (room, 3.0) if panel.legend.startswith("bottom") else (3.0, room)
    limits = (low / below, high * above) if panel.log else (min(0.0, low), high * 1.08)
    common = {
        "title": title,
        "xlabel": "t, gradient step",
        "ylabel": panel.label,
        "logy": panel.log,
        "xlim": (-0.02 * steps[-1], 1.02 * steps[-1]),
        "ylim": limits,
        "legend_position": panel.legend,
        "legend_cols": 1,
        "show_legend": True,
    }
    if bokeh:
        frame = {"frame_width": WIDTH, "frame_height": HEIGHT, "fontsize": {"title": 12, "legend": 10.5}}
        return overlay.opts(backend=backend, toolbar="above", active_tools=[], **frame, **common)
    ticks = {"yformatter": style.power_of_ten} if panel.log else {}
    return overlay.opts(
        backend=backend,
        **ticks,
        fig_inches=INCHES,
        aspect="square",
        hooks=[_box],
        fontsize={"title": 9, "labels": 9, "legend": 7.5},
        **common,
    )


def _box(plot: object, element: hv.Element) -> None:
    """Matplotlib: panels of one shape, whatever their units (HoloViews' aspect is in units of the data)."""
    plot.handles["axis"].set_box_aspect(0.85)


def layout(rows: list[list[hv.Overlay]], backend: str) -> hv.Layout:
    """Panels in rows, one row a cell."""
    columns = max(map(len, rows))
    whole = hv.Layout([panel for row in rows for panel in row]).cols(columns)
    if backend == "bokeh":
        return whole.opts(backend=backend, shared_axes=False, toolbar="above")
    return whole.opts(backend=backend, shared_axes=False, fig_inches=INCHES, sublabel_format="", vspace=0.3, hspace=0.3)
