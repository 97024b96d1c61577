"""The explorer's widgets: each shows one value of the state and writes it."""

from __future__ import annotations

from typing import Any, TypeVar

import panel as pn
import xarray as xr

from lazyrich.analysis.quantiles import QUANTILES
from lazyrich.draw.style import axis_label
from lazyrich.explore.dimensionless import NUMBERS
from lazyrich.explore.markup import html, plain
from lazyrich.explore.session import Session
from lazyrich.explore.state import OWN
from lazyrich.system.errors import LazyrichError

KINDS = ("svg", "png", "nc", "csv")  # of pictures and of numbers
W = TypeVar("W", bound=pn.widgets.base.Widget)
SIDE = 240  # width of what stands beside the map, in pixels


class Controls:
    """Widgets of one page; `show` brings them in line with its state."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.sweep = self._select("sweep", "Sweep")
        self.x, self.y = self._select("x", "Horizontal axis"), self._select("y", "Vertical axis")
        self.coordinates = self._select("coordinates", "Coordinates")
        self.diagram = self._select("show", "Show")
        self.lines = self._watched(pn.widgets.Checkbox(label="Boundaries", width=SIDE), "lines")
        self.quantile = self._select("quantile", "Quantile over replicates")
        self.moment = self._watched(pn.widgets.DiscreteSlider(label="Time τ", width=SIDE, options=[0]), "moment")
        self.sliders = pn.Column()
        self.along: list[pn.widgets.DiscreteSlider] = []  # in it
        self.slider_parts: list[tuple[str, str, dict[str, int]]] = []  # (dimension, label, options) of each
        self.keep = pn.widgets.Button(label="Compare this cell with the next", width=SIDE)
        self.keep.on_click(session.keep)
        download = pn.widgets.FileDownload
        self.finer = download(
            callback=session.finer,
            filename="finer.yaml",
            label="Sweep file of the selected part",
            disabled=True,
            width=SIDE,
        )
        self.run = pn.widgets.Button(label="Run it here", disabled=True, width=SIDE)
        self.run.on_click(self._run)
        self.progress = pn.indicators.Progress(value=0, max=100, width=SIDE)
        self.message = pn.pane.HTML("", width=SIDE)
        self.downloads = {
            kind: download(
                callback=lambda kind=kind, make=make: make(kind),
                filename=f"map.{kind}",
                label=kind.upper(),
                width=90,
            )
            for kind, make in zip(KINDS, (session.picture, session.picture, session.data, session.data), strict=True)
        }
        self.exports = pn.Row(*self.downloads.values())
        self.all = [
            *(self.sweep, self.diagram, self.moment, self.sliders, self.quantile, self.x, self.y, self.coordinates),
            *(self.lines, self.keep, self.finer),
            *((self.run, self.progress, self.message) if session.launcher is not None else ()),
        ]

    def say(self, words: str) -> None:
        """Show words below the button that runs a part."""
        self.message.object = html("<p>{}</p>", words)

    def show_progress(self) -> None:
        """Show how far the launcher's run is."""
        launcher = self.session.launcher
        if launcher is not None and launcher.name is not None:
            self.progress.value, words = launcher.progress()
            self.say(words)

    def _run(self, *_: object) -> None:
        try:
            self.session.run()
        except LazyrichError as error:
            self.say(str(error))
        else:
            self.show_progress()

    def _select(self, name: str, label: str) -> pn.widgets.Select:
        return self._watched(pn.widgets.Select(label=label, width=SIDE), name)

    def _watched(self, widget: W, name: str) -> W:
        widget.param.watch(lambda event: self._choose(name, event.new), "value")
        return widget

    def _choose(self, name: str, value: Any) -> None:
        if not self.session.settling and value is not None:
            self.session.state.choose(name, value)

    def show(self) -> None:
        """Show options and values as the state and the source have them."""
        session, state, source = self.session, self.session.state, self.session.source
        axes = source.axes
        for widget, options, value in (
            (self.sweep, list(session.sources.files), state.sweep),
            (self.x, _labelled(source.summary, axes), state.x),
            (self.y, _labelled(source.summary, [name for name in axes if name != state.x]), state.y),
            (self.coordinates, {"as in the sweep file": OWN, **_pairs(session.pairs)}, state.coordinates),
            (self.diagram, {diagram.heading: diagram.name for diagram in source.diagrams}, state.show),
            (self.quantile, {f"{q:.0%}": q for q in QUANTILES}, state.quantile),
        ):
            if widget.options != options:
                widget.options = options
            widget.value = value
        self.lines.param.update(value=state.lines, disabled=not session.diagram.lines)
        self.moment.visible = session.time is not None
        if self.moment.visible:
            times = {f"{time:.3g}": place for place, time in enumerate(source.times)}
            if self.moment.options != times:
                self.moment.options = times
            self.moment.value = state.moment
        self.finer.disabled = self.run.disabled = not session.region
        self.finer.filename = f"{state.sweep}_finer.yaml"
        for kind, button in self.downloads.items():
            button.filename = f"{session.file_name()}.{kind}"
        parts = [(dim, *_along(source.summary, dim)) for dim in session.others]
        if parts != self.slider_parts:
            self.slider_parts, self.along = parts, [self._slider(*part) for part in parts]
            self.sliders.objects = self.along
        for slider, place in zip(self.along, session.place.values(), strict=True):
            slider.value = place

    def _slider(self, dim: str, label: str, options: dict[str, int]) -> pn.widgets.DiscreteSlider:
        slider = pn.widgets.DiscreteSlider(label=label, width=SIDE, options=options)

        def moved(event: Any) -> None:
            if not self.session.settling:
                self.session.state.slices = {**self.session.state.slices, dim: event.new}

        slider.param.watch(moved, "value")
        return slider


def _along(summary: xr.Dataset, dim: str) -> tuple[str, dict[str, int]]:
    """Return (label, value -> place) of a dimension, as the HTML that sliders read.

    A dimension has several coordinates where axes advance together.
    """
    names = [str(name) for name, value in summary.coords.items() if value.dims == (dim,)]
    words = [
        ", ".join(str(value) if isinstance(value, str) else f"{value:.4g}" for value in values)
        for values in zip(*(summary[name].values.tolist() for name in names), strict=True)
    ]
    label = "; ".join(axis_label(summary, name) for name in names)
    return plain(label), {plain(word): place for place, word in enumerate(words)}


def _labelled(summary: xr.Dataset, names: list[str]) -> dict[str, str]:
    return {axis_label(summary, name): name for name in names}


def _pairs(pairs: list[tuple[str, str]]) -> dict[str, str]:
    return {" and ".join(NUMBERS[name].symbol for name in pair): " ".join(pair) for pair in pairs}
