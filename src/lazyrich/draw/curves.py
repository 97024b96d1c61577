"""Trajectories of one grid cell against theory and against published points: loss, |ρ|/|v| and the kernel's distance to T."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import holoviews as hv
import holoviews.plotting.bokeh
import holoviews.plotting.mpl
import numpy as np
import xarray as xr

from lazyrich.draw import style
from lazyrich.published import lagged_kernel_error
from lazyrich.theories import fitted_square, predictions

SCALARS = ("y_norm", "fitted_norm", "loss_floor", "samples", "loss_factor", "laziness")
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
    """The loss that each theory predicts for each network at its records, name -> (networks, records).

    The theories give the output along y; the loss follows for an output that has no other part. Only theories of the cell's
    regime: the stages of rich training, or the linearised network, and the closed form between them.
    """
    get = {name: cell[name].values.astype(float)[:, None] for name in SCALARS}
    fitted = fitted_square(get)
    share = fitted / get["y_norm"] ** 2
    predicted = predictions(cell)
    rich = np.median(get["laziness"]) < 1
    chosen = {"closed form (K = κI, small steps)": predicted["closed_form"]}
    if rich:
        # Beyond its stage a theory means nothing: stage one is drawn until it has learnt the targets.
        stage_one = np.where(predicted["stage_one"] < share, predicted["stage_one"], np.nan)
        chosen = {"stage one (Eq. 9, exact discrete)": stage_one, "stage two (Eq. 10)": predicted["eq_10"]} | chosen
    else:
        chosen |= {"lazy (linearised, wide limit)": predicted["lazy_limit"]}
    scale = get["loss_factor"] / (2 * get["samples"]) * fitted
    return {name: get["loss_floor"] + scale * (1 - overlap / share) ** 2 for name, overlap in chosen.items()}


def median_curve(steps: np.ndarray, values: np.ndarray, log: bool) -> tuple[np.ndarray, np.ndarray]:
    """Median over networks whose records stand at steps of their own: (steps, values), (records,) each.

    On the steps of the longest run; others are interpolated between their records (in the logarithm where `log`), end where
    they end, and leave out what has no value.
    """
    common = steps[np.argmax(steps[:, -1])].astype(float)
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # a step at which no network has a value: NaN, and no curve
        rows = [
            np.interp(common, own, np.log(row) if log else row, right=np.nan)
            for own, row in zip(
                steps.astype(float), np.where(values > 0, values, np.nan) if log else values, strict=True
            )
        ]
        median = np.nanmedian(rows, axis=0)
    return common, np.exp(median) if log else median


def panels(cell: xr.Dataset, published: dict[str, np.ndarray] | None, backend: str, title: str) -> list[hv.Overlay]:
    """The panels of one cell: every replicate, their median, theory (loss only) and published points.

    None for an observable that is not recorded or has no value at all (a failed network).
    """
    return [
        _panel(cell, panel, published, backend, title)
        for panel in PANELS
        if panel.observable in cell and np.isfinite(cell[panel.observable].values).any()
    ]


def _panel(
    cell: xr.Dataset, panel: Panel, published: dict[str, np.ndarray] | None, backend: str, title: str
) -> hv.Overlay:
    bokeh = backend == "bokeh"
    width = "line_width" if bokeh else "linewidth"
    values = cell[panel.observable].values.astype(float)
    steps = cell["step"].values.astype(float)
    shown: list[np.ndarray] = [values]

    def curve(x: np.ndarray, y: np.ndarray, label: str, **options: object) -> hv.Curve:
        y = np.where(y > 0, y, np.nan) if panel.log else y
        element = hv.Curve((x, y), kdims=["step"], vdims=[panel.observable], label=label)
        return element.opts(backend=backend, **options)

    def dashed(number: int) -> dict[str, object]:
        bokeh_dash, matplotlib_dash = (("dashed", "--"), ("dotted", ":"), ("dotdash", "-."))[number]
        return {"line_dash": bokeh_dash} if bokeh else {"linestyle": matplotlib_dash}

    # All replicates as one curve, parted by NaN: as elements of their own they take seconds to draw.
    parted = [np.concatenate([np.append(row, np.nan) for row in rows]) for rows in (steps, values)]
    overlay = hv.Overlay([curve(*parted, "", color=style.CURVES[0], alpha=0.3, **{width: 1})])
    same = ", same step" if panel.observable == "ntk_target_error" else ""
    label = f"simulated, median of {len(values)}{same}"
    overlay *= curve(*median_curve(steps, values, panel.log), label, color=style.CURVES[0], **{width: 2.5})
    from_start = (steps[:, 0] == 0).all()
    if panel.observable == "loss" and "target_overlap" in cell and from_start:
        for number, (text, loss) in enumerate(theory_loss(cell).items()):
            look = {"color": style.CURVES[number + 1], width: 1.8, **dashed(number)}
            overlay *= curve(*median_curve(steps, loss, True), text, **look)
    if panel.observable == "rho_over_v":
        plateau = float(np.median(np.sqrt(cell["gamma"].values)))
        ends = np.array([0.0, steps.max()])
        look = {"color": style.CURVES[1], width: 1.5, **dashed(0)}
        overlay *= curve(ends, np.full(2, plateau), "√γ, limit of stage one", **look)
        shown.append(np.array([plateau]))
    if panel.observable == "ntk_target_error" and published is not None and (np.diff(steps, axis=1) == 1).all():
        late = lagged_kernel_error(cell)
        if np.isfinite(late).any():
            look = {"color": style.CURVES[1], width: 1.8, **dashed(0)}
            overlay *= curve(*median_curve(steps, late, True), "kernel one step late", **look)
            shown.append(late)
    if published is not None:
        y = published[panel.published]
        y = np.where(y > 0, y, np.nan) if panel.log else y
        points = hv.Scatter((published["step"], y), "step", panel.observable, label="published")
        marker = {"size": 7, "line_color": style.PUBLISHED} if bokeh else {"s": 26, "edgecolors": style.PUBLISHED}
        overlay *= points.opts(backend=backend, color="white", **marker)
        shown.append(y)
    common = {
        "title": title,
        "xlabel": "t, gradient step",
        "ylabel": panel.label,
        "logy": panel.log,
        "xlim": (-0.02 * steps.max(), 1.02 * steps.max()),
        "ylim": _limits(np.concatenate([part.ravel() for part in shown]), panel),
        "legend_position": panel.legend,
        "legend_cols": 1,
        "show_legend": True,
    }
    if bokeh:
        frame = {"frame_width": WIDTH, "frame_height": HEIGHT, "fontsize": {"title": 12, "legend": 10.5}}
        return overlay.opts(backend=backend, toolbar="above", active_tools=[], **frame, **common)
    sizes = {"title": 9, "labels": 9, "legend": 7.5}
    return overlay.opts(
        backend=backend, fig_inches=INCHES, aspect="auto", hooks=[style.framed(0.85)], fontsize=sizes, **common
    )


def _limits(shown: np.ndarray, panel: Panel) -> tuple[float, float]:
    """Limits of the vertical axis, with room for the legend below or above the curves."""
    shown = shown[np.isfinite(shown) & (shown > 0 if panel.log else True)]
    if not shown.size:
        return (0.1, 10.0)
    low, high = shown.min(), shown.max()
    if not panel.log:
        return (min(0.0, low), high * 1.08 or 1.0)
    room = max((high / low) ** 0.7, 30.0)
    below, above = (room, 3.0) if panel.legend.startswith("bottom") else (3.0, room)
    return (low / below, high * above)


def layout(rows: list[list[hv.Overlay]], backend: str) -> hv.Layout:
    """Panels in rows, one row a cell; every row has the same panels."""
    columns = max(map(len, rows))
    whole = hv.Layout([panel for row in rows for panel in row]).cols(columns)
    if backend == "bokeh":
        return whole.opts(backend=backend, shared_axes=False, toolbar="above")
    return whole.opts(backend=backend, shared_axes=False, fig_inches=INCHES, sublabel_format="", vspace=0.3, hspace=0.3)
