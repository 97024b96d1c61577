"""Serving the explorer, to this machine only unless told otherwise."""

from __future__ import annotations

from pathlib import Path

import panel as pn

from lazyrich.explore.explorer import Explorer
from lazyrich.explore.launch import Launcher


def serve(
    config: Path, results: Path, *, address: str = "127.0.0.1", port: int = 5006, show: bool = True, run: bool = False
) -> None:
    """Serve one page a visitor over a results folder until the process is stopped; nothing else of the disk is served.

    With `run` pages may write sweep files into `config` and run them.
    """
    launcher = Launcher(config, results) if run else None
    pn.extension(inline=True)
    pn.serve(
        {"/": lambda: Explorer(config, results, launcher)},
        address=address,
        port=port,
        websocket_origin=[f"{address}:{port}", f"localhost:{port}"],
        title="lazyrich",
        show=show,
    )
