"""Models of Bokeh figures with their types, which Bokeh's own queries do not tell."""

from __future__ import annotations

from typing import TypeVar

import holoviews as hv
from bokeh.model import Model
from bokeh.models.renderers import GlyphRenderer
from bokeh.models.sources import ColumnDataSource
from bokeh.plotting import figure

from lazyrich.draw.rendered import rendered

M = TypeVar("M", bound=Model)


def figure_of(overlay: hv.Overlay) -> figure:
    """Return a new Bokeh figure of an overlay."""
    model = rendered(overlay)
    assert isinstance(model, figure)  # only layouts are rendered as other models
    return model


def models_of(model: Model, kind: type[M]) -> list[M]:
    """Return all parts of a model that are of one kind."""
    return [each for each in model.select({"type": kind}) if isinstance(each, kind)]


def source_of(renderer: GlyphRenderer) -> ColumnDataSource:
    """Return the numbers that a renderer draws."""
    source = renderer.data_source
    assert isinstance(source, ColumnDataSource)  # HoloViews makes no other
    return source
