"""The explorer's page: a map of one sweep, and the trajectories of the cell that is clicked."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
import param

from lazyrich.analysis import scope
from lazyrich.draw.diagrams import point
from lazyrich.draw.trajectories import RECORDED
from lazyrich.explore.controls import SIDE, Controls
from lazyrich.explore.launch import Launcher
from lazyrich.explore.map import FRAMES, Map
from lazyrich.explore.markup import html
from lazyrich.explore.panels import Panels
from lazyrich.explore.reader import Reader
from lazyrich.explore.session import Session
from lazyrich.explore.source import Sources
from lazyrich.explore.state import LINKED, Address
from lazyrich.planning.command import named, replay_command
from lazyrich.sweep.words import counted, setting


class Explorer(pn.viewable.Viewer):
    """One visitor's page over a results folder: it draws the state of a `Session`."""

    def __init__(self, sources: Sources, launcher: Launcher | None = None, address: Address | None = None) -> None:
        super().__init__()
        self.session = Session(sources, launcher)
        self.panels: dict[str, Panels] = {}  # made when they are first needed, for they take as long as the map
        self.panels_at = {name: pn.FlexBox() for name in FRAMES}
        self.words = {name: pn.pane.HTML("") for name in FRAMES}
        self.map: Map | None = None
        self.drawing, self.note = pn.Column(), pn.pane.HTML("")
        self.settled: dict[str, Any] = {}  # the state that was shown last
        self.reader = Reader(self.session, loading=self._mark_loading, done=self._have_read, look=self.news)
        self.controls = Controls(self.session)
        if address is not None:
            address.sync(self.session.state, list(LINKED), on_error=self.session.take)
        self.session.state.param.watch(self.show_state, list(LINKED))
        self.show_state()
        if pn.state.curdoc:
            pn.state.onload(self.example)

    # ---- what follows from the state ----

    def show_state(self, *_: object) -> None:
        """Show the state, once its data have been read."""
        if self.session.settling or self.reader.busy:
            return
        if self.map is not None and self.reader.wanting:
            self.reader.start()
            return
        self.session.settling = True  # what is set below follows from the state, and is no choice of anybody's
        try:
            with pn.io.unlocked():  # all of it as one message, after which the browser paints once
                self._settle()
            self.settled = {name: getattr(self.session.state, name) for name in LINKED}
        finally:
            self.session.settling = False

    def go_back(self, why: str) -> None:
        """Show the former state again, since the data of the new one cannot be read, and say why."""
        with param.parameterized.discard_events(self.session.state):
            self.session.state.param.update(**self.settled)
            if self.reader.wanting:  # the same at another time of training, whose shards have changed
                self.session.state.show = ""
        self.session.state.param.trigger(*LINKED)
        self.note.object += html("<p><b>Cannot be read: {}</b></p>", why)

    def _mark_loading(self, busy: bool) -> None:
        self.drawing.loading = busy

    def _have_read(self, why: str) -> None:
        """Show what was read, or say why it could not be."""
        if why:
            self.go_back(why)
        else:
            self.show_state()

    def _settle(self) -> None:
        self.session.settle()
        self.controls.show()
        chart = self._show_map()
        for name in FRAMES:
            self._show_cell(chart, name, getattr(self.session.state, name))
            if name in self.panels:
                self.panels[name].mark(self.session.time)

    def _show_map(self) -> Map:
        """Adapt the map to the state, draw it anew if necessary, and return it."""
        session, state, source = self.session, self.session.state, self.session.source
        place = tuple(session.place.items())
        session.find_moments()
        figure = source, session.where, state.show
        if session.changed("figure", *figure):
            drawn = session.diagram, session.where, session.plane(), session.whole()
            self.map = Map(*drawn, session.choose, session.see)
            self.drawing.objects = [pn.pane.Bokeh(self.map.figure), pn.pane.Bokeh(self.map.readout)]
        assert self.map is not None  # the first time all has changed
        moment = state.moment if session.time is not None else 0
        if session.changed("cells", *figure, place, state.quantile, moment):
            self.map.fill(session.plane())
        if session.changed("part", self.map, tuple(state.part)):
            self.map.see(state.part)
        if session.changed("lines", *figure, place, state.lines):
            self.map.draw_lines(session.lines())
        self.map.head(session.title())
        heading, text = source.sweep.title or source.name, setting(source.sweep) + session.running()
        self.note.object = html("<h3>{}</h3><p>{}</p>", heading, text)
        return self.map

    def _show_cell(self, chart: Map, name: str, cell: int) -> None:
        session = self.session
        place = session.source.place(max(cell, 0))
        here = cell >= 0 and all(place[dim] == i for dim, i in session.place.items())
        chart.frame(name, (place[session.state.x], place[session.state.y]) if here else None)
        if not session.changed(name, session.source, cell):
            return
        if cell < 0:
            self.panels_at[name].visible = False
            self.words[name].object = ""
            return
        self._make_panels(name)
        self.panels_at[name].visible = True
        why = "the sweep keeps end values only" if session.source.sweep.record.summary else "the cell was not run"
        networks = None
        if not session.source.sweep.record.summary:
            try:
                networks = session.source.networks(cell, RECORDED)
            except OSError as error:  # taken away
                why = f"{error.filename} cannot be read ({error.strerror})"
            except ValueError as error:  # damaged
                why = str(error)
        self.panels[name].show(networks)
        heading = f"{name.capitalize()} ({FRAMES[name]} frame): {point(session.source.grid.isel(place), list(place))}"
        if networks is None:
            self.words[name].object = html("<p><b>{}</b>: there are no trajectories, for {}.</p>", heading, why)
        else:
            cell_words = " ".join(
                points[i] for points, i in zip(named(session.source.sweep), place.values(), strict=True)
            )
            command = replay_command(session.source.name, cell_words, session.source.home.parent, 0)
            many, theory = counted(networks.sizes["network"], "replicate"), scope.sentence(networks)
            self.words[name].object = html(
                "<p><b>{}</b> ({}).{}</p><p><code>{}</code></p>", heading, many, theory, command
            )

    def example(self) -> None:
        """Choose a first cell, in the middle of what was trained, so that the first click need not wait for panels."""
        trained = np.flatnonzero(self.session.source.fields(["networks"])["networks"].values > 0)
        if self.session.state.cell < 0 and not self.session.source.sweep.record.summary and len(trained):
            self.session.state.cell = int(trained[len(trained) // 2])

    def _make_panels(self, name: str) -> None:
        if name not in self.panels:
            self.panels[name] = Panels()
            self.panels_at[name].objects = [pn.pane.Bokeh(each) for each in self.panels[name].figures.values()]

    def news(self) -> None:
        """Show new shards and sweeps, and the progress of the launcher's run."""
        self.controls.show_progress()
        if self.reader.news or list(self.session.sources.files) != self.controls.sweep.options:
            self.show_state()

    def __panel__(self) -> pn.viewable.Viewable:
        """Return the page."""
        return pn.Column(
            self.note,
            pn.FlexBox(pn.Column(*self.controls.all, width=SIDE + 20), pn.Column(self.drawing, self.controls.exports)),
            *(each for name in FRAMES for each in (self.words[name], self.panels_at[name])),
        )
