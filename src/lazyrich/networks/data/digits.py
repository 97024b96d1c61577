"""Scikit-learn's bundled images of handwritten digits, 8 × 8 pixels of 0 to 16; `images/README.md` names their source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lazyrich.networks.data.digest import of_file
from lazyrich.networks.data.interface import Source

if TYPE_CHECKING:
    from lazyrich.networks.data.pool import Pool

FILE = Path(__file__).parent / "images" / "digits.csv.gz"
PIXELS = 64
BRIGHTEST = 16


def pool(path: str = "") -> Pool:
    """Return the 1797 images, in scikit-learn's order."""
    import numpy as np

    from lazyrich.networks.data.pool import Pool

    table = np.loadtxt(FILE, delimiter=",")
    return Pool(batches=(table[:, :PIXELS],), labels=table[:, PIXELS], span=(0.0, float(BRIGHTEST)))


def digest(path: str = "") -> str:
    """Return the SHA-256 of the shipped file."""
    return of_file(FILE)


SOURCE = Source(name="digits", description="`digits` (1797 images of 8 × 8 pixels, shipped)", pool=pool, digest=digest)
