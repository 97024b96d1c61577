"""The index of all sweeps: a picture, a title and a sentence each."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lazyrich.draw.page import write_page
from lazyrich.sweep.sweep import Sweep


def write_index(sweeps: list[Sweep], *, reports: list[str], figures: list[str], page: str | Path) -> None:
    """Write the index; links are relative, so that the results folder can be moved as a whole."""
    home = Path(page).parent
    entries = []
    for sweep, report, folder in zip(sweeps, reports, figures, strict=True):
        pictures = sorted(Path(folder).glob("*.png"), key=lambda path: (path.stem != "phase_diagram", path.stem))
        entries.append(
            {
                "title": sweep.title,
                "sentence": re.split(r"(?<=\.)\s+(?=[A-Z])", sweep.description.strip(), maxsplit=1)[0],
                "report": Path(os.path.relpath(report, home)).as_posix(),
                # A sweep of one cell that keeps end values only has nothing to draw.
                "picture": Path(os.path.relpath(pictures[0], home)).as_posix() if pictures else None,
                "networks": sweep.networks,
                "refined": sweep.refine is not None,
            }
        )
    write_page(page, "index.html", entries=entries)
