"""Read for a page in threads, since it may take seconds: no page waits for the reads of another one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial

import panel as pn
from bokeh.document import without_document_lock

from lazyrich.draw.diagrams import Diagram
from lazyrich.explore.moments import DURING
from lazyrich.explore.session import Session
from lazyrich.explore.source import Source

LOOK = 2000  # milliseconds between two looks at sweeps that run


class Reader:
    """Reads for one page: the data of its state, and from time to time new shards; does nothing without a browser.

    `loading` is called when reading of data that the page cannot do without begins and ends, `done` after it with the reason
    why they could not be read (or an empty text), and `look` after each look for new shards.

    Attributes
    ----------
    busy
        whether it is reading data that the page cannot do without.
    """

    def __init__(
        self,
        session: Session,
        *,
        loading: Callable[[bool], None],
        done: Callable[[str], None],
        look: Callable[[], None],
    ) -> None:
        self.session = session
        self._loading, self._done, self._news = loading, done, look
        self.busy = False
        self.document = pn.state.curdoc
        if self.document:
            self.document.add_periodic_callback(_unlocked(self._look), LOOK)

    @property
    def wanting(self) -> bool:
        """Whether something has to be read before the state can be shown."""
        source = self.session.sources.cached(self.session.state.sweep)
        unread = source is None or any(not self._has(source, each) for each in self._moments(source))
        return bool(self.document) and unread

    @property
    def news(self) -> bool:
        """Whether shards of the sweep have come since the page was drawn."""
        source = self.session.source
        return self.session.sources.cached(source.name) is not source

    def start(self) -> None:
        """Read the data of the state, then show them."""
        self.busy = True
        self._loading(True)
        self._next(_unlocked(self._read))

    def _next(self, call: Callable[[], None]) -> None:
        """Make a call as soon as the page may be changed."""
        assert self.document is not None  # without a browser nothing is read: see `wanting`
        self.document.add_next_tick_callback(call)

    def _moments(self, source: Source) -> list[Diagram]:
        """Return the chosen diagram of a source if it is one of moments, else none."""
        show = self.session.state.show
        return [each for each in source.diagrams if each.name == show and show.startswith(DURING)]

    def _has(self, source: Source, diagram: Diagram) -> bool:
        """Return whether the page or the source has a diagram of moments."""
        moments = self.session.moments
        return (moments is not None and moments.is_of(source, diagram)) or source.cached_moments(diagram) is not None

    def _fetch(self, get: Callable[[str], Source]) -> str:
        """Read the data of the state; return the reason why they cannot be read, or an empty text."""
        try:
            source = get(self.session.state.sweep)
            for diagram in self._moments(source):
                if not self._has(source, diagram):
                    source.moments(diagram)
        except Exception as error:  # of any kind: a page that waits without end says less
            logging.getLogger("lazyrich").warning("%s", error)
            return str(error) or type(error).__name__
        return ""

    async def _read(self) -> None:
        why = await asyncio.to_thread(self._fetch, self.session.sources.get)
        self._next(partial(self._have_read, why))

    def _have_read(self, why: str) -> None:
        self.busy = False
        self._loading(False)
        self._done(why)

    async def _look(self) -> None:
        if not self.busy:
            await asyncio.to_thread(self._fetch, self.session.sources.refresh)
            self._next(self._news)


def _unlocked(call: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    """Return a callback of a document that leaves the page to others while it waits."""
    return without_document_lock(call)  # type: ignore[arg-type]  # Bokeh takes coroutines too, which its types leave out
