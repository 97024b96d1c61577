"""The claims ledger as a page, as Markdown and as a figure for each row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import holoviews as hv
import numpy as np
import xarray as xr

from lazyrich.analysis.claims.row import Whose
from lazyrich.analysis.claims.standing import WORDS, Standing
from lazyrich.draw import style
from lazyrich.draw.page import write_page
from lazyrich.draw.pictures import defaults, save
from lazyrich.shards import archive

# Conditions of Assumption 4.1 by the names of their margins.
CONDITIONS = {
    "width": "(1) width",
    "sigma_0": "(2) σ₀",
    "v_0": "(3) v₀",
    "learning_rate": "(4) step",
    "noise": "(5) noise",
    "trace": "(6) tr Σ as printed",
    "trace_repaired": "(6) tr Σ repaired",
    "signal": "(6) signal",
}
INCHES = 4.6
# One more than colours, so that curve four looks like none of the first three.
STROKES = ("--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)))
LONG = 20  # characters of a legend's entry that two columns have room for
MOST_POINTS = 3000  # of a series that are drawn


def draw_claims(ledger: str | Path, *, page: str | Path, text: str | Path, figures: str | Path) -> None:
    """Write the ledger's page, its Markdown and a figure (SVG) for each of its rows into `figures`."""
    figures = Path(figures)
    figures.mkdir(parents=True, exist_ok=True)
    with archive.opened(ledger) as data:
        data.load()
    for row in range(data.sizes["row"]):
        claim, statement, quantity, of = (
            str(data[n].values[row]) for n in ("claim", "statement", "quantity", "setting")
        )
        said = f"{statement} {quantity}: {of}"
        with defaults():
            save(figure(data, row), said, {"svg": figures / f"{claim}.svg"})
    values = {
        "rows": rows(data),
        "headline": headline(data),
        "whose": [str(each) for each in Whose],
        "folder": figures.name,
        "attributes": {key: data.attrs[key] for key in ("lazyrich_version", "commit", "dirty", "history")},
    }
    write_page(page, "claims.html", **values)
    write_page(text, "claims.md", **values)


def headline(data: xr.Dataset) -> list[dict[str, Any]]:
    """Return where statements stand, best first: words, meaning, how many there are of each author, and the paper's rows."""
    every = rows(data)
    groups = []
    for standing, (words, explanation) in WORDS.items():
        here = [row for row in every if row["standing"] == standing.name]
        if here:
            counts = {str(whose): sum(row["whose"] == whose for row in here) for whose in Whose}
            group = {"name": standing.name, "words": words, "explanation": explanation, "counts": counts}
            groups.append(group | {"of_paper": [row for row in here if row["whose"] in (Whose.paper, Whose.reading)]})
    return groups


def rows(data: xr.Dataset) -> list[dict[str, Any]]:
    """Return every row in words and numbers."""
    names = (
        *("claim", "whose", "source", "statement", "quantity", "setting"),
        *("verdict_text", "small_sigma_text", "power", "remark"),
    )
    standings = [Standing(int(code)) for code in data["standing"].values]
    return [
        {name: str(data[name].values[row]) for name in names}
        | {"standing": standing.name, "words": WORDS[standing][0], "margins": margins(data, row)}
        | {"place": _place(data, row)}
        | {name: _number(data[name].values[row]) for name in ("measured", "low", "high", "expected")}
        for row, standing in enumerate(standings)
    ]


def margins(data: xr.Dataset, row: int) -> str:
    """Return the margins of all conditions of Assumption 4.1 in words, smallest and largest; empty where the row has none."""
    low, high = (data[f"margin_{end}"].values[row] for end in ("low", "high"))
    return ", ".join(
        f"{CONDITIONS[str(name)]} {_number(a)} to {_number(b)}"
        for name, a, b in zip(data["condition"].values, low, high, strict=True)
        if not np.isnan(a)
    )


def _place(data: xr.Dataset, row: int) -> str:
    """Return where a statement stands, with its page in the proceedings where it is known."""
    where, page = str(data["source"].values[row]), float(data["page"].values[row])
    return where if np.isnan(page) else f"{where}, p. {page:.0f}"


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.4g}"


def figure(data: xr.Dataset, row: int) -> hv.Overlay:
    """Draw what was measured for one row as points, what the statement says as lines."""
    log_x, log_y = bool(data["log_x"].values[row]), bool(data["log_y"].values[row])
    own = data["point_claim"].values == row
    numbers = np.unique(data["point_series"].values[own])
    overlay = []
    points = curves = 0
    labels = {"kdims": ["x"], "vdims": ["y"]}
    limits: dict[str, list[np.ndarray]] = {"x": [], "y": []}
    for number in numbers:
        on = own & (data["point_series"].values == number)
        x, y = data["point_x"].values[on], data["point_y"].values[on]
        shown = np.isfinite(x) & np.isfinite(y) & ((x > 0) | (not log_x)) & ((y > 0) | (not log_y))
        x, y = x[shown], y[shown]
        name = str(data["series"].values[number])
        if data["is_curve"].values[number]:
            look = {"color": style.LINES[curves % len(style.LINES)], "linestyle": STROKES[curves % len(STROKES)]}
            overlay.append(hv.Curve((x, y), label=name, **labels).opts(linewidth=1.8, **look))
            curves += 1
        elif len(x):
            kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).astype(int))
            look = {"color": style.CURVES[points % len(style.CURVES)], "marker": "osD^vP"[points % 6]}
            scatter = hv.Scatter((x[kept], y[kept]), label=name, **labels)
            overlay.append(scatter.opts(s=16, alpha=0.6, hooks=[style.rasterise], **look))
            points += 1
        limits["x"].append(x)
        limits["y"].append(y)
    if not overlay:  # nothing that could be measured
        overlay.append(hv.Text(0.5, 0.5, "not defined here").opts(fontsize=11))
        log_x = log_y = False
    result = hv.Overlay(overlay)
    return result.opts(
        xlabel=str(data["x_label"].values[row]),
        ylabel=_wrapped(str(data["y_label"].values[row])),
        logx=log_x,
        logy=log_y,
        xlim=_limits(limits["x"], log_x),
        ylim=_limits(limits["y"], log_y),
        title="",
        show_legend=True,
        legend_position="top",
        legend_cols=2 if all(len(element.label) <= LONG for element in overlay) else 1,
        fig_inches=INCHES,
        aspect="auto",
        fontsize={"labels": 9, "ticks": 9, "legend": 8},
        hooks=[style.framed(0.8)],
    )


def _limits(parts: list[np.ndarray], log: bool) -> tuple[float, float]:
    """Return limits around all values, with a margin."""
    values = np.concatenate(parts) if parts else np.empty(0)
    if not values.size:
        return (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if log:
        factor = max((high / low) ** 0.06, 1.1)
        return (low / factor, high * factor)
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return (low - margin, high + margin)


def _wrapped(text: str, width: int = 60) -> str:
    """Break a long label into two lines."""
    if len(text) <= width:
        return text
    middle = text.rfind(" ", 0, len(text) // 2 + 10)
    return f"{text[:middle]}\n{text[middle + 1 :]}"
