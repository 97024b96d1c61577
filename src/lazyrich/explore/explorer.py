"""The explorer's page: a map of one sweep, and the trajectories of the cell that is clicked."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import holoviews as hv
import matplotlib.pyplot as plt
import numpy as np
import panel as pn
import xarray as xr
from bokeh.events import SelectionGeometry, Tap
from bokeh.models import BoxAnnotation, BoxSelectTool, CustomJS, Div, PanTool
from bokeh.plotting import figure

from lazyrich import archive
from lazyrich.draw import style
from lazyrich.draw.diagrams import Diagram, diagrams, point
from lazyrich.explore.controls import SIDE, Controls
from lazyrich.explore.panels import Panels
from lazyrich.explore.region import finer
from lazyrich.explore.source import Source, sweeps
from lazyrich.explore.state import LINKED, State
from lazyrich.setting import setting
from lazyrich.table import RENAMED

KEYS = {variable: key for key, variable in RENAMED.items()}  # a dataset's names back to those of sweep files
LOOK = 5000  # milliseconds between two looks at a sweep that runs
# The cell under the pointer, in the browser: its own values, not the pointer's.
READOUT = """
  const at = (edges, v) => edges.findIndex((low, i) => v >= low && v < edges[i + 1]);
  const i = at(x_edges, cb_obj.x), j = at(y_edges, cb_obj.y);
  const data = cells.data_source.data, image = data.image;
  if (i < 0 || j < 0) { readout.text = '&nbsp;'; return; }
  const value = image ? image[0][j * (x_edges.length - 1) + i] : data[field][i * (y_edges.length - 1) + j];
  const say = v => Number.isNaN(v) ? 'no value' : String(Number(v.toPrecision(4)));
  const place = `${x_symbol} = ${say(x_values[i])}, ${y_symbol} = ${say(y_values[j])}`;
  readout.text = `${place}: ${words.length ? words[value] : say(value)}`;
