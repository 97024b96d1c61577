"""HoloViews objects as Bokeh models."""

import gc
import weakref

import holoviews as hv

from lazyrich.draw.rendered import rendered


def test_a_figure_that_nobody_shows_any_more_is_gone():
    """A page draws one after the other for as long as somebody looks at it."""
    figure = weakref.ref(rendered(hv.Curve([1, 2, 3])))
    gc.collect()
    assert figure() is None
