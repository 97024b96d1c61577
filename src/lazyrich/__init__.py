"""lazyrich: when, how and how fast two-layer networks learn features, and where theory stops describing it.

The names in `__all__` are what users may rely on; everything else is internal. Each one is loaded on first use, so that
importing lazyrich stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lazyrich.system.version import __version__

if TYPE_CHECKING:
    from lazyrich.analysis.collapse import collapse, points
    from lazyrich.analysis.summary import analyse
    from lazyrich.draw.figures import draw_figures
    from lazyrich.networks.activations import ActivationError
    from lazyrich.networks.data.interface import DataError
    from lazyrich.shards.memory import run
    from lazyrich.shards.replay import realise, replay
    from lazyrich.sweep.reader import load_sweep
    from lazyrich.sweep.schema import SweepError
    from lazyrich.system.extras import MissingExtra

__all__ = [
    "ActivationError",
    "DataError",
    "MissingExtra",
    "SweepError",
    "__version__",
    "analyse",
    "collapse",
    "draw_figures",
    "load_sweep",
    "points",
    "realise",
    "replay",
    "run",
]

# Public name -> the module that defines it, as type checkers read it above.
_HOMES = {
    "ActivationError": "networks.activations",
    "DataError": "networks.data.interface",
    "MissingExtra": "system.extras",
    "SweepError": "sweep.schema",
    "analyse": "analysis.summary",
    "collapse": "analysis.collapse",
    "draw_figures": "draw.figures",
    "load_sweep": "sweep.reader",
    "points": "analysis.collapse",
    "realise": "shards.replay",
    "replay": "shards.replay",
    "run": "shards.memory",
}


if not TYPE_CHECKING:  # a type checker that saw this function would accept any name

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from lazyrich.system.extras import named

        with named():
            value = getattr(importlib.import_module(f"lazyrich.{_HOMES[name]}"), name)
        globals()[name] = value  # from now on without this function
        return value


def __dir__() -> list[str]:
    return __all__
