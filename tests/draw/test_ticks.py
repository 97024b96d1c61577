"""Every logarithmic axis has at least two ticks that can be told apart, whatever its range."""

import pytest
from matplotlib.figure import Figure

from lazyrich.draw import style


@pytest.mark.parametrize("which", ["x", "y"])
@pytest.mark.parametrize("start", [3.1e-7, 0.011, 0.95, 1.0, 47.0, 6.02e5])
@pytest.mark.parametrize("ratio", [1 + 1e-7, 1 + 1e-4, 1.01, 1.3, 1.9, 3.0, 9.0, 11.0, 99.0, 101.0, 1e3, 1e7, 1e20])
def test_an_axis_of_any_range_has_ticks(which, start, ratio):
    axes = Figure().add_subplot()
    axes.set(**{f"{which}scale": "log", f"{which}lim": (start, start * ratio)})
    axis = axes.xaxis if which == "x" else axes.yaxis
    style.frame(axes, 1)
    ticks = axis.get_majorticklocs()
    labels = zip(ticks, axis.get_major_formatter().format_ticks(ticks), strict=True)
    shown = [label for value, label in labels if label and start <= value <= start * ratio]
    assert len(shown) >= 2 and len(set(shown)) == len(shown), shown
