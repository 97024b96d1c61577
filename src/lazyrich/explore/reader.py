"""What a page needs of the disk, read by threads, for it may take seconds: no page waits for what another one asks for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import panel as pn
from bokeh.document import without_document_lock

from lazyrich.draw.diagrams import Diagram
from lazyrich.explore.moments import DURING
from lazyrich.explore.source import Source

if TYPE_CHECKING:
    from lazyrich.explore.explorer import Explorer

LOOK = 2000  # milliseconds between two looks at sweeps that run


class Reader:
    """Reads for one page: what its state asks for, and from time to time what has come; does nothing without a browser.

    Attributes
    ----------
    busy
        whether it is reading what the page cannot be shown without.
    """

    def __init__(self, page: Explorer) -> None:
        self.page = page
        self.busy = False
        self.document = pn.state.curdoc
        if self.document:
            self.document.add_periodic_callback(without_document_lock(self._look), LOOK)

    @property
    def wanting(self) -> bool:
        """Whether something has to be read before the state can be shown."""
        source = self.page.sources.known(self.page.state.sweep)
        unread = source is None or any(not self._has(source, each) for each in self._moments(source))
        return bool(self.document) and unread

    @property
    def news(self) -> bool:
        """Whether sweeps or their shards have come since the page was drawn."""
        sources, shown = self.page.sources, self.page.source
        return list(sources.files) != self.page.controls.sweep.options or sources.known(shown.name) is not shown

    def start(self) -> None:
        """Read what the state asks for, and show it then."""
        self.busy = self.page.drawing.loading = True
        self.document.add_next_tick_callback(without_document_lock(self._read))

    def _moments(self, source: Source) -> list[Diagram]:
        """The diagram of a source that the state asks for, where it is one of moments."""
        show = self.page.state.show
        return [each for each in source.diagrams if each.name == show and show.startswith(DURING)]

    def _has(self, source: Source, diagram: Diagram) -> bool:
        """Whether the page or the source has a diagram of moments."""
        shown = self.page.moments
        return (shown is not None and shown.is_of(source, diagram)) or source.known_moments(diagram) is not None

    def _fetch(self, get: Callable[[str], Source]) -> str:
        """Read what the state asks for; why that cannot be, or nothing."""
        try:
            source = get(self.page.state.sweep)
            for diagram in self._moments(source):
                if not self._has(source, diagram):
                    source.moments(diagram)
        except Exception as error:  # whatever it is: a page that waits for ever says less
            logging.getLogger("lazyrich").warning("%s", error)
            return str(error) or type(error).__name__
        return ""

    async def _read(self) -> None:
        why = await asyncio.to_thread(self._fetch, self.page.sources.get)
        self.document.add_next_tick_callback(partial(self._have_read, why))

    def _have_read(self, why: str) -> None:
        self.busy = self.page.drawing.loading = False
        if why:
            self.page.go_back(why)
        else:
            self.page.show()

    async def _look(self) -> None:
        if not self.busy:
            await asyncio.to_thread(self._fetch, self.page.sources.refresh)
            self.document.add_next_tick_callback(self.page.news)
