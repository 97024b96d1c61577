"""HoloViews objects as Bokeh items whose numbers a page's script fills in."""

from __future__ import annotations

from collections.abc import Sequence

import holoviews as hv
import numpy as np
from bokeh.core.types import ID
from bokeh.embed import json_item
from bokeh.embed.standalone import StandaloneEmbedJson
from bokeh.models import ColumnDataSource, CustomJS, PanTool, Plot
from bokeh.models.annotations import BoxAnnotation
from bokeh.models.renderers import GlyphRenderer

from lazyrich.draw.rendered import rendered

ATTACHED = "window.lazyrich.{event}(cb_obj.origin, cb_obj.x, cb_obj.y)"


def item(
    overlay: hv.Overlay, name: str, *, size: int | None = None, events: Sequence[str] = (), empty: Sequence[str] = ()
) -> StandaloneEmbedJson:
    """Return a HoloViews object as a Bokeh item.

    `size` is the side of its square frame in pixels. Each of `events` calls the function of that name in the page's script.
    Renderers named in `empty` come without their numbers.
    """
    figure = rendered(overlay)
    assert isinstance(figure, Plot), "HoloViews draws an overlay as one figure"
    figure.name = name
    if size is not None:
        figure.update(frame_width=size, frame_height=size)
    if events:  # a frame around the clicked cell
        figure.add_layout(
            BoxAnnotation(
                name="chosen",
                left=0,
                right=0,
                bottom=0,
                top=0,
                fill_alpha=0,
                line_color="black",
                line_alpha=1,
                line_width=2.5,
                visible=False,
            )
        )
    for event in events:
        figure.js_on_event(event, CustomJS(code=ATTACHED.format(event=event)))
    for renderer in figure.select({"type": GlyphRenderer}):
        if isinstance(renderer, GlyphRenderer) and renderer.name in empty:
            source = renderer.data_source
            if isinstance(source, ColumnDataSource) and "image" in source.data:
                source.data["image"] = [np.zeros((1, 1))]
    # Dragging pans; the wheel scrolls the page until its tool is chosen.
    figure.toolbar.update(logo=None, active_drag=figure.select_one({"type": PanTool}), active_scroll=None)
    return json_item(figure, ID(name))
