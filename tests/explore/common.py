"""What tests do with an explorer's page, and see of it."""

import numpy as np
from bokeh.events import SelectionGeometry, Tap

from lazyrich.explore.source import Source
from lazyrich.planning.folder import shard_file
from lazyrich.shards import archive, integrity
from lazyrich.shards.simulate import simulate


def colours(page):
    """The numbers of the map's cells as they are drawn, (vertical, horizontal)."""
    return np.asarray(page.map.cells.data_source.data["image"][0])


def tap(page, x, y):
    """A click at a point of the map."""
    page.map.figure._trigger_event(Tap(page.map.figure, x=x, y=y))


def select(page, x, y):
    """A box that is drawn over the map, from one end to the other along both axes."""
    ends = {"type": "rect", "x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1]}
    page.map.figure._trigger_event(SelectionGeometry(page.map.figure, geometry=ends, final=True))


def source(folder, name):
    return Source(name, folder / f"config/sweeps/{name}.yaml", folder / "results")


def land(begun, choose=lambda cell: None):
    """Train the next shard of a sweep that has begun; `choose` is told one of its cells before. Its cells."""
    name = next(name for name in begun.shards if name not in begun.there)
    cells = np.unique(begun.places(name)[0])
    choose(int(cells[-1]))
    recipe = begun.shards[name]
    integrity.write(archive.described(simulate(recipe), recipe), shard_file(begun.home, name))
    return cells
