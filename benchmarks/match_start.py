"""Print the initial size of a ReLU network that has the onset of Figure 3, for each σ₀/v₀ (docs/theory.md).

    python benchmarks/match_start.py

Run it in the project's folder; it takes about a minute.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from lazyrich.analysis.matching import match_start
from lazyrich.analysis.published import load_published

SWEEP = Path("config/sweeps/figure3.yaml")
POINTS = Path("config/reference/figure3.csv")


def main() -> None:
    """Print one line for each σ₀/v₀."""
    sweep = yaml.safe_load(SWEEP.read_text(encoding="utf-8"))
    for match in match_start(sweep, load_published(POINTS)):
        print(match)


if __name__ == "__main__":
    main()
