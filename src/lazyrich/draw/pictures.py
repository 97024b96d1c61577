"""Writing matplotlib's figures: each says in its metadata what it shows, and is the same to the byte when made again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

DOTS = 150  # per inch
METADATA = {"svg": {"Date": None}, "png": {}}  # without the date of the day


def save(figure: Figure, said: str, files: Mapping[str, Path | BinaryIO]) -> None:
    """Write a figure, which is then closed, as `svg` or `png` (kind -> file) with `said` as its description."""
    # Measured once: savefig's own "tight" draws everything again for each file.
    box = figure.get_tightbbox().padded(0.1)
    with plt.rc_context({"svg.hashsalt": "lazyrich"}):
        for kind, file in files.items():
            metadata = {**METADATA[kind], "Description": said}
            figure.savefig(file, format=kind, dpi=DOTS, bbox_inches=box, metadata=metadata)
    plt.close(figure)