"""


class Explorer(pn.viewable.Viewer):
    """One visitor's page over a results folder.

    What is chosen lives in `state` only; widgets and the address write there, and everything drawn follows from it.
    """

    def __init__(self, config: Path, results: Path) -> None:
        super().__init__()
        self.config, self.results = config, results
        self.files = sweeps(config, results)
        if not self.files:
            raise ValueError(f"{results}: holds no sweep yet; run snakemake --cores all, then look again")
        self.state = State(sweep=next(iter(self.files)))
        self.sources: dict[str, Source] = {}
        self.region: dict[str, tuple[float, float]] = {}
        self.panels, self.others = Panels(), Panels()
        self.readout = Div(text="&nbsp;", height=24)
        self.drawn: dict[str, Any] | None = None
        self.map = pn.Column()
        self.note = pn.pane.Markdown("")
        self.cell_words, self.other_words = pn.pane.Markdown(""), pn.pane.Markdown("")
        self.settling = False
        self.controls = Controls(self)
        if pn.state.location:
            pn.state.location.sync(self.state, list(LINKED))
        self.state.param.watch(self._changed, list(LINKED))
        self._changed()
        if pn.state.curdoc:
            pn.state.add_periodic_callback(self._refresh, LOOK)

    # ---- what there is ----

    @property
    def source(self) -> Source:
        """The chosen sweep; any name that is no sweep's stands for the first."""
        name = self.state.sweep if self.state.sweep in self.files else next(iter(self.files))
        if name not in self.sources:
            self.sources[name] = Source(name, self.files[name], self.results)
        return self.sources[name]

    @property
    def plane(self) -> xr.Dataset:
        """The summary at the chosen slices, values at the chosen quantile where a median is drawn."""
        return self._at_quantile(self.source.summary.isel(self._place()))

    def _place(self) -> dict[str, int]:
        return dict(zip(self.others_of(), self.state.slices, strict=True))

    def others_of(self) -> list[str]:
        """Dimensions that are no axis of the map."""
        return [str(dim) for dim in self.source.summary["phase"].dims if dim not in (self.state.x, self.state.y)]

    def _at_quantile(self, data: xr.Dataset) -> xr.Dataset:
        """Every number at the chosen quantile, in place of the median that diagrams draw."""
        if self.state.quantile == 0.5:
            return data
        wide = [name for name, values in data.data_vars.items() if "quantile" in values.dims]
        chosen = data[wide].sel(quantile=[self.state.quantile]).assign_coords(quantile=[0.5])
        return data.drop_dims("quantile").merge(chosen)

    def diagram(self) -> Diagram:
        """The chosen diagram."""
        found = {each.name: each for each in diagrams(self.source.sweep, self.source.summary)}
        return found[self.state.show]

    # ---- what follows from the state ----

    def _changed(self, *_: object) -> None:
        if self.settling:
            return
        self.settling = True  # what is set below follows from the state, and is no choice of anybody's
        try:
            self.state.param.update(**self.state.allowed(self.source), sweep=self.source.name)
            self.controls.show()
            self._draw()
        finally:
            self.settling = False

    def _draw(self) -> None:
        kind = (self.source, self.state.x, self.state.y, self.state.show, self.state.quantile, tuple(self.state.slices))
        if self.drawn is None or self.drawn["kind"] != kind:
            self.drawn = {"kind": kind, "figure": self._draw_map()}
            self.map.objects = [pn.pane.Bokeh(self.drawn["figure"]), pn.pane.Bokeh(self.readout)]
        running = (
            "" if self.source.complete else f" {len(self.source.there)} of {len(self.source.shards)} shards are there."
        )
        self.note.object = f"### {self.source.sweep.title or self.source.name}\n{setting(self.source.sweep)}{running}"
        self._mark()
        self._show_cell(self.state.cell, self.panels, self.cell_words)
        self._show_cell(self.state.other, self.others, self.other_words)

    def _draw_map(self) -> figure:
        diagram, x, y = self.diagram(), self.state.x, self.state.y
        hv.Store.set_current_backend("bokeh")
        whole = self._at_quantile(self.source.summary)
        overlay = diagram.draw(self.plane, x, y, "bokeh", diagram.heading, whole=whole, hover=False)
        drawn = hv.render(overlay, backend="bokeh")
        drawn.sizing_mode = None
        select = BoxSelectTool()
        drawn.add_tools(select)
        drawn.toolbar.update(active_drag=drawn.select_one(PanTool), active_scroll=None, logo=None)
        for name in ("cell", "other"):
            look = {"line_color": "black" if name == "cell" else "white", "line_alpha": 1, "line_width": 2.5}
            drawn.add_layout(
                BoxAnnotation(name=name, left=0, right=0, bottom=0, top=0, fill_alpha=0, visible=False, **look)
            )
        drawn.on_event(Tap, lambda event: self.choose(event.x, event.y))
        drawn.on_event(SelectionGeometry, self._selected)
        drawn.js_on_event("mousemove", self._readout(drawn, diagram))
        return drawn

    def _readout(self, drawn: figure, diagram: Diagram) -> CustomJS:
        summary = self.source.summary
        cells = next(each for each in drawn.renderers if each.name == "cells")
        axes = {}
        for axis, name in (("x", self.state.x), ("y", self.state.y)):
            values = summary[name].values.astype(float)
            axes |= {f"{axis}_edges": style.edges(values)[0].tolist(), f"{axis}_values": values.tolist()}
            axes[f"{axis}_symbol"] = summary[name].attrs.get("symbol") or name
        codes = diagram.codes
        words = [codes.words[code] for code in codes.present(summary)] if codes else []
        return CustomJS(
            args={"cells": cells, "readout": self.readout, "words": words, "field": diagram.variable, **axes},
            code=READOUT,
        )

    def _mark(self) -> None:
        for box in self.drawn["figure"].center:
            cell = {"cell": self.state.cell, "other": self.state.other}.get(box.name)
            if cell is None:
                continue
            place = self._unravelled(cell)
            box.visible = cell >= 0 and all(place[dim] == i for dim, i in self._place().items())
            if box.visible:
                for name, low, high in ((self.state.x, "left", "right"), (self.state.y, "bottom", "top")):
                    edges, _ = style.edges(self.source.summary[name].values.astype(float))
                    setattr(box, low, float(edges[place[name]]))
                    setattr(box, high, float(edges[place[name] + 1]))

    def _unravelled(self, cell: int) -> dict[str, int]:
        grid = self.source.summary["phase"]
        return dict(zip(map(str, grid.dims), map(int, np.unravel_index(max(cell, 0), grid.shape)), strict=True))

    def _show_cell(self, cell: int, panels: Panels, words: pn.pane.Markdown) -> None:
        if cell < 0:
            panels.show(None)
            words.object = ""
            return
        networks = None if self.source.sweep.record.summary else self.source.networks(cell)
        panels.show(networks)
        place = self._unravelled(cell)
        here = self.source.summary.isel(place)
        grid = [name for name, value in self.source.summary.coords.items() if value.dims and value.dims[0] in place]
        named = " ".join(f"{KEYS.get(name, name)}={here[name].item()}" for name in map(str, grid))
        said = point(here, list(place))
        if networks is None:
            words.object = f"**{said}**: nothing is kept of this cell's trajectories."
        else:
            command = f"lazyrich replay {self.source.name} --cell {named} --replicate 0"
            words.object = f"**{said}** ({networks.sizes['network']} replicates)\n\n`{command}`"

    # ---- what people do ----

    def choose(self, x: float, y: float) -> None:
        """The cell at a point of the map."""
        place = dict(self._place())
        for name, value in ((self.state.x, x), (self.state.y, y)):
            edges, _ = style.edges(self.source.summary[name].values.astype(float))
            i = int(np.searchsorted(edges, value, side="right")) - 1
            if not 0 <= i < self.source.summary.sizes[name]:
                return
            place[name] = i
        grid = self.source.summary["phase"]
        self.state.cell = int(np.ravel_multi_index([place[str(dim)] for dim in grid.dims], grid.shape))

    def keep(self, *_: object) -> None:
        """Keep the cell for comparison with the next one."""
        self.state.other = self.state.cell

    def _selected(self, event: SelectionGeometry) -> None:
        if event.final and event.geometry["type"] == "rect":
            g = event.geometry
            self.select({self.state.x: (g["x0"], g["x1"]), self.state.y: (g["y0"], g["y1"])})

    def select(self, region: dict[str, tuple[float, float]]) -> None:
        """A part of the map: it is shown alone, and a sweep file of it can be had."""
        self.region = {}
        for name, ends in region.items():
            edges, _ = style.edges(self.source.summary[name].values.astype(float))
            low, high = np.clip(sorted(ends), edges[0], edges[-1])
            self.region[name] = float(low), float(high)
        drawn = self.drawn["figure"]
        drawn.x_range.update(start=self.region[self.state.x][0], end=self.region[self.state.x][1])
        drawn.y_range.update(start=self.region[self.state.y][0], end=self.region[self.state.y][1])
        self.controls.finer.disabled = False

    def finer(self) -> io.StringIO:
        """The sweep file of the selected part."""
        names = {name: KEYS.get(name, name) for name in self.region}
        sizes = {names[name]: int(self.source.summary.sizes[name]) for name in self.region}
        log = {names[name]: style.edges(self.source.summary[name].values.astype(float))[1] for name in self.region}
        return io.StringIO(finer(self.source.file, {names[k]: v for k, v in self.region.items()}, sizes, log))

    def picture(self, kind: str) -> io.BytesIO:
        """The map as `svg` or `png`, by matplotlib."""
        diagram, file = self.diagram(), io.BytesIO()
        hv.Store.set_current_backend("matplotlib")
        title = ", ".join(filter(None, [diagram.heading, point(self.plane, self.others_of())]))
        overlay = diagram.draw(
            self.plane, self.state.x, self.state.y, "matplotlib", title, whole=self._at_quantile(self.source.summary)
        )
        drawn = hv.render(overlay, backend="matplotlib")
        drawn.savefig(file, format=kind, dpi=150, bbox_inches="tight")
        plt.close(drawn)
        hv.Store.set_current_backend("bokeh")
        file.seek(0)
        return file

    def data(self, kind: str) -> io.BytesIO:
        """The plane as netCDF (`nc`), or its cells as `csv`."""
        plane = self.source.summary.isel(self._place())
        if kind == "nc":
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "plane.nc"
                archive.write(plane, path)
                return io.BytesIO(path.read_bytes())
        cells = plane.drop_dims("vertex", errors="ignore").sel(quantile=self.state.quantile)
        return io.BytesIO(cells.to_dataframe().reset_index().to_csv(index=False).encode())

    def _refresh(self) -> None:
        source = self.source
        if not source.complete and (newer := source.refreshed()) is not source:
            self.sources[source.name] = newer
            self._changed()

    def __panel__(self) -> pn.viewable.Viewable:
        """The page."""
        return pn.Column(
            self.note,
            pn.FlexBox(pn.Column(*self.controls.all, width=SIDE + 20), pn.Column(self.map, self.controls.exports)),
            self.cell_words,
            _side_by_side(self.panels),
            self.other_words,
            _side_by_side(self.others),
        )


def _side_by_side(panels: Panels) -> pn.viewable.Viewable:
    return pn.FlexBox(*(pn.pane.Bokeh(each) for each in panels.figures.values()))
