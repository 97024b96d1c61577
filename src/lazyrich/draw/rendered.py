"""HoloViews objects as Bokeh models."""

from __future__ import annotations

import holoviews as hv
from bokeh.document import Document
from bokeh.io.doc import patch_curdoc
from bokeh.model import Model
from bokeh.plotting import figure


def rendered(element: hv.core.Dimensioned) -> Model:
    """Return a Bokeh model of an element; its figures take their size from their frames."""
    # Not `set_current_backend`, which makes the completion of `hv.opts` anew each time, in 50 ms.
    hv.Store.current_backend = "bokeh"
    # A document keeps what HoloViews draws in it until its session ends, shown or not; this one ends with the call.
    document = Document()
    with patch_curdoc(document):
        model = hv.render(element, backend="bokeh")
    for each in model.select({"type": figure}):
        # HoloViews calls a figure of fixed frame "fixed", for which Bokeh wants the outer size; left open, Bokeh finds it.
        # On a machine without a GPU its WebGL takes a quarter of a second to paint what the canvas paints in 20 ms.
        each.update(sizing_mode=None, output_backend="canvas")
    return model
