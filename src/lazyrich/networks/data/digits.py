"""Scikit-learn's bundled images of handwritten digits, 8 × 8 pixels of 0 to 16; `images/README.md` says whose they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lazyrich.networks.data.pool import Pool

FILE = Path(__file__).parent / "images" / "digits.csv.gz"
PIXELS = 64
BRIGHTEST = 16


def pool() -> Pool:
    """The 1797 images, in scikit-learn's order."""
    table = np.loadtxt(FILE, delimiter=",")
    return Pool(batches=(table[:, :PIXELS],), labels=table[:, PIXELS], span=(0.0, float(BRIGHTEST)))
