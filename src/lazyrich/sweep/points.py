"""Published curves as a table: a CSV with step, loss, rho_over_v and ntk_error. No numpy: sweep files are checked with it."""

from __future__ import annotations

import csv
from pathlib import Path

from lazyrich.system.errors import LazyrichError

COLUMNS = ("step", "loss", "rho_over_v", "ntk_error")


def read_points(path: str | Path) -> dict[str, list[float]]:
    """Return the columns of a table of published points, name -> one number for each point.

    Raises
    ------
    ValueError
        if a column is missing or does not hold numbers; the message names file and fix.
    """
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    missing = [name for name in COLUMNS if not rows or rows[0].get(name) is None]
    if missing:
        raise LazyrichError(f"{path}: has no column {', '.join(missing)}; give columns {', '.join(COLUMNS)}")
    try:
        return {name: [float(row[name]) for row in rows] for name in COLUMNS}
    except (ValueError, TypeError) as error:
        raise LazyrichError(f"{path}: holds something that is no number ({error}); fix the table") from None
