"""lazyrich: when, how and how fast two-layer networks learn features, and where theory stops describing it.

`run` trains the networks of a sweep, `analyse` holds them against theory. Both are loaded on first use, so that reading a
sweep file stays light.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lazyrich.analysis.summary import analyse
    from lazyrich.shards.memory import run

__all__ = ["analyse", "run"]


def __getattr__(name: str) -> Any:
    if name == "run":
        from lazyrich.shards.memory import run

        return run
    if name == "analyse":
        from lazyrich.analysis.summary import analyse

        return analyse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
